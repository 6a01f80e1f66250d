/** Messages as Slack lists them: by day, grouped by author, redrawn only where something changed. */

import { get } from "./api.js";
import { avatar } from "./avatar.js";
import { drawBlocks } from "./blocks.js";
import { ago, clockTime, dayName, fullTime } from "./dates.js";
import { toast } from "./dialog.js";
import { fill, h, icon } from "./dom.js";
import { FormState } from "./formstate.js";
import { mrkdwn } from "./mrkdwn.js";
import { exchange, focusedSpot, restoreFocus } from "./patch.js";
import { interact } from "./surface.js";

const GROUPED_SECONDS = 300; // messages of one author this close together share one head
const SIDES = { "+": "added", "-": "removed" }; // of a diff
const NEAR_END_PX = 120;

export class MessageList {
  /**
   * @param {Element} container scrolls
   * @param {{session: Session, channel: string, empty: string, onthread?: Function, onact?: Function, root?: string}} config
   *   `empty` stands there when there is no message; `root` is the ts of the thread's first message when this lists a
   *   thread; `onact` runs after an interaction
   */
  constructor(container, config) {
    this.container = container;
    this.config = config;
    this.drawn = new Map();
    this.memories = new Map();
    this.follow = true; // whether the newest message stays in view when the room around the list changes
    container.addEventListener("scroll", () => {
      this.follow = this.nearEnd();
    });
    new ResizeObserver(() => this.follow && this.toEnd()).observe(container);
  }

  /** Shows exactly these messages, oldest first. */
  show(messages) {
    const stay = this.drawn.size === 0 || this.drawn.has("empty") || this.nearEnd();
    const spot = focusedSpot(this.container);
    const focused = document.activeElement?.closest?.(".message")?.dataset.ts;
    const next = new Map();
    let before = null;
    if (!messages.length) next.set("empty", this.drawn.get("empty") ?? { node: h("p", { class: "empty" }, this.config.empty) });
    for (const message of messages) {
      this.divider(next, message, before, messages.length - 1);
      const compact = this.follows(message, before);
      const sign = JSON.stringify([message, compact]);
      const old = this.drawn.get(message.ts);
      next.set(message.ts, old?.sign === sign ? old : { sign, node: this.message(message, compact) });
      before = message;
    }
    exchange(this.container, this.drawn, next);
    this.drawn = next;
    if (!restoreFocus(this.container, spot) && focused) this.container.querySelector(`.message[data-ts="${focused}"]`)?.focus();
    if (stay) this.toEnd();
  }

  nearEnd() {
    return this.container.scrollHeight - this.container.scrollTop - this.container.clientHeight < NEAR_END_PX;
  }

  toEnd() {
    this.container.scrollTop = this.container.scrollHeight;
  }

  divider(next, message, before, replies) {
    const { zone } = this.config.session;
    const day = dayName(message.ts, zone);
    if (this.config.root) {
      if (before?.ts === this.config.root) this.separator(next, "replies", `${replies} ${replies === 1 ? "reply" : "replies"}`, "thread-line");
    } else if (!before || dayName(before.ts, zone) !== day) this.separator(next, `day ${day}`, day, "day-line");
  }

  separator(next, key, words, className) {
    const old = this.drawn.get(key);
    next.set(key, old?.sign === words ? old : { sign: words, node: h("div", { class: className, role: "separator", "aria-label": words }, h("span", {}, words)) });
  }

  follows(message, before) {
    if (!before || before.ts === this.config.root) return false;
    const { session } = this.config;
    return session.author(before).id === session.author(message).id && Boolean(before.is_ephemeral) === Boolean(message.is_ephemeral)
      && !before.reply_count && dayName(before.ts, session.zone) === dayName(message.ts, session.zone)
      && Number(message.ts) - Number(before.ts) < GROUPED_SECONDS;
  }

  message(message, compact) {
    const { session } = this.config;
    const author = session.author(message);
    const time = clockTime(message.ts, session.zone);
    return h("article", {
      class: `message${compact ? " compact" : ""}${message.is_ephemeral ? " ephemeral" : ""}`, tabindex: "-1",
      "aria-label": `${author.name} at ${time}${message.is_ephemeral ? ", only visible to you" : ""}`, dataset: { ts: message.ts },
    },
    h("div", { class: "message-side" }, compact ? h("span", { class: "side-time", "aria-hidden": "true" }, time.replace(/ [AP]M$/, "")) : avatar(author)),
    h("div", { class: "message-main" },
      message.is_ephemeral && h("div", { class: "only-you" }, icon("eye"), "Only visible to you"),
      !compact && h("div", { class: "message-head" }, h("span", { class: "author" }, author.name), author.app && h("span", { class: "badge" }, "APP"),
        h("time", { class: "time", title: fullTime(message.ts, session.zone) }, time)),
      h("div", { class: "message-body" }, this.content(message), message.files?.map((file) => this.file(file))),
      message.blocks?.length > 0 && this.edited(message),
      this.replies(message)),
    this.tools(message));
  }

  content(message) {
    const { session } = this.config;
    if (!message.blocks?.length) return h("div", { class: "message-text" }, mrkdwn(message.text ?? "", session), this.edited(message));
    const form = new FormState();
    form.adopt(message.blocks);
    const where = { channel: this.config.channel, ts: message.ts };
    if (!this.memories.has(message.ts)) this.memories.set(message.ts, new Map());
    return drawBlocks(message.blocks, {
      people: session,
      form,
      memory: this.memories.get(message.ts),
      act: (blockId, element, value) => interact(session.me, where, blockId, element, value).then(this.config.onact, (error) => toast(error.message)),
      options: () => Promise.reject(new Error("Menus that ask the app work in modals only")),
    });
  }

  /** A shared text file, read when it is opened. */
  file(file) {
    const { session, channel, root } = this.config;
    const text = h("pre", { class: "code-block file-text", tabindex: "0", "aria-label": `Text of ${file.title}` });
    const read = async () => {
      if (text.childElementCount) return;
      const found = await get("file", { as: session.me, channel, thread: root, id: file.id });
      fill(text, found.text.split("\n").map((line) => h("span", { class: `line line-${SIDES[line[0]] ?? "same"}` }, `${line}\n`)));
    };
    return h("details", { class: "file", ontoggle: () => read().catch((error) => toast(error.message)) },
      h("summary", {}, `📄 ${file.title}`), text);
  }

  edited(message) {
    return message.edited && h("span", { class: "edited", title: fullTime(message.edited.ts, this.config.session.zone) }, " (edited)");
  }

  replies(message) {
    if (this.config.root || !message.reply_count) return null;
    const { session } = this.config;
    const words = `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`;
    const faces = (message.reply_users ?? []).slice(0, 4).map((id) => avatar(session.author({ user: id }), "tiny"));
    return h("button", { type: "button", class: "reply-bar", onclick: () => this.config.onthread(message.ts) },
      h("span", { class: "reply-faces" }, faces), h("strong", {}, words),
      message.latest_reply && h("span", { class: "reply-last" }, `Last reply ${ago(new Date(Number(message.latest_reply) * 1000))}`));
  }

  tools(message) {
    if (this.config.root || message.is_ephemeral) return null;
    return h("div", { class: "message-tools" },
      h("button", { type: "button", class: "icon-button", "aria-label": "View thread", onclick: () => this.config.onthread(message.ts) }, icon("thread")));
  }
}
