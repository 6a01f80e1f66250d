/**
 * Dialogs on the browser's own <dialog>: the rest of the page is inert while one is open, Escape closes it, and the
 * focus goes back to where it came from.
 */

import { freshId, h, icon } from "./dom.js";
import { drawEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";

/**
 * Opens a dialog around `body`.
 * @param {{title: string, body: Node[], footer?: Node[], className?: string, onclose?: Function}} parts
 */
export function openDialog({ title, body, footer = [], className = "", onclose = () => {} }) {
  const id = freshId("dialog");
  const before = document.activeElement;
  const dialog = h("dialog", { class: `dialog ${className}`, "aria-labelledby": id },
    h("header", { class: "dialog-head" }, h("h2", { id }, title), closeButton(() => dialog.close())),
    h("div", { class: "dialog-body" }, body),
    footer.length > 0 && h("footer", { class: "dialog-foot" }, footer));
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before?.isConnected) before.focus();
    onclose(dialog.returnValue);
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** The × of a dialog or pane. */
export function closeButton(onclick, label = "Close") {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, onclick }, icon("close"));
}

/** Asks what a `confirm` object asks. Resolves to whether the person confirmed. */
export function confirmed(confirm, people) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((resolve) => {
    const words = confirm.text?.type === "mrkdwn" ? mrkdwn(confirm.text.text, people) : drawEmoji(confirm.text?.text ?? "");
    const style = confirm.style === "danger" ? "danger" : "primary";
    const dialog = openDialog({
      title: drawEmoji(confirm.title?.text ?? "Are you sure?"),
      className: "confirm",
      body: [h("div", { class: "confirm-words" }, words)],
      footer: [
        h("button", { type: "button", class: "button", onclick: () => dialog.close() }, confirm.deny?.text ?? "Cancel"),
        h("button", { type: "button", class: `button ${style}`, onclick: () => dialog.close("yes") }, confirm.confirm?.text ?? "OK"),
      ],
      onclose: (answer) => resolve(answer === "yes"),
    });
  });
}

/** Says something at the foot of the page for a while; `error` is read out at once by screen readers. */
export function toast(words, kind = "error") {
  const region = document.getElementById("toasts");
  const note = h("div", { class: `toast toast-${kind}`, role: kind === "error" ? "alert" : "status" }, icon(kind === "error" ? "warn" : "check"), h("span", {}, words),
    closeButton(() => note.remove(), "Dismiss"));
  region.append(note);
  setTimeout(() => note.remove(), 12_000);
}
