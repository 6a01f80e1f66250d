/** The app's Home tab. */

import { toast } from "./dialog.js";
import { fill, h } from "./dom.js";
import { FormState } from "./formstate.js";
import { BlockList } from "./patch.js";
import { ask, interact } from "./surface.js";

export class HomeTab {
  /** @param {Element} container @param {Session} session @param {Function} onact runs after an interaction */
  constructor(container, session, onact) {
    this.container = container;
    this.session = session;
    this.onact = onact;
    this.form = new FormState();
  }

  /** Shows the published view, or that there is none yet. */
  show(view) {
    if (!view) {
      this.list = null;
      fill(this.container, h("p", { class: "empty" }, `${this.session.frame.app.name} has not drawn its Home tab yet.`));
      return;
    }
    if (!this.list) {
      fill(this.container);
      this.list = new BlockList(this.container, {
        people: this.session,
        form: this.form,
        memory: new Map(),
        act: (blockId, element, value) => interact(this.session.me, { view_id: this.view.id }, blockId, element, value, this.form).then(this.onact, (error) => toast(error.message)),
        options: (blockId, element, query) => ask(this.session.me, this.view.id, blockId, element, query, this.form),
      });
    }
    this.view = view;
    this.form.adopt(view.blocks);
    this.list.show(view.blocks);
  }
}
