/** Light or dark: what the system prefers, until one says otherwise. */

import { fill, icon } from "./dom.js";

const KEY = "playground-theme";

/** Makes `button` turn the theme, and applies the one that was chosen before. */
export function startTheme(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const dark = isDark();
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(dark));
    fill(button, icon(dark ? "sun" : "moon"));
  };
  const isDark = () => (localStorage.getItem(KEY) ?? (system.matches ? "dark" : "light")) === "dark";
  system.addEventListener("change", show);
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, isDark() ? "light" : "dark");
    show();
  });
  show();
}
