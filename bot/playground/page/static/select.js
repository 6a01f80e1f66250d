/**
 * A menu that one types into: single and multiple, with its own options or asking the app for them as one types.
 * Built as the ARIA combobox pattern, so arrow keys, Enter, Escape and screen readers work as in any good form.
 */

import { fill, freshId, h, icon } from "./dom.js";
import { drawEmoji } from "./emoji.js";
import { unescape } from "./mrkdwn.js";

const ASK_AFTER_MS = 200; // a pause in typing: Slack waits about as long before it asks the app
const GAP_PX = 4;
const LIST_HEIGHT_PX = 280;

/** The words of a text object. mrkdwn in options is shown by its words. */
export function optionText(option) {
  const text = option.text?.text ?? "";
  return option.text?.type === "mrkdwn" ? unescape(text) : drawEmoji(text);
}

/** Whether two options are the same choice. */
export function sameOption(one, other) {
  return one.value === other.value && optionText(one) === optionText(other);
}

/**
 * Groups for options that came with the element, narrowed to what is typed.
 * @returns {(query: string) => Promise<{groups: Array}>}
 */
export function ownOptions(element) {
  const groups = element.option_groups ?? [{ label: null, options: element.options ?? [] }];
  return async (query) => {
    const wanted = query.trim().toLowerCase();
    const fits = (option) => optionText(option).toLowerCase().includes(wanted);
    return { groups: groups.map((group) => ({ ...group, options: group.options.filter(fits) })) };
  };
}

export class Select {
  /**
   * @param {{source: Function, onchange: Function, selected: Array, multiple?: boolean, most?: number,
   *   least?: number, placeholder?: string, labels: Object, pause?: boolean}} config `source(query)` resolves to
   *   `{groups}`; `least` is the number of characters before it is asked; `most` how many may be chosen; `labels`
   *   are the aria attributes that name the field.
   */
  constructor(config) {
    this.config = { least: 0, most: Infinity, placeholder: "Choose an option", ...config };
    this.selected = [...config.selected];
    this.changed = false;
    this.active = -1;
    this.asked = 0;
    this.options = [];
    this.build();
    this.show();
  }

  build() {
    const listId = freshId("list");
    this.input = h("input", {
      class: "select-input", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
      "aria-expanded": "false", "aria-controls": listId, "aria-autocomplete": "list", "aria-haspopup": "listbox",
      ...this.config.labels,
      oninput: () => this.open(true),
      onkeydown: (event) => this.key(event),
      onfocus: () => this.config.multiple || this.input.select(),
      onclick: () => this.open(false),
      onblur: () => this.close(),
    });
    this.chips = h("span", { class: "chips" });
    this.box = h("div", { class: `select-box${this.config.multiple ? " multiple" : ""}`, onclick: () => this.input.focus() },
      this.chips, this.input, icon("down", "icon select-arrow"));
    this.list = h("div", {
      class: "listbox", role: "listbox", id: listId, popover: "manual", "aria-label": "Options",
      "aria-multiselectable": this.config.multiple ? "true" : null, onmousedown: (event) => event.preventDefault(),
    });
    this.status = h("span", { class: "visually-hidden", role: "status" });
    this.node = h("div", { class: "select" }, this.box, this.list, this.status);
    this.follow = () => this.place();
  }

  show() {
    const { multiple, placeholder } = this.config;
    fill(this.chips, multiple ? this.selected.map((option) => this.chip(option)) : []);
    const [only] = this.selected;
    this.input.value = !multiple && only ? optionText(only) : "";
    this.input.placeholder = multiple && this.selected.length ? "" : placeholder;
  }

  chip(option) {
    const words = optionText(option);
    const remove = () => {
      this.selected = this.selected.filter((other) => !sameOption(other, option));
      this.changed = true;
      this.show();
      this.input.focus();
      if (!this.opened) this.report();
    };
    return h("span", { class: "chip" }, h("span", { class: "chip-text" }, words),
      h("button", { type: "button", class: "chip-remove", "aria-label": `Remove ${words}`, onclick: remove }, icon("close")));
  }

  /** Whether no further option can be chosen. */
  get full() {
    return this.config.multiple && this.selected.length >= this.config.most;
  }

  get opened() {
    return this.input.getAttribute("aria-expanded") === "true";
  }

  open(typed) {
    if (!this.opened) {
      this.input.setAttribute("aria-expanded", "true");
      this.list.showPopover();
      this.place();
      addEventListener("scroll", this.follow, true);
      addEventListener("resize", this.follow);
    } else if (!typed) {
      return;
    }
    const query = typed || this.config.multiple ? this.input.value : "";
    clearTimeout(this.timer);
    // Without a pause the options are there before the next key, however fast somebody types.
    if (typed && this.config.pause) this.timer = setTimeout(() => this.ask(query), ASK_AFTER_MS);
    else this.ask(query);
  }

  async ask(query) {
    if (query.length < this.config.least) {
      this.note(`Type ${this.config.least} or more characters to search`);
      return;
    }
    this.asked += 1;
    const mine = this.asked;
    if (this.config.pause) this.list.setAttribute("aria-busy", "true");
    const waiting = setTimeout(() => mine === this.asked && this.note("Loading…"), ASK_AFTER_MS);
    let answer;
    try {
      answer = await this.config.source(query);
    } catch (error) {
      answer = { groups: [], problem: error.message };
    }
    clearTimeout(waiting);
    if (mine !== this.asked || !this.opened) return;
    this.list.removeAttribute("aria-busy");
    this.draw(answer);
  }

  draw({ groups, problem }) {
    this.options = [];
    const nodes = groups.filter((group) => group.options.length).map((group) => this.group(group));
    if (!this.options.length) {
      this.note(problem ?? "No results");
      return;
    }
    fill(this.list, nodes);
    this.status.textContent = `${this.options.length} options`;
    const chosen = this.options.findIndex(({ option }) => this.has(option));
    this.activate(this.config.multiple || chosen < 0 ? 0 : chosen);
    this.place();
  }

  group(group) {
    const rows = group.options.map((option) => this.row(option));
    if (!group.label) return rows;
    const id = freshId("group");
    return h("div", { role: "group", "aria-labelledby": id }, h("div", { class: "listbox-label", id }, drawEmoji(group.label.text)), rows);
  }

  row(option) {
    const index = this.options.length;
    const node = h("div", {
      class: "option", role: "option", id: freshId("option"), "aria-selected": String(this.has(option)),
      "aria-disabled": String(this.full && !this.has(option)),
      onclick: () => this.choose(option), onmousemove: () => this.active === index || this.activate(index, false),
    },
    h("span", { class: "option-words" }, h("span", {}, optionText(option)),
      option.description && h("span", { class: "option-description" }, option.description.text)),
    icon("check", "icon option-check"));
    this.options.push({ option, node });
    return node;
  }

  note(words) {
    this.options = [];
    this.active = -1;
    this.input.removeAttribute("aria-activedescendant");
    fill(this.list, h("div", { class: "listbox-note" }, words));
    this.status.textContent = words;
    this.place();
  }

  has(option) {
    return this.selected.some((other) => sameOption(other, option));
  }

  activate(index, scroll = true) {
    this.options[this.active]?.node.classList.remove("active");
    this.active = index;
    const row = this.options[index]?.node;
    if (!row) return;
    row.classList.add("active");
    this.input.setAttribute("aria-activedescendant", row.id);
    if (scroll) row.scrollIntoView({ block: "nearest" });
  }

  choose(option) {
    const { multiple, most } = this.config;
    if (!multiple) {
      this.selected = [option];
      this.changed = true;
      this.close();
      return;
    }
    if (this.has(option)) this.selected = this.selected.filter((other) => !sameOption(other, option));
    else if (this.full) {
      this.status.textContent = `You can choose at most ${most}`;
      return;
    } else this.selected = [...this.selected, option];
    this.changed = true;
    const typed = this.input.value !== "";
    this.show();
    for (const row of this.options) {
      row.node.setAttribute("aria-selected", String(this.has(row.option)));
      row.node.setAttribute("aria-disabled", String(this.full && !this.has(row.option)));
    }
    if (typed) this.open(true);
    this.place();
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      event.preventDefault();
      const count = this.options.length;
      if (!this.opened) this.open(false);
      else if (count) this.activate((this.active + steps[event.key] + count) % count);
    } else if (event.key === "Enter") {
      event.preventDefault(); // never submits the form around it
      const row = this.options[this.active];
      if (this.opened && row) this.choose(row.option);
      else this.open(false);
    } else if (event.key === "Escape" && this.opened) {
      event.preventDefault(); // closes the list, not the dialog around it
      event.stopPropagation();
      this.close();
    } else if (event.key === "Backspace" && this.config.multiple && !this.input.value && this.selected.length) {
      this.selected = this.selected.slice(0, -1);
      this.changed = true;
      this.show();
      if (!this.opened) this.report();
    }
  }

  close() {
    clearTimeout(this.timer);
    if (this.opened) {
      this.input.setAttribute("aria-expanded", "false");
      this.input.removeAttribute("aria-activedescendant");
      if (this.list.matches(":popover-open")) this.list.hidePopover();
      removeEventListener("scroll", this.follow, true);
      removeEventListener("resize", this.follow);
      this.show();
    }
    this.report();
  }

  report() {
    if (!this.changed) return;
    this.changed = false;
    this.config.onchange(this.selected);
  }

  place() {
    if (!this.opened) return;
    const field = this.box.getBoundingClientRect();
    const height = Math.min(this.list.scrollHeight + 2, LIST_HEIGHT_PX);
    const below = innerHeight - field.bottom - GAP_PX > height || field.top < height;
    Object.assign(this.list.style, {
      left: `${field.left}px`,
      width: `${field.width}px`,
      maxHeight: `${LIST_HEIGHT_PX}px`,
      top: below ? `${field.bottom + GAP_PX}px` : `${field.top - GAP_PX - height}px`,
    });
  }
}
