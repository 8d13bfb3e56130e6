// Elements are made with texts only: no markup is ever made of data.

const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Zs}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]+/gu;

/** A text on one line, without characters that are invisible or change its direction. */
function oneLine(text) {
  return String(text).replace(UNSEEN, " ").trim();
}

/** An element with attributes and with nodes and texts in it. An attribute that is false or null is left out. */
function make(name, attributes, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...content.filter((one) => one !== ""));
  return made;
}

/** A name or an id that people copy. */
function named(text) {
  return make("code", {}, make("bdi", {}, oneLine(text)));
}

function byId(id) {
  return document.getElementById(id);
}

function embedded(id) {
  return JSON.parse(byId(id).textContent);
}

function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
