// What is said about one instance when somebody asks for it.

function detailsOf(row) {
  const association = REPORT.associations[row.number];
  const { fragment } = WORDS.associations[row.number];
  const facts = [
    ["Association", make("a", { href: `#${fragment}` }, oneLine(association.association))],
    ["Stack", `${oneLine(association.stack)}, account ${row.cells.account}, ${row.cells.region}`],
    ...(IS_PLAN ? planFacts(row) : statusFacts(row)),
    ["Tags", row.tags.length ? list(row.tags.map(([key, value]) => `${key}=${value}`)) : "none known"],
    ["Link", make("a", { href: addressOf(only(row)) }, "to this instance alone")],
  ];
  const pairs = facts.filter(([, fact]) => fact !== "").map(pair);
  return [make("dl", {}, ...pairs), ...findingsAbout(association, row), ...permissionsOf(association, row)];
}

/** A state that shows one row, and what is said about it. */
function only(row) {
  const place = { account: row.cells.account, region: row.cells.region, association: row.cells.fragment };
  return { ...emptyState(), ...place, text: row.cells.id, open: new Set([row.key]) };
}

function planFacts({ cells, instance }) {
  return [
    ["Now", cells.now],
    ["Afterwards", profile(instance.planned)],
    ["Reason", cells.reason],
    ["Warnings", instance.warnings.length ? list(instance.warnings) : ""],
  ];
}

function statusFacts({ cells }) {
  return [
    ["Carries", cells.now],
    ["Wanted", cells.wanted],
    ["Previous", cells.previous],
    ["Latest action", cells.latest],
    ["Since", cells.since],
    ["Drift", cells.reason],
  ];
}

function pair([label, fact]) {
  return make("div", {}, make("dt", {}, label), make("dd", {}, fact));
}

function list(items) {
  return make("ul", {}, ...items.map((one) => make("li", {}, make("bdi", {}, oneLine(one)))));
}

function findingsAbout(association, row) {
  const about = (one) => one.instance === row.instance.id;
  const found = (association.enforcement?.drift ?? []).filter(about).map((one) => [one.reason, one.advice]);
  const latest = (association.latest_changes ?? []).filter(about);
  const changes = latest.map((one) => (one.by ? [`${one.action} by ${one.by}`, one.at] : ["no event was found"]));
  return [...titled("Found by enforcement", found), ...titled("Changed last", changes)];
}

function titled(heading, items) {
  if (items.length === 0) return [];
  return [make("h3", {}, heading), list(items.map((parts) => parts.filter(Boolean).join(": ")))];
}

function permissionsOf(association, row) {
  return (association.permissions ?? []).flatMap((change, number) => {
    change.ids ??= new Set(change.instances);
    if (!change.ids.has(row.instance.id)) return [];
    const { lists } = WORDS.associations[row.number].permissions[number];
    const heading = `Permissions with role ${oneLine(change.after)} instead of ${oneLine(change.before)}`;
    return [make("h3", {}, heading), ...lists.flatMap(([name, items]) => [make("h4", {}, name), list(items)])];
  });
}
