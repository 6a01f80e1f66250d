/**
 * Where one is, as the address says: who (`as`), which conversation (`in`), which thread (`thread`), which panel
 * (`panel`). In the address, so that several windows can be several people, and reloading or going back works.
 */

const KEYS = ["as", "in", "thread", "panel"];

/** The place that the address names; what it leaves out is null. */
export function readPlace() {
  const params = new URLSearchParams(location.search);
  return Object.fromEntries(KEYS.map((key) => [key, params.get(key)]));
}

/** The address of a place. */
export function hrefOf(place) {
  const params = new URLSearchParams();
  for (const key of KEYS) if (place[key]) params.set(key, place[key]);
  return `/?${params}`;
}

/** Puts a place into the address; `replace` when it is no step that going back should undo. */
export function writePlace(place, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", hrefOf(place));
}
