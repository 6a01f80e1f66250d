/**
 * Slack's mrkdwn as nodes: bold, italic, strike, code, quotes, links, mentions, channels, dates and emoji. It draws
 * what Slack would make live as live, so that a story name which pings a channel in Slack is seen to do so here.
 */

import { formatDate } from "./dates.js";
import { h, safeAddress } from "./dom.js";
import { emojiFor } from "./emoji.js";
import { hrefOf } from "./place.js";

/**
 * Nodes for a mrkdwn text.
 * @param {string} text as sent to Slack, with `&amp;`, `&lt;` and `&gt;` escaped by the app
 * @param {{userName: Function, channelName: Function, groupName: Function, zone: string, me: string}} people
 */
export function mrkdwn(text, people) {
  const nodes = [];
  const parts = text.split(/```([\s\S]*?)```/);
  parts.forEach((part, index) => {
    if (index % 2) nodes.push(h("pre", { class: "code-block" }, bare(part.replace(/^\n|\n$/g, ""), people)));
    // A line break next to a block of code stands for nothing: the block is a line of its own.
    else if (part) nodes.push(...lines(part.replace(/^\n/, index ? "" : "\n").replace(/\n$/, index === parts.length - 1 ? "\n" : ""), people));
  });
  return nodes;
}

/** The text that a reader would see, without any formatting (labels for screen readers, previews). */
export function plainWords(text, people) {
  return bare(text, people).replace(/[*_~`]/g, "");
}

/** A person, channel or group as the coloured word that Slack draws. */
export function mention(name, { me = false, kind = "user" } = {}) {
  return h("span", { class: `mention mention-${kind}${me ? " mention-me" : ""}` }, name);
}

/** A link, or its text alone when the address is not one that may be followed. One to a message stays in the page. */
export function link(address, label, people) {
  const href = safeAddress(address);
  if (href === null) return label;
  const place = people.placeOf(href);
  if (place) return h("a", { href: hrefOf({ as: people.me, ...place }), dataset: { message: JSON.stringify(place) } }, label);
  return h("a", { href, target: "_blank", rel: "noreferrer noopener" }, label);
}

/** `&lt;` and its like back to the characters they stand for; nothing else is an entity in Slack. */
export function unescape(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function lines(text, people) {
  const nodes = [];
  let quoted = [];
  const flush = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, joined(quoted.map((line) => inline(line, people)))));
    quoted = [];
  };
  const plain = [];
  const settle = () => {
    if (plain.length) nodes.push(...joined(plain.splice(0).map((line) => inline(line, people))));
  };
  for (const line of text.split("\n")) {
    const quote = /^(?:&gt;|>)\s?(.*)$/.exec(line);
    if (quote) {
      settle();
      quoted.push(quote[1]);
    } else {
      flush();
      plain.push(line);
    }
  }
  settle();
  flush();
  return nodes;
}

function joined(rows) {
  return rows.flatMap((row, index) => (index ? [h("br"), ...row] : row));
}

const STYLES = { "*": "strong", _: "em", "~": "s" };
const BEFORE = /[\s([{'"“‘.,;:!?\-–—/|*_~>]/;
const AFTER = /[\s)\]}'"”’.,;:!?\-–—/|*_~<]/;

function inline(text, people) {
  const nodes = [];
  let words = "";
  const flush = () => {
    if (words) nodes.push(unescape(words));
    words = "";
  };
  let at = 0;
  while (at < text.length) {
    const piece = token(text, at, people) ?? emoji(text, at) ?? code(text, at, people) ?? styled(text, at, people);
    if (piece === null) {
      words += text[at];
      at += 1;
    } else {
      flush();
      nodes.push(piece.node);
      at = piece.end;
    }
  }
  flush();
  return nodes;
}

function token(text, at, people) {
  if (text[at] !== "<") return null;
  const end = text.indexOf(">", at);
  if (end < 0) return null;
  const node = live(text.slice(at + 1, end), people);
  return node === null ? null : { node, end: end + 1 };
}

function live(body, people) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : unescape(body.slice(bar + 1));
  if (/^@[UW]/.test(target)) {
    return mention(`@${people.userName(target.slice(1)) ?? (label || target.slice(1))}`, { me: target.slice(1) === people.me });
  }
  if (/^#[CG]/.test(target)) return mention(`#${people.channelName(target.slice(1)) ?? (label || "private channel")}`, { kind: "channel" });
  if (/^!subteam\^/.test(target)) {
    const id = target.slice("!subteam^".length);
    return mention(`@${people.groupName(id) ?? (label.replace(/^@/, "") || id)}`, { kind: "group" });
  }
  if (/^!date\^/.test(target)) return date(target, label, people);
  if (/^!(here|channel|everyone)$/.test(target)) return mention(`@${target.slice(1)}`, { kind: "everyone" });
  if (/^(https?:|mailto:)/.test(target)) return link(unescape(target), label || unescape(target).replace(/^mailto:/, ""), people);
  return null;
}

function date(target, label, people) {
  const [, seconds, tokens = "{date}", address] = target.split("^");
  const words = formatDate(seconds, tokens, people.zone);
  const time = h("time", {}, words ?? label);
  if (words !== null) time.dateTime = new Date(Number(seconds) * 1000).toISOString();
  return address ? link(unescape(address), time, people) : time;
}

function emoji(text, at) {
  const found = text[at] === ":" && /^:([a-z0-9_+-]+)(?:::skin-tone-\d)?:/.exec(text.slice(at, at + 60));
  const character = found && emojiFor(found[1]);
  if (!character) return null;
  return { node: h("span", { class: "emoji", role: "img", "aria-label": found[1].replaceAll("_", " ") }, character), end: at + found[0].length };
}

function code(text, at, people) {
  if (text[at] !== "`") return null;
  const end = text.indexOf("`", at + 1);
  if (end <= at + 1) return null;
  return { node: h("code", {}, bare(text.slice(at + 1, end), people)), end: end + 1 };
}

function styled(text, at, people) {
  const tag = STYLES[text[at]];
  if (!tag || (at > 0 && !BEFORE.test(text[at - 1])) || /\s|^$/.test(text[at + 1] ?? "")) return null;
  for (let end = text.indexOf(text[at], at + 2); end > 0; end = text.indexOf(text[at], end + 1)) {
    if (!/\s/.test(text[end - 1]) && (end + 1 === text.length || AFTER.test(text[end + 1]))) {
      return { node: h(tag, {}, inline(text.slice(at + 1, end), people)), end: end + 1 };
    }
  }
  return null;
}

function bare(text, people) {
  return unescape(text.replace(/<([^<>]+)>/g, (whole, body) => live(body, people)?.textContent ?? live(body, people) ?? whole));
}
