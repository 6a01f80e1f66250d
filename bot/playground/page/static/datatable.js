/** The `data_table` block (sortable by its headers, in pages) and the plainer `table` block. */

import { fill, h, icon } from "./dom.js";
import { drawEmoji } from "./emoji.js";
import { richText } from "./richtext.js";

const PAGE_SIZE = 5; // what Slack shows when the app names no page_size
const SHORT = 12; // characters that stay on one line: a sign and a word
const NEXT_ORDER = { none: "ascending", ascending: "descending", descending: "none" };

/**
 * A sortable, paged table.
 * @param {Function} drawButton the node of a button in a cell
 * @param {Map} memory keeps order and page while the message is redrawn, by the block's place (ids change with updates)
 */
export function dataTable(block, { people, memory }, place, drawButton) {
  const [header, ...rows] = block.rows;
  const state = memory.get(place) ?? { column: -1, order: "none", page: 0 };
  memory.set(place, state);
  const body = h("tbody");
  const pager = h("div", { class: "pager" });
  const heads = header.map((cell, column) => head(cell, column));
  const size = block.page_size ?? PAGE_SIZE;
  const table = h("table", { class: "data-table" }, h("caption", {}, block.caption), h("thead", {}, h("tr", {}, heads)), body);

  function head(cell, column) {
    const turn = () => {
      state.order = state.column === column ? NEXT_ORDER[state.order] : "ascending";
      state.column = column;
      state.page = 0;
      draw();
    };
    const numeric = isNumeric(rows, column);
    return h("th", { scope: "col", class: numeric ? "numeric" : null },
      h("button", { type: "button", class: "sort", onclick: turn }, h("span", {}, words(cell)), icon("up", "icon sort-mark")));
  }

  function draw() {
    heads.forEach((th, column) => th.setAttribute("aria-sort", column === state.column ? state.order : "none"));
    const ordered = sorted(rows, state);
    const pages = Math.max(1, Math.ceil(ordered.length / size));
    state.page = Math.min(state.page, pages - 1);
    const start = state.page * size;
    const name = block.row_header_column_index ?? 0;
    fill(body, ordered.slice(start, start + size).map((row) => h("tr", {}, row.map((cell, column) => drawCell(cell, column === name, people, drawButton)))));
    const focused = pager.contains(document.activeElement) ? document.activeElement.dataset.step : null;
    fill(pager, h("span", { role: "status" }, `${start + 1}–${Math.min(start + size, ordered.length)} of ${ordered.length}`),
      pages > 1 && [step(-1, "Previous page", "back", state.page > 0), step(1, "Next page", "back", state.page < pages - 1)]);
    if (focused) (pager.querySelector(`[data-step="${focused}"]:not([disabled])`) ?? pager.querySelector("button:not([disabled])"))?.focus();
  }

  function step(by, label, name, possible) {
    const turn = () => {
      state.page += by;
      draw();
    };
    return h("button", { type: "button", class: `page-step step-${by > 0 ? "next" : "previous"}`, "aria-label": label, disabled: !possible, onclick: turn, dataset: { step: by } }, icon(name));
  }

  draw();
  return h("div", { class: "table-frame" }, h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": block.caption }, table), pager);
}

/** The `table` block: no sorting, no pages. */
export function plainTable(block, people) {
  const settings = block.column_settings ?? [];
  const rows = block.rows.map((row, index) => h("tr", {}, row.map((cell, column) => {
    const align = settings[column]?.align;
    return h(index ? "td" : "th", { class: align ? `align-${align}` : null, scope: index ? null : "col" }, content(cell, people));
  })));
  return h("div", { class: "table-frame" }, h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": "Table" },
    h("table", { class: "data-table" }, h("tbody", {}, rows))));
}

function drawCell(cell, isName, people, drawButton) {
  if (cell.type === "action") return h("td", { class: "short" }, drawButton(cell.element));
  const kinds = [cell.type === "raw_number" && "numeric", cell.type === "raw_text" && cell.text.length <= SHORT && "short"].filter(Boolean);
  const props = { class: kinds.join(" ") || null, scope: isName ? "row" : null };
  return h(isName ? "th" : "td", props, content(cell, people));
}

function content(cell, people) {
  return cell.type === "rich_text" ? richText(cell, people) : words(cell);
}

function words(cell) {
  if (cell.type === "raw_number") return cell.text ?? String(cell.value);
  return drawEmoji(cell.text ?? "");
}

function isNumeric(rows, column) {
  return rows.every((row) => row[column].type === "raw_number");
}

function sorted(rows, { column, order }) {
  if (order === "none" || column < 0) return rows;
  const key = (row) => (row[column].type === "raw_number" ? Number(row[column].value) : flat(row[column]));
  const compare = isNumeric(rows, column)
    ? (one, other) => key(one) - key(other)
    : (one, other) => String(key(one)).localeCompare(String(key(other)), "en", { sensitivity: "base" });
  const up = [...rows].sort(compare);
  return order === "ascending" ? up : up.reverse();
}

function flat(node) {
  if (node.type === "action") return flat(node.element.text);
  if (Array.isArray(node)) return node.map(flat).join("");
  return (node.text ?? "") + (node.elements ? flat(node.elements) : "");
}
