// The filters that people set.

const SUGGESTED_TAGS = 200;

/** Fill the lists of the filters, and tell what is changed. A list with one value is no choice, and is not shown. */
function prepareControls(rows, changed) {
  for (const name of CHOICES) {
    const select = byId(name);
    const values = optionsOf(rows, name);
    select.append(make("option", { value: "" }, "all"), ...values.map(([value, text]) => make("option", { value }, text)));
    select.parentElement.hidden = values.length < 2;
    select.addEventListener("change", () => changed({ [name]: select.value }));
  }
  for (const name of TEXTS) {
    byId(name).addEventListener("input", (event) => changed({ [name]: event.target.value }));
  }
  prepareActions(rows, changed);
  const tags = new Set(rows.slice(0, 1000).flatMap((row) => row.tags.flatMap(([key, value]) => [key, `${key}=${value}`])));
  byId("tags").append(...[...tags].slice(0, SUGGESTED_TAGS).map((value) => make("option", { value })));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => changed({ ...emptyState(), sort: undefined, open: undefined }));
}

function optionsOf(rows, name) {
  const texts = new Map();
  for (const row of rows) {
    const value = choiceOf(row, name);
    if (value && !texts.has(value)) texts.set(value, name === "association" ? placed(row) : value);
  }
  return [...texts].sort(([, one], [, other]) => COLLATOR.compare(one, other));
}

function placed({ cells }) {
  return `${cells.association} (${cells.account}, ${cells.region})`;
}

function prepareActions(rows, changed) {
  const box = byId("action");
  box.querySelector("legend").textContent = IS_PLAN ? "Action" : "Result";
  const counts = new Map();
  for (const { cells } of rows) counts.set(cells.action, (counts.get(cells.action) ?? 0) + 1);
  for (const action of ACTIONS.filter((one) => counts.has(one))) {
    const input = make("input", { type: "checkbox", value: action });
    const number = make("span", { class: "minor" }, counts.get(action).toLocaleString("en"));
    box.append(make("label", {}, input, ` ${action} `, number));
  }
  box.addEventListener("change", () =>
    changed({ action: [...box.querySelectorAll("input:checked")].map((one) => one.value) }),
  );
}

/** Let the controls show a state. */
function showControls(state) {
  for (const name of [...TEXTS, ...CHOICES]) if (byId(name).value !== state[name]) byId(name).value = state[name];
  for (const input of byId("action").querySelectorAll("input")) input.checked = state.action.includes(input.value);
}

/** What is filtered by, in words. */
function filtersInWords(state) {
  const chosen = CHOICES.filter((name) => state[name]).map((name) => {
    const text = byId(name).selectedOptions[0]?.textContent || state[name];
    return `${byId(name).parentElement.querySelector("label").textContent} ${text}`;
  });
  const texts = TEXTS.filter((name) => state[name]).map((name) => `${name} \u201c${oneLine(state[name])}\u201d`);
  const actions = state.action.length ? [`${byId("action").querySelector("legend").textContent} ${state.action.join(" or ")}`] : [];
  return [...actions, ...chosen, ...texts].join("; ");
}
