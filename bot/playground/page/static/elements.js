/**
 * Block Kit's interactive elements. Each renderer gets the element, the block's id, the surface it lives on and the
 * aria attributes that name it.
 *
 * A surface offers `people`, `form` (FormState), `act(blockId, element, value)` (a block_actions interaction) and
 * `options(blockId, element, query)` (asks the app for options).
 */

import { confirmed } from "./dialog.js";
import { freshId, h, icon, safeAddress } from "./dom.js";
import { drawEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { Select, optionText, ownOptions, sameOption } from "./select.js";

/** The node for an element. `spot`: `{blockId, labels, tells}`, `tells` false when a change is not an interaction. */
export function drawElement(element, spot, surface) {
  const draw = ELEMENTS[element.type];
  return draw ? draw(element, spot, surface) : h("span", { class: "unknown" }, `[${element.type} is not drawn here]`);
}

const ELEMENTS = {
  button,
  overflow,
  plain_text_input: textInput,
  static_select: select,
  external_select: select,
  multi_static_select: select,
  multi_external_select: select,
  radio_buttons: choices,
  checkboxes: choices,
  image: (element) => picture(element),
};

/** An image's words: the page loads nothing from elsewhere, so a picture is shown by its alternative text. */
export function picture(element) {
  return h("span", { class: "picture", role: "img", "aria-label": element.alt_text }, element.alt_text);
}

/** The words of a plain_text or mrkdwn object as nodes. */
export function textNodes(text, people) {
  if (!text) return [];
  return text.type === "mrkdwn" ? mrkdwn(text.text, people) : text.text.split("\n").flatMap((line, index) => (index ? [h("br"), drawEmoji(line)] : [drawEmoji(line)]));
}

function button(element, { blockId }, surface) {
  const props = {
    class: `button ${element.style ?? ""}`, "aria-label": element.accessibility_label,
    dataset: { action: element.action_id },
  };
  const press = async () => {
    if (node.getAttribute("aria-busy") === "true" || !(await confirmed(element.confirm, surface.people))) return;
    await busy(node, () => surface.act(blockId, element, { value: element.value }));
  };
  const href = element.url && safeAddress(element.url);
  const node = href
    ? h("a", { ...props, href, target: "_blank", rel: "noreferrer noopener", onclick: press }, textNodes(element.text, surface.people))
    : h("button", { ...props, type: "button", onclick: press }, textNodes(element.text, surface.people));
  return node;
}

async function busy(node, work) {
  node.setAttribute("aria-busy", "true");
  try {
    await work();
  } finally {
    node.removeAttribute("aria-busy");
  }
}

function overflow(element, { blockId }, surface) {
  const listId = freshId("menu");
  const pick = async (option) => {
    hide();
    if (await confirmed(element.confirm, surface.people)) await surface.act(blockId, element, { selected_option: option });
  };
  const items = element.options.map((option) => h("button", {
    type: "button", class: "menu-item", role: "menuitem", tabindex: "-1", onclick: () => pick(option),
  }, optionText(option)));
  const menu = h("div", { class: "menu", role: "menu", id: listId, popover: "auto", onkeydown: move, ontoggle: (event) => trigger.setAttribute("aria-expanded", String(event.newState === "open")) }, items);
  const trigger = h("button", {
    type: "button", class: "button more", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false",
    "aria-controls": listId, dataset: { action: element.action_id }, onclick: show,
  }, icon("more"));

  function show() {
    const spot = trigger.getBoundingClientRect();
    menu.showPopover();
    const left = Math.max(8, Math.min(spot.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8));
    const above = spot.bottom + menu.offsetHeight + 8 > innerHeight;
    Object.assign(menu.style, { left: `${left}px`, top: `${above ? spot.top - menu.offsetHeight - 4 : spot.bottom + 4}px` });
    items[0]?.focus();
  }

  function hide() {
    menu.hidePopover();
    trigger.focus();
  }

  function move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      event.preventDefault();
      hide();
    } else if (step) {
      event.preventDefault();
      const at = items.indexOf(document.activeElement);
      items[(at + step + items.length) % items.length].focus();
    }
  }
  return h("span", { class: "overflow" }, trigger, menu);
}

function textInput(element, { blockId, labels, tells }, surface) {
  const { action_id: actionId, type } = element;
  const props = {
    class: "text-input", ...labels, maxlength: element.max_length, placeholder: element.placeholder?.text,
    dataset: { action: actionId }, value: surface.form.get(blockId, actionId, type)?.value ?? "",
    oninput: () => {
      surface.form.set(blockId, actionId, { type, value: node.value || null });
      count();
    },
    onkeydown: (event) => {
      if (event.key !== "Enter" || element.multiline) return;
      event.preventDefault();
      if (tells) surface.act(blockId, element, { value: node.value });
      else surface.submit?.();
    },
  };
  const node = element.multiline ? h("textarea", { ...props, rows: "4" }) : h("input", { ...props, type: "text" });
  const left = h("span", { class: "count", "aria-live": "polite" });
  function count() {
    const rest = (element.max_length ?? Infinity) - node.value.length;
    left.textContent = rest <= 100 ? String(rest) : "";
  }
  count();
  return h("span", { class: "text-field" }, node, left);
}

function select(element, { blockId, labels, tells }, surface) {
  const { action_id: actionId, type } = element;
  const multiple = type.startsWith("multi_");
  const external = type.endsWith("external_select");
  const value = surface.form.get(blockId, actionId, type) ?? {};
  const menu = new Select({
    multiple,
    placeholder: element.placeholder?.text ?? (external ? "Type to search" : "Choose an option"),
    selected: multiple ? value.selected_options ?? [] : [value.selected_option].filter(Boolean),
    most: element.max_selected_items ?? Infinity,
    least: external ? element.min_query_length ?? 3 : 0,
    pause: external,
    source: external ? (query) => surface.options(blockId, element, query) : ownOptions(element),
    labels,
    onchange: async (selected) => {
      const before = surface.form.get(blockId, actionId, type);
      const now = multiple ? { type, selected_options: selected } : { type, selected_option: selected[0] ?? null };
      if (tells && !(await confirmed(element.confirm, surface.people))) {
        menu.selected = multiple ? before?.selected_options ?? [] : [before?.selected_option].filter(Boolean);
        menu.show();
        return;
      }
      surface.form.set(blockId, actionId, now);
      if (tells) await surface.act(blockId, element, now);
    },
  });
  menu.input.dataset.action = actionId;
  return menu.node;
}

function choices(element, { blockId, labels, tells }, surface) {
  const { action_id: actionId, type } = element;
  const many = type === "checkboxes";
  const name = freshId("choice");
  const state = surface.form.get(blockId, actionId, type) ?? {};
  const chosen = many ? state.selected_options ?? [] : [state.selected_option].filter(Boolean);
  const boxes = element.options.map((option) => {
    const id = freshId("choice");
    const described = option.description && `${id}-more`;
    const box = h("input", {
      type: many ? "checkbox" : "radio", name, id, "aria-describedby": described, dataset: { action: actionId },
      checked: chosen.some((other) => sameOption(other, option)), onchange: changed,
    });
    const row = h("div", { class: "choice" }, box, h("label", { for: id }, textNodes(option.text, surface.people)),
      described && h("div", { class: "choice-more", id: described }, textNodes(option.description, surface.people)));
    return { box, option, row };
  });
  function changed() {
    const selected = boxes.filter(({ box }) => box.checked).map(({ option }) => option);
    const now = many ? { type, selected_options: selected } : { type, selected_option: selected[0] ?? null };
    surface.form.set(blockId, actionId, now);
    if (tells) surface.act(blockId, element, now);
  }
  return h("div", { class: "choices", role: many ? "group" : "radiogroup", ...labels }, boxes.map(({ row }) => row));
}
