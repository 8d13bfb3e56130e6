// Puts the parts together: every change goes through the state, and the state is in the address.

const ROWS = allRows();
let state = emptyState();
let target = "instances"; // the part of the page that the address names
const table = new InstanceTable(ROWS, (change) => {
  if ("sort" in change) update(change);
  else remember(state, (target = "instances"));
});

/** Change the state, and show what it selects. */
function update(change) {
  for (const [key, value] of Object.entries(change)) if (value !== undefined) state[key] = value;
  show();
  remember(state, (target = "instances"));
}

function show() {
  const found = matching(ROWS, state);
  table.show(sorted(found, state.sort), state);
  showControls(state);
  showAssociations();
  const filters = filtersInWords(state);
  const whole = counted(ROWS.length, "instance");
  byId("result").textContent = filters ? `${found.length.toLocaleString("en")} of ${whole}: ${filters}.` : `${whole}.`;
}

/** Hide the associations that the filters leave out, and tell how many. */
function showAssociations() {
  const all = [...document.querySelectorAll("details.association")];
  for (const one of all) {
    one.hidden = ["association", "account", "region"].some((name) => state[name] && one.dataset[name] !== state[name]);
  }
  const hidden = all.filter((one) => one.hidden).length;
  const note = byId("associations-left-out");
  if (note === null) return;
  note.hidden = hidden === 0;
  note.textContent = `${all.length - hidden} of ${counted(all.length, "association")}: the others do not match the filters.`;
}

/** Show what the address says. */
function follow() {
  const wanted = read(location.hash);
  const element = wanted.target ? byId(decoded(wanted.target)) : null;
  // A link to a part of the page leaves the filters as they are, unless they hide that part.
  if (!wanted.isEmpty || element === null || element === byId("instances") || element.closest("[hidden]")) {
    state = wanted.state;
    show();
  }
  if (element === null) return;
  remember(state, (target = wanted.target));
  for (let one = element; one !== null; one = one.parentElement) if (one.localName === "details") one.open = true;
  element.scrollIntoView();
  (element.querySelector("summary") ?? element).focus({ preventScroll: true });
}

function decoded(target) {
  try {
    return decodeURIComponent(target);
  } catch {
    return target;
  }
}

/** On paper everything is open, and every instance that matches the filters is there. */
function print() {
  table.grow();
  for (const one of document.querySelectorAll("details.association:not([open]):not([hidden])")) {
    one.open = true;
    one.dataset.folded = "";
  }
}

function afterPrint() {
  for (const one of document.querySelectorAll("details[data-folded]")) {
    one.open = false;
    delete one.dataset.folded;
  }
}

byId("view").hidden = ROWS.length === 0;
if (ROWS.length === 0) byId("instances").append(make("p", {}, "There are no instances."));
prepareControls(ROWS, update);
byId("show-more").addEventListener("click", () => table.readOn());
byId("show-all").addEventListener("click", () => table.showAll());
new IntersectionObserver(([end]) => end.isIntersecting && table.grow(SLICE), { rootMargin: "600px" }).observe(byId("more"));
addEventListener("hashchange", follow);
addEventListener("beforeprint", print);
addEventListener("afterprint", afterPrint);
show();
if (location.hash) follow();
document.documentElement.dataset.ready = "";
