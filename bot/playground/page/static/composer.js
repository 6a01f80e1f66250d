/** Where one types: the slash command with its hint, and the app's shortcuts. */

import { post } from "./api.js";
import { fill, freshId, h, icon } from "./dom.js";

/**
 * Builds the composer of a channel, or of a thread in it (where Slack takes no commands).
 * @param {{session: Session, channel: Object, thread?: string, ondone: Function}} config `thread` is the ts of the
 *   thread's first message; `ondone` runs after a command was answered. Where nothing can be typed, `channel.closed`
 *   says so and stands there instead
 */
export function composer({ session, channel, thread, ondone }) {
  if (channel.closed) return h("p", { class: "composer-off" }, channel.closed);
  const { commands, shortcuts } = session.frame;
  const hintId = freshId("hint");
  const hint = h("div", { class: "command-hint", id: hintId });
  const problem = h("div", { class: "composer-problem", role: "alert" });
  const example = commands[0]?.command ?? "/";
  const field = h("textarea", {
    rows: "1", "aria-label": thread ? "Reply" : `Message ${channel.title}`, "aria-describedby": hintId, autocomplete: "off", spellcheck: "false",
    placeholder: placeholder(), oninput: changed, onkeydown: key, disabled: channel.archived,
  });
  const send = h("button", { type: "submit", class: "icon-button send", "aria-label": "Send", disabled: true }, icon("send"));
  const menu = h("div", { class: "menu", role: "menu", popover: "auto", id: freshId("shortcuts") }, shortcuts.map((shortcut) =>
    h("button", { type: "button", class: "menu-item", role: "menuitem", onclick: () => pick(shortcut) }, h("strong", {}, shortcut.name), h("span", { class: "menu-more" }, shortcut.description))));
  const bolt = h("button", { type: "button", class: "icon-button", "aria-label": "Shortcuts", "aria-haspopup": "menu", disabled: shortcuts.length === 0, onclick: showMenu }, icon("bolt"));
  const form = h("form", { class: "composer", onsubmit: submit }, hint, problem, h("div", { class: "composer-box" }, field, h("div", { class: "composer-bar" }, thread ? null : [bolt, menu], h("span", { class: "composer-tip" }, "Enter to send"), send)));

  function placeholder() {
    if (channel.archived) return "This channel is archived";
    return thread ? "Reply…" : `Message ${channel.title}, or try ${example}`;
  }

  function matching() {
    if (thread) return [];
    const typed = field.value.split(/\s/, 1)[0];
    return field.value.startsWith("/") ? commands.filter(({ command }) => (/\s/.test(field.value) ? command === typed : command.startsWith(typed))) : [];
  }

  function changed() {
    send.disabled = !field.value.trim();
    problem.textContent = "";
    fill(hint, matching().map(({ command, usage_hint: usage, description }) => h("button", { type: "button", class: "command-row", onclick: () => complete(command) },
      h("strong", {}, command), h("span", { class: "command-usage" }, usage), h("span", { class: "command-more" }, description))));
  }

  function complete(command) {
    field.value = `${command} `;
    field.focus();
    changed();
  }

  function key(event) {
    const [first] = matching();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (field.value.trim()) form.requestSubmit();
    } else if (event.key === "Tab" && !event.shiftKey && first && !/\s/.test(field.value)) {
      event.preventDefault();
      complete(first.command);
    } else if (event.key === "Escape" && field.value) {
      field.value = "";
      changed();
    }
  }

  async function submit(event) {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    changed();
    const [command, ...words] = text.split(/\s+/);
    const known = commands.some((one) => one.command === command);
    try {
      if (thread && text.startsWith("/")) throw new Error(`${command} is not supported in threads. Sorry!`);
      if (known) await post("command", { as: session.me, channel: channel.id, command, text: text.slice(command.length).trim() });
      else if (command.startsWith("/")) throw new Error(`${command} is not a command of this workspace. ${words.length ? "" : `Try ${example}.`}`.trim());
      else await post("say", { as: session.me, channel: channel.id, text, thread: thread ?? "" });
      await ondone();
    } catch (error) {
      problem.textContent = error.message;
    }
  }

  function showMenu() {
    const spot = bolt.getBoundingClientRect();
    menu.showPopover();
    Object.assign(menu.style, { left: `${spot.left}px`, top: `${spot.top - menu.offsetHeight - 6}px` });
    menu.querySelector("button")?.focus();
  }

  async function pick(shortcut) {
    menu.hidePopover();
    bolt.focus();
    try {
      await post("shortcut", { as: session.me, callback_id: shortcut.callback_id });
      await ondone();
    } catch (error) {
      problem.textContent = error.message;
    }
  }
  return form;
}
