// Which rows match the filters, and in which order they are.

const TEXTS = ["text", "tag"];
const CHOICES = ["account", "region", "association", "state", "latest"];

/** A state of the page without filters, in the order of the report. */
function emptyState() {
  const texts = Object.fromEntries([...TEXTS, ...CHOICES].map((name) => [name, ""]));
  return { ...texts, action: [], sort: "", open: new Set() };
}

/** The value of a row that a choice is made from. */
function choiceOf(row, name) {
  if (name === "association") return row.cells.fragment;
  if (name === "latest") return (row.cells.latest ?? "").split(":")[0];
  return row.cells[name];
}

function matching(rows, state) {
  const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = CHOICES.filter((name) => state[name]);
  const actions = new Set(state.action);
  return rows.filter(
    (row) =>
      (actions.size === 0 || actions.has(row.cells.action)) &&
      chosen.every((name) => choiceOf(row, name) === state[name]) &&
      (state.tag === "" || hasTag(row, state.tag)) &&
      words.every((word) => haystack(row).includes(word)),
  );
}

/** Whether a row has a tag: `key`, or `key=part of the value`, in upper or lower case. A key may hold an equals sign. */
function hasTag(row, wanted) {
  const text = wanted.trim().toLowerCase();
  return row.tags.some(([name, value]) => {
    const key = name.toLowerCase();
    return text === key || (text.startsWith(`${key}=`) && value.toLowerCase().includes(text.slice(key.length + 1)));
  });
}

/** The rows by a column: `name` for ascending, `-name` for descending, and their own order if it is empty. */
function sorted(rows, sort) {
  if (!sort) return rows;
  const key = sort.replace("-", "");
  const sign = sort.startsWith("-") ? -1 : 1;
  const compare = COMPARISONS[key] ?? COLLATOR.compare;
  return [...rows].sort((one, other) => sign * compare(one.cells[key] ?? "", other.cells[key] ?? ""));
}

/** Of the columns whose texts are not for people to read through; ids are hexadecimal. */
const COMPARISONS = {
  __proto__: null,
  action: (one, other) => ACTIONS.indexOf(one) - ACTIONS.indexOf(other),
  id: (one, other) => Number(one > other) - Number(one < other),
};
