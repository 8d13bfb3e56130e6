// Runs commands of the CDK CLI one after the other. Each line of standard input is the arguments of one, as JSON. A
// command ends when Node.js has nothing left to do, where a process of its own would end; then its exit status follows
// a zero character.
const { readSync } = require("node:fs");

// The CLI looks at a stack every five seconds. The local AWS is done with one sooner.
const OF_THE_CLI = 5000, HERE = 500;
globalThis.setTimeout = new Proxy(setTimeout, {
  apply: (target, self, [act, delay, ...more]) => target(act, delay === OF_THE_CLI ? HERE : delay, ...more),
});

process.setSourceMapsEnabled(true); // as bin/cdk does
const { cli } = require(process.argv[2]);

function nextLine() {
  const bytes = [], byte = Buffer.alloc(1);
  while (readSync(0, byte, 0, 1) === 1 && byte[0] !== 10) bytes.push(byte[0]);
  return Buffer.from(bytes).toString();
}

process.on("beforeExit", () => {
  process.stdout.write(`\0${process.exitCode ?? 0}\n`);
  const line = nextLine();
  if (line) {
    process.exitCode = 0;
    cli(JSON.parse(line));
  }
});
