/**
 * The stream of news, one for all windows of a browser: the window that holds a lock listens and tells the others.
 * Browsers allow six connections to a host; with a stream for each window, the seventh would stay blank.
 */

const NAME = "playground-news";
const TOLD = ["ready", "change", "traffic", "tines"];

export class News {
  /**
   * Listens from now on. The browser reconnects by itself; `ready` runs after each (re)connect, when everything on
   * screen may be stale and nothing that happens from now on will be missed.
   * @param {{ready: Function, change: Function, traffic: Function, tines: Function, lost: Function}} handlers
   */
  constructor(handlers) {
    this.handlers = handlers;
    this.me = crypto.randomUUID();
    addEventListener("pagehide", () => this.leave());
    addEventListener("pageshow", (event) => event.persisted && this.join());
    this.join();
  }

  join() {
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    this.windows = new BroadcastChannel(NAME);
    this.windows.onmessage = ({ data }) => this.heard(data);
    navigator.locks.request(NAME, { signal }, () => this.lead(signal)).catch((error) => {
      if (error.name !== "AbortError") throw error;
    });
    this.windows.postMessage({ name: "hello", from: this.me });
  }

  /** Stops listening, so that another window can: a page that waits to be gone back to would keep the connection. */
  leave() {
    this.leaving.abort();
    this.windows.close();
    this.source = null;
  }

  /** Holds the stream for all windows until this one leaves. */
  lead(signal) {
    if (signal.aborted) return null;
    const source = new EventSource("/api/events");
    this.source = source;
    for (const name of TOLD) source.addEventListener(name, (event) => this.tell(name, JSON.parse(event.data)));
    source.addEventListener("error", () => this.tell("lost", {}));
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        source.close();
        resolve();
      });
    });
  }

  tell(name, body) {
    if (this.leaving.signal.aborted) return;
    this.windows.postMessage({ name, body });
    this.handlers[name](body);
  }

  heard({ name, body, from, to }) {
    if (name === "hello") {
      if (this.source?.readyState === EventSource.OPEN) this.windows.postMessage({ name: "ready", body: {}, to: from });
    } else if (!to || to === this.me) this.handlers[name](body);
  }
}
