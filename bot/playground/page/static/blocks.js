/** Block Kit blocks as nodes, as Slack draws them on a message, a modal or a Home tab. */

import { dataTable, plainTable } from "./datatable.js";
import { freshId, h } from "./dom.js";
import { drawEmoji } from "./emoji.js";
import { drawElement, picture, textNodes } from "./elements.js";
import { markdown } from "./markdown.js";
import { richText } from "./richtext.js";

/** Nodes for all blocks. `errors` maps block ids to the words under their field. */
export function drawBlocks(blocks, surface, errors = {}) {
  return blocks.map((block, place) => drawBlock(block, surface, errors[block.block_id], place));
}

/** The node for one block; `place` is its number on the surface. */
export function drawBlock(block, surface, error, place) {
  const node = (BLOCKS[block.type] ?? unknown)(block, surface, error, place);
  node.classList.add("block", `block-${block.type}`);
  if (block.block_id) node.dataset.block = block.block_id;
  return node;
}

const BLOCKS = {
  section,
  input,
  header: (block) => h("div", { role: "heading", "aria-level": "2" }, drawEmoji(block.text.text)),
  divider: () => h("hr"),
  context: (block, surface) => h("div", {}, block.elements.map((element) => h("span", { class: "context-item" },
    element.type === "image" ? picture(element) : textNodes(element, surface.people)))),
  actions: (block, surface) => h("div", { role: "group", "aria-label": "Actions" }, block.elements.map((element) => drawElement(element, spot(block, element), surface))),
  image: (block) => h("figure", {}, block.title && h("figcaption", {}, drawEmoji(block.title.text)), picture(block)),
  rich_text: (block, surface) => h("div", {}, richText(block, surface.people)),
  data_table: (block, surface, _error, place) => dataTable(block, surface, place, (element) => drawElement(element, spot(block, element), surface)),
  table: (block, surface) => plainTable(block, surface.people),
  markdown: (block, surface) => h("div", {}, markdown(block.text, surface.people)),
};

function spot(block, element, labels) {
  return { blockId: block.block_id, labels: labels ?? { "aria-label": element.placeholder?.text ?? "Choose" }, tells: true };
}

function section(block, surface) {
  const words = h("div", { class: "section-words", id: freshId("section") }, textNodes(block.text, surface.people));
  const fields = block.fields && h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "field" }, textNodes(field, surface.people))));
  const { accessory } = block;
  return h("div", {}, h("div", { class: "section-main" }, block.text && words, fields),
    accessory && h("div", { class: `accessory accessory-${accessory.type}` }, drawElement(accessory, spot(block, accessory, block.text ? { "aria-labelledby": words.id } : undefined), surface)));
}

function input(block, surface, error) {
  const id = freshId("field");
  const { element } = block;
  const described = [block.hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || null;
  const grouped = ["radio_buttons", "checkboxes"].includes(element.type);
  const labels = {
    "aria-labelledby": `${id}-label`, "aria-describedby": described, "aria-invalid": error ? "true" : null,
    ...(block.optional || element.type === "checkboxes" ? {} : { "aria-required": "true" }), // group has no aria-required
    ...(grouped ? {} : { id }),
  };
  return h("div", { class: error ? "has-error" : null },
    h(grouped ? "div" : "label", { class: "label", id: `${id}-label`, for: grouped ? null : id }, drawEmoji(block.label.text), block.optional && h("span", { class: "optional" }, " (optional)")),
    drawElement(element, { blockId: block.block_id, labels, tells: block.dispatch_action === true }, surface),
    error && h("div", { class: "field-error", id: `${id}-error` }, error),
    block.hint && h("div", { class: "hint", id: `${id}-hint` }, drawEmoji(block.hint.text)));
}

function unknown(block) {
  return h("div", { class: "unknown" }, `A block of type “${block.type}” is not drawn here.`);
}
