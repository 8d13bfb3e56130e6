// The state of the page in its address: `#instances&action=conflict&text=web&sort=-name&open=i-0123`.

const WRITE_AFTER = 150; // milliseconds; browsers limit how often an address may change

/** The element that an address names, and the state in it. */
function read(hash) {
  const [first, ...rest] = hash.replace(/^#/, "").split("&");
  const parameters = new URLSearchParams(first.includes("=") ? [first, ...rest].join("&") : rest.join("&"));
  const state = emptyState();
  for (const name of [...TEXTS, ...CHOICES]) state[name] = parameters.get(name) ?? "";
  state.action = parameters.getAll("action").filter((one) => ACTIONS.includes(one));
  state.sort = parameters.get("sort") ?? "";
  state.open = new Set(parameters.getAll("open"));
  return { target: first.includes("=") ? "" : first, state, isEmpty: [...parameters.keys()].length === 0 };
}

function addressOf(state, target = "instances") {
  const parameters = new URLSearchParams();
  for (const name of [...TEXTS, ...CHOICES]) if (state[name]) parameters.set(name, state[name]);
  for (const one of state.action) parameters.append("action", one);
  if (state.sort) parameters.set("sort", state.sort);
  for (const one of state.open) parameters.append("open", one);
  const query = parameters.toString();
  return query ? `#${target}&${query}` : `#${target}`;
}

let writing = 0;

/** Put the state into the address, soon. */
function remember(state, target) {
  clearTimeout(writing);
  writing = setTimeout(() => history.replaceState(null, "", addressOf(state, target)), WRITE_AFTER);
}
