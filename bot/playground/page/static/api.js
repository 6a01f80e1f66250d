/** The page's way to its server: JSON requests as one person. */

/** The server said no. The message is meant for the person at the screen. */
export class Refused extends Error {}

/** Reads something as `me`. */
export async function get(path, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== undefined && value !== null));
  return answer(await fetch(`/api/${path}?${query}`, { headers: { accept: "application/json" } }));
}

/** Does something. */
export async function post(path, body) {
  return answer(await fetch(`/api/${path}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  }));
}

async function answer(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok || body.problem) throw new Refused(body.problem ?? `The playground answered ${response.status}.`);
  return body;
}

/** Runs `work` soon after the first of several calls, once for all of them, and never twice at a time. */
export function coalesced(work) {
  let waiting = null;
  let running = Promise.resolve();
  return () => {
    waiting ??= new Promise((resolve, reject) => {
      queueMicrotask(() => {
        running = running.then(() => {
          waiting = null;
          return work();
        });
        running.then(resolve, reject);
        running = running.catch(() => {});
      });
    });
    return waiting;
  };
}
