/** The line below the top bar that says what to do next, for somebody who is here for the first time. */

import { get } from "./api.js";
import { closeButton } from "./dialog.js";
import { fill, h } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";

const CLOSED = "playground-coach-closed";

export class Coach {
  /** @param {Element} container */
  constructor(container) {
    this.container = container;
    this.words = h("span", { role: "status" });
    fill(container, this.words, closeButton(() => this.close(), "Close the hint"));
  }

  /** Reads the line again. @param {Session} session @param {Object} place */
  async refresh(session, place) {
    if (this.closed || localStorage.getItem(CLOSED)) return;
    const { line } = await get("coach", { as: session.me, channel: place.in, thread: place.thread });
    this.container.hidden = !line;
    if (line === this.line) return; // a screen reader says it once
    this.line = line;
    fill(this.words, mrkdwn(line, session));
  }

  close() {
    this.closed = true;
    localStorage.setItem(CLOSED, "yes");
    this.container.hidden = true;
    document.querySelector(".composer textarea, main")?.focus();
  }
}
