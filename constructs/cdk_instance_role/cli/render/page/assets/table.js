// The table of the instances. It grows as somebody reads on: thousands of rows at once would take seconds.

const SLICE = 200;
const WIDE = 9; // columns, which a usual screen has room for

/** A table of rows, and what it tells when somebody sorts it or opens a row. */
class InstanceTable {
  constructor(rows, changed) {
    this.columns = columns(rows);
    this.body = byId("rows");
    byId("table").classList.toggle("wide", this.columns.length > WIDE);
    this.changed = changed;
    this.rows = [];
    this.shown = 0;
    this.buttons = new Map();
    byId("headings").append(...this.columns.map((one) => this.heading(one)), make("th", { scope: "col" }, "Details"));
  }

  heading({ key, heading }) {
    const sign = make("span", { "aria-hidden": "true", class: "direction" });
    const button = make("button", { type: "button" }, heading, " ", sign);
    button.addEventListener("click", () => this.changed({ sort: this.next(key) }));
    const cell = make("th", { scope: "col", class: `column-${key}` }, button);
    this.buttons.set(key, { cell, sign });
    return cell;
  }

  next(key) {
    if (this.state.sort === key) return `-${key}`;
    return this.state.sort === `-${key}` ? "" : key;
  }

  /** Show the first of some rows, and as many as it takes to show those that are open. */
  show(rows, state) {
    this.rows = rows;
    this.state = state;
    this.shown = 0;
    this.body.replaceChildren();
    this.showOrder();
    const open = state.open.size ? rows.findLastIndex((row) => state.open.has(row.key)) + 1 : 0;
    this.grow(Math.max(SLICE, open));
  }

  showOrder() {
    const key = this.state.sort.replace("-", "");
    const isDescending = this.state.sort.startsWith("-");
    for (const [name, { cell, sign }] of this.buttons) {
      if (name === key) cell.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
      sign.textContent = name === key ? (isDescending ? "\u2193" : "\u2191") : "";
    }
    const column = this.columns.find((one) => one.key === key);
    const order = column ? `by ${column.heading}, ${isDescending ? "descending" : "ascending"}` : "the worst first";
    byId("order").textContent = order;
  }

  /** Show more rows; all of them if no number is given. */
  grow(number = Infinity) {
    const next = this.rows.slice(this.shown, this.shown + number);
    this.shown += next.length;
    this.body.append(...next.flatMap((row) => (this.state.open.has(row.key) ? this.opened(row) : [this.line(row)])));
    const left = this.rows.length - this.shown;
    byId("more").hidden = byId("show-all").hidden = left === 0;
    byId("show-more").textContent = `Show ${Math.min(SLICE, left)} more`;
    byId("show-all").textContent = `Show all ${counted(this.rows.length, "instance")}`;
  }

  /** Show all rows. The button goes, so the table gets the focus. */
  showAll() {
    this.grow();
    byId("scroll").focus({ preventScroll: true });
  }

  /** Show more rows to somebody who has asked for them, and go to the first one. */
  readOn() {
    const last = this.body.lastElementChild;
    this.grow(SLICE);
    last?.nextElementSibling?.querySelector("button").focus();
  }

  line(row) {
    const line = make("tr", { class: `action-${row.cells.action.replace(" ", "-")}` });
    for (const column of this.columns) line.append(this.cell(row, column));
    const label = `Details of ${row.cells.id}`;
    const button = make("button", { type: "button", "aria-expanded": "false", "aria-label": label }, "Details");
    button.addEventListener("click", () => this.toggle(row, line, button));
    line.append(make("td", { class: "column-details" }, button));
    return line;
  }

  cell(row, { key, isName }) {
    const text = row.cells[key];
    if (key === "id") return make("th", { scope: "row" }, named(text));
    if (key === "action") return make("td", {}, make("span", { class: "action" }, text));
    return make("td", {}, isName ? named(text) : make("bdi", {}, text || "-"));
  }

  opened(row) {
    const line = this.line(row);
    const button = line.querySelector("button");
    return [line, this.open(row, button)];
  }

  open(row, button) {
    const id = `details-${encodeURIComponent(row.key)}`;
    button.setAttribute("aria-expanded", "true");
    button.setAttribute("aria-controls", id);
    return make("tr", { id, class: "details" }, make("td", { colspan: this.columns.length + 1 }, ...detailsOf(row)));
  }

  toggle(row, line, button) {
    if (this.state.open.delete(row.key)) {
      line.nextElementSibling.remove();
      button.setAttribute("aria-expanded", "false");
      button.removeAttribute("aria-controls");
    } else {
      this.state.open.add(row.key);
      line.after(this.open(row, button));
    }
    this.changed({});
  }
}
