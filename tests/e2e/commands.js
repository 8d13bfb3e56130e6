// Runs commands of the CDK CLI one after the other. Each line of a named pipe is the arguments of one, as JSON. A
// command ends when Node.js has nothing left to do, where a process of its own would end; then a mark and its exit
// status are printed.
const { openSync, readSync } = require("node:fs");
const [, , PACKAGE, PIPE, MARK] = process.argv;

// The CLI looks at a stack every five seconds. The local AWS is done with one sooner. Other timers of five seconds are
// as short here.
const OF_THE_CLI = 5000, HERE = 500;
globalThis.setTimeout = new Proxy(setTimeout, {
  apply: (target, self, [act, delay, ...more]) => target(act, delay === OF_THE_CLI ? HERE : delay, ...more),
});

process.setSourceMapsEnabled(true); // as bin/cdk does
const { cli } = require(PACKAGE);
const pipe = openSync(PIPE, "r"); // not standard input, which a command may read without blocking

function nextLine() {
  const bytes = [], byte = Buffer.alloc(1);
  while (readSync(pipe, byte, 0, 1) === 1 && byte[0] !== 10) bytes.push(byte[0]);
  return Buffer.from(bytes).toString();
}

process.on("beforeExit", () => {
  process.stdout.write(`${MARK}${process.exitCode ?? 0}\n`);
  const line = nextLine();
  if (line) {
    process.exitCode = 0;
    cli(JSON.parse(line));
  }
});
