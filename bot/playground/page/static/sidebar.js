/** The left side: the workspace's channels, the direct conversation with the app, and the app itself. */

import { avatar } from "./avatar.js";
import { fill, h, icon } from "./dom.js";

/**
 * Draws the sidebar.
 * @param {Element} nav @param {Session} session
 * @param {{place: string, unread: Map<string, number>, hrefFor: Function, onopen: Function}} state `place` is the
 *   channel that is open, or "home"
 */
export function drawSidebar(nav, session, { place, unread, hrefFor, onopen }) {
  const { channels, app, workspace } = session.frame;
  const row = (key, mark, label, note) => {
    const news = unread.get(key) ?? 0;
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another window
      event.preventDefault();
      onopen(key);
    };
    return h("li", {}, h("a", {
      class: `place${news ? " unread" : ""}`, href: hrefFor(key), "aria-current": key === place ? "page" : null, onclick: open, dataset: { place: key },
    }, mark, h("span", { class: "place-name" }, label), note && h("span", { class: "place-note" }, note),
    news > 0 && h("span", { class: "unread-count" }, String(news), h("span", { class: "visually-hidden" }, " unread"))));
  };
  const face = () => avatar({ id: app.bot_user_id, name: app.name, app: true }, "tiny");
  const section = (title, rows) => rows.length > 0 && h("section", { "aria-label": title }, h("h2", {}, icon("down"), title), h("ul", {}, rows));
  fill(nav,
    h("div", { class: "workspace" }, h("span", { class: "workspace-name" }, workspace.name), h("span", { class: "workspace-note" }, "local playground")),
    section("Channels", channels.filter((channel) => channel.kind !== "im").map((channel) =>
      row(channel.id, icon(channel.kind === "private_channel" ? "lock" : "hash"), channel.name, channel.archived && "archived"))),
    section("Direct messages", channels.filter((channel) => channel.kind === "im").map((channel) => row(channel.id, face(), app.name))),
    section("Apps", app.home_tab ? [row("home", icon("home"), `${app.name} Home`)] : []));
}
