/** Every request and answer between Slack, the bot and Tines, newest first, as the server recorded them (masked). */

import { get } from "./api.js";
import { formatDate } from "./dates.js";
import { fill, h } from "./dom.js";

const KEPT = 400; // rows on screen; the server keeps more

export class TrafficPanel {
  /** @param {Element} container */
  constructor(container) {
    this.rows = new Map();
    this.wanted = "";
    this.body = h("div", { class: "traffic-rows", role: "list", "aria-label": "Requests and answers, newest first" });
    this.empty = h("p", { class: "empty" }, "Nothing was sent yet.");
    const filter = h("input", {
      type: "search", class: "filter", placeholder: "Filter: chat.postMessage, prod, 429 …", "aria-label": "Filter the traffic",
      oninput: () => {
        this.wanted = filter.value.toLowerCase();
        for (const { node, words } of this.rows.values()) node.hidden = !words.includes(this.wanted);
      },
    });
    fill(container, filter, this.empty, this.body);
  }

  /** Reads everything again. `zone` is the reader's time zone. */
  async refresh(zone) {
    const { exchanges } = await get("traffic");
    this.rows.clear();
    fill(this.body);
    exchanges.forEach((exchange) => this.add(exchange, zone));
  }

  /** Shows one exchange: a new row, or the answer of one that was waiting. */
  add(exchange, zone) {
    const words = `${exchange.from} ${exchange.to} ${exchange.name} ${exchange.status ?? ""} ${exchange.note}`.toLowerCase();
    const old = this.rows.get(exchange.id);
    const node = row(exchange, zone, old?.node.querySelector("details")?.open ?? false);
    node.hidden = !words.includes(this.wanted);
    if (old) old.node.replaceWith(node);
    else this.body.prepend(node);
    this.rows.set(exchange.id, { node, words });
    this.empty.hidden = true;
    while (this.rows.size > KEPT) {
      const [oldest, { node: gone }] = this.rows.entries().next().value;
      gone.remove();
      this.rows.delete(oldest);
    }
  }
}

function row(exchange, zone, open) {
  const good = exchange.status >= 200 && exchange.status < 300 && !exchange.bad;
  const status = exchange.done ? exchange.status || "none" : "…";
  const details = h("details", { open },
    h("summary", {}, h("span", { class: "muted" }, formatDate(exchange.at, "{time_secs}", zone)), h("span", { class: `party party-${exchange.from.split(" ")[0].toLowerCase()}` }, exchange.from),
      h("span", { "aria-hidden": "true" }, "→"), h("span", { class: "visually-hidden" }, " to "), h("span", { class: `party party-${exchange.to.split(" ")[0].toLowerCase()}` }, exchange.to),
      h("code", { class: "exchange-name" }, exchange.name), exchange.note && h("span", { class: "tag warn" }, exchange.note),
      h("span", { class: `status status-${exchange.done ? (good ? "ok" : "bad") : "wait"}` }, String(status)), h("span", { class: "muted took" }, exchange.done ? `${Math.round(exchange.seconds * 1000)} ms` : "")));
  details.addEventListener("toggle", () => details.open && details.childElementCount === 1 && details.append(bodies(exchange)));
  if (open) details.append(bodies(exchange));
  return h("div", { role: "listitem" }, details);
}

function bodies(exchange) {
  return h("div", { class: "bodies" }, body("Request", exchange.request), body("Answer", exchange.answer));
}

function body(title, content) {
  const words = typeof content === "string" ? content : JSON.stringify(content, null, 2);
  return h("div", {}, h("h3", {}, title), h("pre", { class: "code-block", tabindex: "0" }, words || "—"));
}
