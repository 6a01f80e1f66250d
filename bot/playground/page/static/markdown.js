/** The `markdown` block: the common part of Markdown (headings, lists, bold, italic, code, links) as nodes. */

import { h } from "./dom.js";
import { link } from "./mrkdwn.js";

const SPANS = [
  [/^`([^`]+)`/, (m) => h("code", {}, m[1])],
  [/^\*\*(.+?)\*\*/, (m, people) => h("strong", {}, spans(m[1], people))],
  [/^~~(.+?)~~/, (m, people) => h("s", {}, spans(m[1], people))],
  [/^[*_](?!\s)(.+?)[*_]/, (m, people) => h("em", {}, spans(m[1], people))],
  [/^\[([^\]]+)\]\(([^)\s]+)\)/, (m, people) => link(m[2], m[1], people)],
];

const LINES = [
  ["heading", /^(#{1,6})\s+(.*)$/],
  ["ul", /^\s*[-*+]\s+(.*)$/],
  ["ol", /^\s*\d+[.)]\s+(.*)$/],
  ["gap", /^\s*$/],
  ["p", /^(.*)$/],
];

/** Nodes for a Markdown text. */
export function markdown(text, people) {
  return text.split(/```\w*\n?([\s\S]*?)```/).flatMap((part, index) =>
    index % 2 ? [h("pre", { class: "code-block" }, part.replace(/\n$/, ""))] : groups(part).map((group) => draw(group, people)));
}

/** Lines of a kind that follow each other, together. */
function groups(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const [kind, pattern] = LINES.find(([, one]) => one.test(line));
    if (found.at(-1)?.kind !== kind || kind === "heading") found.push({ kind, rows: [] });
    found.at(-1).rows.push(pattern.exec(line));
  }
  return found.filter(({ kind }) => kind !== "gap");
}

function draw({ kind, rows }, people) {
  if (kind === "heading") return h("div", { class: "markdown-heading", role: "heading", "aria-level": String(rows[0][1].length + 1) }, spans(rows[0][2], people));
  if (kind === "p") return h("p", {}, rows.flatMap(([, words], index) => (index ? [h("br"), ...spans(words, people)] : spans(words, people))));
  return h(kind, {}, rows.map(([, words]) => h("li", {}, spans(words, people))));
}

function spans(text, people) {
  const nodes = [];
  let words = "";
  let rest = text;
  while (rest) {
    const hit = SPANS.map(([pattern, draw]) => [pattern.exec(rest), draw]).find(([match]) => match);
    if (hit) {
      const [match, draw] = hit;
      nodes.push(words, draw(match, people));
      words = "";
      rest = rest.slice(match[0].length);
    } else {
      words += rest[0];
      rest = rest.slice(1);
    }
  }
  return [...nodes, words];
}
