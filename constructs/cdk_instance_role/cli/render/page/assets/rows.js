// The instances of the report, as rows with a text for each column.

const REPORT = embedded("report");
const WORDS = embedded("words");
const IS_PLAN = REPORT.kind === "plan";
const RESULTS = ["drifted", "in order"];
const ACTIONS = IS_PLAN ? WORDS.actions : RESULTS;
const COLLATOR = new Intl.Collator("en", { numeric: true });

/** An instance profile and its role. */
function profile(view) {
  if (view === null) return "none";
  const name = view.is_new ? `(new) ${view.name}` : view.name;
  return oneLine(view.role ? `${name} (role ${view.role})` : name);
}

/** Columns by their keys; `only` is whether one is shown. */
function columns(rows) {
  const several = (key) => new Set(rows.map((row) => row.cells[key])).size > 1;
  const all = [
    { key: "action", heading: IS_PLAN ? "Action" : "Result" },
    { key: "id", heading: "Instance", isName: true },
    { key: "name", heading: "Name" },
    { key: "state", heading: "State" },
    { key: "account", heading: "Account", isName: true, only: several("account") },
    { key: "region", heading: "Region", isName: true, only: several("region") },
    { key: "association", heading: "Association", only: several("fragment") },
  ];
  const plan = [
    { key: "now", heading: "Now" },
    { key: "reason", heading: "Reason" },
  ];
  const status = [
    { key: "now", heading: "Carries" },
    { key: "wanted", heading: "Wanted" },
    { key: "latest", heading: "Latest action" },
    { key: "since", heading: "Since" },
    { key: "reason", heading: "Drift" },
  ];
  return [...all, ...(IS_PLAN ? plan : status)].filter((one) => one.only !== false);
}

/** All rows, those that people have to see first. */
function allRows() {
  const times = new Map();
  const rows = REPORT.associations.flatMap((association, number) => {
    const { fragment } = WORDS.associations[number];
    const place = {
      account: oneLine(association.account),
      region: oneLine(association.region),
      association: oneLine(association.association),
      fragment,
    };
    const found = IS_PLAN ? new Set() : foundDrift(association);
    return association.instances.map((instance) => {
      const cells = { ...place, ...shared(instance), ...(IS_PLAN ? planned(instance) : held(instance, found)) };
      return { key: keyOf(instance.id, times), number, instance, cells, tags: tagsOf(instance) };
    });
  });
  const rank = new Map(ACTIONS.map((action, index) => [action, index]));
  return rows.sort((one, other) => rank.get(one.cells.action) - rank.get(other.cells.action));
}

function keyOf(id, times) {
  const time = (times.get(id) ?? 0) + 1;
  times.set(id, time);
  return time === 1 ? id : `${id}~${time}`;
}

function shared(instance) {
  return { id: oneLine(instance.id), name: oneLine(instance.name), state: oneLine(instance.state) };
}

function planned(instance) {
  return { action: instance.verb, now: profile(instance.current), reason: oneLine(instance.reason) };
}

function held(instance, found) {
  return {
    action: RESULTS[instance.drift || found.has(instance.id) ? 0 : 1],
    now: profile(instance.carries),
    wanted: profile(instance.wanted),
    previous: profile(instance.previous),
    latest: oneLine(instance.outcome),
    since: instance.since ?? "",
    reason: oneLine(instance.drift),
  };
}

function foundDrift(association) {
  return new Set((association.enforcement?.drift ?? []).map((one) => one.instance));
}

function tagsOf(instance) {
  const tags = Object.entries(instance.tags ?? {}).map(([key, value]) => [oneLine(key), oneLine(value)]);
  const isNamed = tags.some(([key]) => key === "Name");
  return instance.name && !isNamed ? [["Name", oneLine(instance.name)], ...tags] : tags;
}

/** What the text of a filter is looked for in. Made once for each row, when it is needed. */
function haystack(row) {
  row.haystack ??= [
    ...Object.values(row.cells),
    IS_PLAN ? profile(row.instance.planned) : "",
    REPORT.associations[row.number].stack,
    ...(row.instance.warnings ?? []),
    ...row.tags.map(([key, value]) => `${key}=${value}`),
  ]
    .join("\n")
    .toLowerCase();
  return row.haystack;
}
