/**
 * Builds DOM nodes. Text always becomes a text node and attributes are set one by one, so nothing that a person,
 * a story or an error message says can turn into markup: no module of this page touches innerHTML, and the page's
 * Content-Security-Policy (Trusted Types) makes the browser refuse it.
 */

/** A node: `h("p", {class: "hint", onclick: f}, "text", child)`. Null, undefined and false children are left out. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  setProps(node, props);
  append(node, children);
  return node;
}

/** An inline drawing: every icon is a path on a 20 × 20 grid, drawn in the colour of the text around it. */
export function icon(name, className = "icon") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Replaces everything inside `node`. */
export function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

/** An id that no other node of this page has, for labels and descriptions. */
export function freshId(prefix) {
  counter += 1;
  return `${prefix}-${counter}`;
}

/** The address when a click may follow it (http, https, mailto), else null: never `javascript:`. */
export function safeAddress(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

let counter = 0;

function setProps(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name === "value" || name === "checked" || name === "disabled") node[name] = value;
    else node.setAttribute(name === "className" ? "class" : name, value === true ? "" : String(value));
  }
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
}

const ICONS = {
  hash: "M8 3 6.6 17M13.4 3 12 17M3.5 7.5h13M3 12.5h13",
  lock: "M5.5 9.5h9v7h-9zM7.5 9.5V6.8a2.5 2.5 0 0 1 5 0v2.7",
  home: "M3.5 9.5 10 3.8l6.5 5.7M5.5 8.3v8h9v-8M8.5 16v-4.2h3V16",
  close: "M5 5l10 10M15 5 5 15",
  back: "M12.5 4.5 7 10l5.5 5.5",
  down: "M5.5 8l4.5 4.5L14.5 8",
  up: "M5.5 12 10 7.5l4.5 4.5",
  more: "M10 4.8v.4M10 9.8v.4M10 14.8v.4",
  bolt: "M11 3 5 11.5h4.5L9 17l6-8.5h-4.5z",
  send: "M4 4.5 16.5 10 4 15.5l2-5.5zM6 10h5",
  menu: "M3.5 5.5h13M3.5 10h13M3.5 14.5h13",
  moon: "M15.8 12.2A6.5 6.5 0 0 1 7.8 4.2a6.5 6.5 0 1 0 8 8z",
  sun: "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2.5v1.6M10 15.9v1.6M2.5 10h1.6M15.9 10h1.6M4.7 4.7l1.1 1.1M14.2 14.2l1.1 1.1M15.3 4.7l-1.1 1.1M5.8 14.2l-1.1 1.1",
  building: "M4.5 17V4h7v13M11.5 8h4v9M3 17h14M7 7h2M7 10h2M7 13h2M13.3 11h.4M13.3 14h.4",
  traffic: "M3 7h11l-3-3M17 13H6l3 3",
  thread: "M4 4.5h12v8.5H9.5L6 16v-3H4z",
  eye: "M2.5 10S5.2 5.5 10 5.5 17.5 10 17.5 10 14.8 14.5 10 14.5 2.5 10 2.5 10zM10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  warn: "M10 3.5 17.5 16h-15zM10 8.5v3.5M10 14v.2",
  check: "M4.5 10.5 8.5 14.5 15.5 6",
  pin: "M10 3.5v13",
};
