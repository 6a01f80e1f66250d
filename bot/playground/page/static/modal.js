/**
 * The stack of modals that the app opened for the person at the screen. Only the top one is drawn; what was typed in
 * those below is kept. The focus goes into the modal and, at the end, back to where it was.
 */

import { post } from "./api.js";
import { avatar } from "./avatar.js";
import { closeButton } from "./dialog.js";
import { fill, h, icon } from "./dom.js";
import { drawEmoji } from "./emoji.js";
import { FormState } from "./formstate.js";
import { BlockList, focusedSpot } from "./patch.js";
import { ask, interact } from "./surface.js";

const FIELDS = "input:not([type=hidden]):not([disabled]), textarea, [role=combobox]";

export class Modals {
  /** @param {Session} session @param {Function} refresh fetches the views again and calls `show` */
  constructor(session, refresh) {
    this.session = session;
    this.refresh = refresh;
    this.forms = new Map();
    this.stack = [];
    this.errors = {};
    this.title = h("h2", { id: "modal-title", tabindex: "-1" });
    this.lead = h("span", { class: "modal-lead" });
    this.banner = h("div", { class: "modal-banner", role: "alert" });
    this.body = h("div", { class: "dialog-body" });
    this.foot = h("footer", { class: "dialog-foot" });
    this.form = h("form", { class: "modal-form", novalidate: true, onsubmit: (event) => this.submit(event) }, this.banner, this.body, this.foot);
    this.dialog = h("dialog", { class: "dialog modal", "aria-labelledby": "modal-title", oncancel: (event) => this.escape(event) },
      h("header", { class: "dialog-head" }, this.lead, this.title, closeButton(() => this.close(true))), this.form);
    document.body.append(this.dialog);
  }

  /** The view on top, or undefined. */
  get top() {
    return this.stack.at(-1);
  }

  /** Shows the stack as Slack says it is now, the bottom first. */
  show(stack) {
    const before = this.top;
    this.stack = stack;
    const ids = new Set(stack.map((view) => view.id));
    for (const id of this.forms.keys()) if (!ids.has(id)) this.forms.delete(id);
    if (!this.top) {
      this.leave();
      return;
    }
    const fresh = before?.id !== this.top.id;
    if (fresh || before.hash !== this.top.hash) {
      this.errors = {};
      this.banner.textContent = "";
    }
    this.draw(fresh);
  }

  /** Takes the modal off the screen for good (another person sits down). */
  remove() {
    this.leave();
    this.dialog.remove();
  }

  leave() {
    if (!this.dialog.open) return;
    this.dialog.close();
    if (this.opener?.isConnected) this.opener.focus();
    else document.querySelector(".composer textarea, main")?.focus();
  }

  draw(fresh) {
    const view = this.top;
    if (fresh) this.begin(view);
    const form = this.forms.get(view.id);
    form.adopt(view.blocks);
    this.title.textContent = drawEmoji(view.title.text);
    const lies = this.stack.length > 1 ? "above another view" : "alone";
    if (this.lead.dataset.lies !== lies) { // a button that is drawn anew under a finger loses the click
      this.lead.dataset.lies = lies;
      this.lead.replaceChildren(this.stack.length > 1
        ? h("button", { type: "button", class: "icon-button", "aria-label": "Back", onclick: () => this.close(false) }, icon("back"))
        : avatar({ id: this.session.frame.app.bot_user_id, name: this.session.frame.app.name, app: true }, "small"));
    }
    const focus = this.dialog.open ? focusedSpot(this.foot) : null;
    fill(this.foot,
      h("button", { type: "button", class: "button", onclick: () => this.close(false) }, view.close?.text ?? (view.submit ? "Cancel" : "Close")),
      view.submit && h("button", { type: "submit", class: "button primary" }, drawEmoji(view.submit.text)));
    this.list.show(view.blocks, this.errors);
    if (!this.dialog.open) {
      this.opener = document.activeElement;
      this.dialog.showModal();
    }
    if (fresh) (this.body.querySelector(FIELDS) ?? this.title).focus();
    else if (focus) (this.foot.querySelector("[type=submit]") ?? this.foot.firstChild).focus();
    else if (!this.dialog.contains(document.activeElement)) this.title.focus();
  }

  begin(view) {
    if (!this.forms.has(view.id)) this.forms.set(view.id, new FormState());
    fill(this.body);
    this.body.scrollTop = 0;
    const where = { view_id: view.id };
    this.list = new BlockList(this.body, {
      people: this.session,
      memory: new Map(),
      form: this.forms.get(view.id),
      submit: () => this.form.requestSubmit(),
      act: (blockId, element, value) => interact(this.session.me, where, blockId, element, value, this.forms.get(view.id)).then(this.refresh, (error) => this.say(error)),
      options: (blockId, element, query) => ask(this.session.me, view.id, blockId, element, query, this.forms.get(view.id)),
    });
  }

  async submit(event) {
    event.preventDefault();
    const view = this.top;
    const button = this.foot.querySelector("[type=submit]");
    if (!button || button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      const { errors } = await post("submit", { as: this.session.me, view_id: view.id, values: this.forms.get(view.id).values });
      await this.refresh();
      if (this.top?.id === view.id && Object.keys(errors).length) this.mark(errors);
    } catch (error) {
      this.say(error);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  mark(errors) {
    this.errors = errors;
    this.list.show(this.top.blocks, errors);
    const first = this.body.querySelector(".has-error");
    first?.querySelector(FIELDS)?.focus();
    first?.scrollIntoView({ block: "nearest" });
  }

  say(error) {
    this.banner.textContent = error.message;
  }

  escape(event) {
    event.preventDefault();
    this.close(false);
  }

  /** Closes the top view, or all of them, as the × does in Slack. */
  async close(all) {
    const view = this.top;
    if (!view) return;
    try {
      await post("close", { as: this.session.me, view_id: view.id, all });
    } catch (error) {
      this.say(error);
    }
    await this.refresh();
  }
}
