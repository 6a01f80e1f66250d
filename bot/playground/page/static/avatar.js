/** Faces of people and the app: initials on a colour that always is the same for the same person. */

import { h } from "./dom.js";

const COLOURS = 8; // as many as theme.css names

/** An avatar. `size` is "small", "medium" or "large". */
export function avatar({ id, name, app = false }, size = "medium") {
  const hue = [...id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % COLOURS;
  const words = app ? "⇄" : initials(name);
  return h("span", { class: `avatar avatar-${size} ${app ? "avatar-app" : `avatar-${hue}`}`, "aria-hidden": "true" }, words);
}

function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : null].filter(Boolean).map((word) => [...word][0].toUpperCase()).join("");
}
