/** `rich_text` blocks as nodes: sections, lists, quotes, code and every element inside them. */

import { formatDate } from "./dates.js";
import { h } from "./dom.js";
import { emojiFor } from "./emoji.js";
import { link, mention } from "./mrkdwn.js";

const PARTS = {
  rich_text_section: (part, people) => h("div", { class: "rich-section" }, inline(part.elements, people)),
  rich_text_preformatted: (part, people) => h("pre", { class: "code-block" }, inline(part.elements, people)),
  rich_text_quote: (part, people) => h("blockquote", {}, inline(part.elements, people)),
  rich_text_list: list,
};

/** Nodes for the `elements` of a rich_text block or cell. */
export function richText(block, people) {
  return (block.elements ?? []).map((part) => (PARTS[part.type] ?? unknown)(part, people));
}

function list(part, people) {
  const tag = part.style === "ordered" ? "ol" : "ul";
  const props = { class: `rich-list indent-${Math.min(part.indent ?? 0, 8)}` };
  if (tag === "ol" && part.offset) props.start = part.offset + 1;
  return h(tag, props, part.elements.map((item) => h("li", {}, inline(item.elements ?? [], people))));
}

function inline(elements, people) {
  return elements.map((element) => styled(element, drawn(element, people)));
}

function drawn(element, people) {
  switch (element.type) {
    case "text":
      return broken(element.text);
    case "link":
      return link(element.url, element.text || element.url, people);
    case "user":
      return mention(`@${people.userName(element.user_id) ?? element.user_id}`, { me: element.user_id === people.me });
    case "usergroup":
      return mention(`@${people.groupName(element.usergroup_id) ?? element.usergroup_id}`, { kind: "group" });
    case "channel":
      return mention(`#${people.channelName(element.channel_id) ?? "private channel"}`, { kind: "channel" });
    case "broadcast":
      return mention(`@${element.range}`, { kind: "everyone" });
    case "emoji":
      return h("span", { class: "emoji", role: "img", "aria-label": element.name }, emojiFor(element.name) ?? `:${element.name}:`);
    case "date":
      return h("time", {}, formatDate(element.timestamp, element.format, people.zone) ?? element.fallback ?? "");
    case "color":
      return h("code", {}, element.value);
    default:
      return unknown(element);
  }
}

function broken(text) {
  return text.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
}

function styled(element, nodes) {
  const style = element.style ?? {};
  const tags = [style.code && "code", style.bold && "strong", style.italic && "em", style.strike && "s"].filter(Boolean);
  return tags.reduce((inner, tag) => h(tag, {}, inner), nodes);
}

function unknown(part) {
  return h("span", { class: "unknown" }, `[${part.type}]`);
}
