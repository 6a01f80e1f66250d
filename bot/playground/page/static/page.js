/** The page as a whole: one person at one place, kept up to date by the stream of news. */

import { coalesced, get } from "./api.js";
import { avatar } from "./avatar.js";
import { Coach } from "./coach.js";
import { composer } from "./composer.js";
import { closeButton, toast } from "./dialog.js";
import { fill, h, icon } from "./dom.js";
import { HomeTab } from "./home.js";
import { MessageList } from "./messages.js";
import { Modals } from "./modal.js";
import { News } from "./news.js";
import { hrefOf, readPlace, writePlace } from "./place.js";
import { Session } from "./session.js";
import { drawSidebar } from "./sidebar.js";
import { startTheme } from "./theme.js";
import { TinesPanel } from "./tines.js";
import { TrafficPanel } from "./traffic.js";

const find = (id) => document.getElementById(id);

export class Page {
  constructor() {
    this.unread = new Map();
    this.refreshViews = coalesced(() => this.readViews());
    this.refreshMessages = coalesced(() => this.readMessages());
    this.refreshTines = coalesced(() => this.readTines());
    this.refreshCoach = coalesced(() => this.coach.refresh(this.session, this.place));
    this.refreshFrame = coalesced(() => this.readFrame());
    this.afterwards = () => Promise.all([this.refreshViews(), this.refreshMessages()]); // anything may have changed
  }

  async start() {
    startTheme(find("theme"));
    this.tines = new TinesPanel(find("panel-tines"));
    this.traffic = new TrafficPanel(find("panel-traffic"));
    this.coach = new Coach(find("coach"));
    for (const name of ["tines", "traffic"]) find(`open-${name}`).addEventListener("click", () => this.togglePanel(name));
    find("panel-close").append(closeButton(() => this.togglePanel(null), "Close the panel"));
    find("menu").append(icon("menu"));
    find("menu").addEventListener("click", () => this.showSidebar(!document.body.classList.contains("show-sidebar")));
    addEventListener("popstate", () => this.enter(readPlace()).catch((error) => this.fail(error)));
    addEventListener("keydown", (event) => event.key === "Escape" && document.body.classList.contains("show-sidebar") && this.showSidebar(false));
    document.addEventListener("click", (event) => this.follow(event));
    await this.enter(readPlace());
    this.listen();
  }

  /** Says what did not work. A server that is away says so itself, and all is read again when it is back. */
  fail(error) {
    if (!(error instanceof TypeError)) toast(error.message);
    else console.info(error);
  }

  /** Brings something up to date in the background. */
  soon(work) {
    work().catch((error) => this.fail(error));
  }

  /** Goes to a place, as whoever it names. */
  async enter(place) {
    this.place = place;
    if (place.as !== this.session?.me || !this.session) await this.sitDown(place.as);
    const known = this.session.channels.has(place.in) || (place.in === "home" && this.session.frame.app.home_tab);
    if (!known) this.place.in = this.session.frame.channels[0]?.id ?? "home";
    writePlace(this.place, { replace: true });
    this.open();
  }

  /** Becomes somebody: forgets what the one before had open. */
  async sitDown(who) {
    this.modals?.remove();
    this.session = new Session(await get("state", { as: who }));
    this.place.as = this.session.me;
    this.unread.clear();
    this.modals = new Modals(this.session, this.refreshViews);
    this.soon(this.refreshViews);
  }

  listen() {
    const live = (state) => {
      document.body.dataset.news = state;
    };
    this.news = new News({
      ready: () => {
        live("live");
        this.soon(() => Promise.all([this.refreshFrame(), this.refreshViews(), this.refreshMessages(), this.place.panel && this.readPanel()]));
      },
      lost: () => live("lost"),
      change: (change) => this.heard(change),
      traffic: (exchange) => this.place.panel === "traffic" && this.traffic.add(exchange, this.session.zone),
      tines: () => this.place.panel === "tines" && this.soon(this.refreshTines),
    });
  }

  heard(change) {
    if (!change.readers.includes(this.session.me)) return;
    if (change.view_id || change.kind.startsWith("view_") || change.kind === "home_published") this.soon(this.refreshViews);
    else if (change.ts) {
      this.soon(this.refreshCoach);
      if (change.channel === this.place.in) this.soon(this.refreshMessages);
      else if (change.kind.endsWith("_posted") && !change.thread_ts) this.mark(change.channel);
    } else this.soon(this.refreshFrame);
    if (!this.session.channels.has(change.channel) && change.channel) this.soon(this.refreshFrame);
  }

  mark(channel) {
    this.unread.set(channel, (this.unread.get(channel) ?? 0) + 1);
    this.drawSidebar();
  }

  async readFrame() {
    const frame = await get("state", { as: this.session.me });
    Object.assign(this.session, new Session(frame));
    this.drawSidebar();
    if (this.drawMain()) this.soon(this.refreshMessages);
  }

  async readViews() {
    const me = this.session.me;
    const { views, home } = await get("views", { as: me });
    if (me !== this.session.me) return;
    this.modals.show(views);
    this.home?.show(home);
  }

  async readMessages() {
    const { as, in: channel, thread } = this.place;
    if (channel === "home") return;
    const [main, replies] = await Promise.all([get("messages", { as, channel }), thread && get("messages", { as, channel, thread })]);
    if (as !== this.place.as || channel !== this.place.in || thread !== this.place.thread) return;
    this.main?.show(main.messages);
    if (thread) this.thread?.show(replies.messages);
  }

  readTines() {
    return this.tines.refresh(this.session.zone);
  }

  readPanel() {
    return this.place.panel === "tines" ? this.refreshTines() : this.traffic.refresh(this.session.zone);
  }

  /** Goes somewhere else as the same person. */
  go(changes, focus) {
    this.place = { ...this.place, ...changes };
    writePlace(this.place);
    this.showSidebar(false);
    this.open();
    if (focus) find(focus)?.focus();
  }

  open() {
    this.unread.delete(this.place.in);
    this.drawPeople();
    this.drawSidebar();
    this.drawMain();
    this.drawThread();
    this.drawPanel();
    this.soon(this.refreshMessages);
    this.soon(this.refreshCoach);
  }

  /** Goes where a link to a message of this workspace leads, as Slack does, instead of out of the machine. */
  async follow(event) {
    const link = event.target.closest?.("a[data-message]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const place = JSON.parse(link.dataset.message);
    await this.modals.close(true);
    if (this.session.channels.has(place.in)) this.go(place, "thread");
    else toast("You are not in that channel.");
  }

  drawPeople() {
    fill(find("people"), this.session.frame.cast.map(({ id, role }) => {
      const name = this.session.userName(id);
      return h("a", { class: "person", href: hrefOf({ ...this.place, as: id, thread: null }), "aria-current": id === this.session.me ? "true" : null,
        title: `${name}, ${role}`, onclick: (event) => this.become(event, id) },
      avatar({ id, name }, "small"), h("span", { class: "person-words" }, h("span", { class: "person-name" }, name), h("span", { class: "person-role" }, role)));
    }));
  }

  become(event, id) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another window, another person
    event.preventDefault();
    const direct = this.session.channels.get(this.place.in)?.kind === "im";
    const place = { ...this.place, as: id, in: direct ? null : this.place.in };
    writePlace(place);
    this.enter(place).then(() => document.querySelector(".person[aria-current]")?.focus(), (error) => this.fail(error));
  }

  drawSidebar() {
    drawSidebar(find("sidebar"), this.session, {
      place: this.place.in, unread: this.unread, hrefFor: (key) => hrefOf({ ...this.place, in: key, thread: null }), onopen: (key) => this.go({ in: key, thread: null }, "main"),
    });
  }

  /** Draws the conversation unless it stands there already. Returns whether it was drawn anew. */
  drawMain() {
    const { in: key } = this.place;
    const channel = this.session.channels.get(key);
    if (key !== "home" && !channel) return false; // news may come before the place is known
    const sign = JSON.stringify([this.session.me, key, channel]);
    if (this.shown === sign) return false;
    this.shown = sign;
    document.title = `${channel?.name || this.session.frame.app.name} · ${this.session.userName(this.session.me)}`;
    this.main = null;
    this.home = null;
    if (key === "home") this.drawHome();
    else this.drawChannel(channel);
    return true;
  }

  drawHome() {
    const tab = h("div", { class: "home scroll" });
    fill(find("main"), h("header", { class: "place-head" }, h("h1", {}, icon("home"), `${this.session.frame.app.name} Home`)), tab);
    this.home = new HomeTab(tab, this.session, this.afterwards);
    get("home", { as: this.session.me }).catch((error) => this.fail(error)).finally(() => this.soon(this.refreshViews));
  }

  drawChannel(channel) {
    const direct = channel.kind === "im";
    const title = direct ? this.session.frame.app.name : `#${channel.name}`;
    const list = h("div", { class: "messages scroll", role: "log", "aria-label": `Messages in ${title}`, tabindex: "0" });
    fill(find("main"), h("header", { class: "place-head" }, h("h1", {}, direct ? title : [icon(channel.kind === "private_channel" ? "lock" : "hash"), channel.name]),
      h("span", { class: "place-about" }, channel.about)), list, composer({ session: this.session, channel: { ...channel, title }, ondone: this.afterwards }));
    this.main = new MessageList(list, {
      session: this.session, channel: channel.id, empty: `This is the very beginning of ${title}. Nobody has written here yet.`, onact: this.afterwards, onthread: (ts) => this.go({ thread: ts }, "thread"),
    });
  }

  drawThread() {
    const { thread, in: key } = this.place;
    const pane = find("thread");
    pane.hidden = !thread;
    const sign = `${this.session.me} ${key} ${thread}`;
    if (!thread || this.threaded === sign) {
      this.threaded = thread ? sign : null;
      return;
    }
    this.threaded = sign;
    const list = h("div", { class: "messages scroll", role: "log", "aria-label": "Thread", tabindex: "0" });
    fill(pane, h("header", { class: "place-head" }, h("h2", {}, "Thread"), h("span", { class: "place-about" }, `#${this.session.channelName(key) ?? this.session.frame.app.name}`),
      closeButton(() => this.go({ thread: null }, "main"), "Close the thread")), list,
    composer({ session: this.session, channel: { ...this.session.channels.get(key), title: "the thread" }, thread, ondone: this.afterwards }));
    this.thread = new MessageList(list, { session: this.session, channel: key, empty: "This message is not there any more.", onact: this.afterwards, root: thread });
  }

  togglePanel(name) {
    const panel = name === this.place.panel ? null : name;
    const before = this.place.panel;
    this.go({ panel });
    find(panel ? `panel-${panel}` : `open-${before}`).focus();
  }

  drawPanel() {
    const { panel } = this.place;
    find("dock").hidden = !panel;
    for (const name of ["tines", "traffic"]) {
      find(`panel-${name}`).hidden = name !== panel;
      find(`open-${name}`).setAttribute("aria-expanded", String(name === panel));
    }
    find("panel-title").textContent = panel === "traffic" ? "Traffic" : "Tines tenants";
    if (panel) this.soon(() => this.readPanel());
  }

  showSidebar(open) {
    document.body.classList.toggle("show-sidebar", open);
    find("menu").setAttribute("aria-expanded", String(open));
  }
}
