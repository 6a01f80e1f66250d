/** The Tines tenants beside Slack: what they hold, which copies arrived, and switches for what can go wrong. */

import { get, post } from "./api.js";
import { clockTime } from "./dates.js";
import { toast } from "./dialog.js";
import { fill, h } from "./dom.js";

const SIGNS = { synced: "ok", failed: "bad", requires_sync: "wait" };

export class TinesPanel {
  /** @param {Element} container */
  constructor(container) {
    this.container = container;
    this.queries = new Map();
    this.cards = new Map();
  }

  /** Reads the tenants again. `zone` is the reader's time zone. */
  async refresh(zone) {
    this.zone = zone;
    const { tenants, slack } = await get("tines");
    for (const tenant of tenants) {
      if (!this.cards.has(tenant.name)) {
        const card = h("section", { class: "tenant", "aria-label": `Tenant ${tenant.name}` });
        this.cards.set(tenant.name, card);
        this.container.append(card);
      }
      this.draw(this.cards.get(tenant.name), tenant, zone);
    }
    if (slack) {
      this.slackCard ??= h("section", { class: "tenant", "aria-label": "Slack" });
      this.container.append(this.slackCard);
      keepingFocus(this.slackCard, () => fill(this.slackCard, h("header", { class: "tenant-head" }, h("h3", {}, "Slack")), this.faults("slack", slack)));
    }
  }

  draw(card, tenant, zone) {
    keepingFocus(card, () => fill(card,
      h("header", { class: "tenant-head" }, h("h3", {}, tenant.name), h("span", { class: "tenant-url" }, tenant.url)),
      h("dl", { class: "facts" }, fact("Teams", tenant.teams.length), fact("Stories", tenant.stories.length),
        fact("Sync destinations", tenant.destinations.length), fact("Copies arrived", tenant.copies.length)),
      this.faults(tenant.name, tenant.faults),
      folded(this, `${tenant.name} destinations`, `Sync destinations (${tenant.destinations.length})`, tenant.destinations.length > 0, () => tenant.destinations.map(destination)),
      folded(this, `${tenant.name} copies`, `Copies that arrived here (${tenant.copies.length})`, tenant.copies.length > 0, () => copies(this, tenant, zone)),
      folded(this, `${tenant.name} credentials`, `Credentials (${tenant.credentials.length})`, false, () => this.credentials(tenant)),
      folded(this, `${tenant.name} teams`, `Teams (${tenant.teams.length})`, false, () => h("ul", { class: "teams" }, tenant.teams.map((team) =>
        h("li", {}, h("span", {}, team.name), h("span", { class: "muted" }, `${team.stories} stories`))))),
      folded(this, `${tenant.name} stories`, `Stories (${tenant.stories.length})`, false, () => this.stories(tenant))));
  }

  faults(owner, switches) {
    const change = async (fault, on) => {
      try {
        await post("faults", { owner, name: fault.name, on });
      } catch (error) {
        toast(error.message);
      }
    };
    return h("fieldset", { class: "faults" }, h("legend", {}, "What goes wrong"), switches.map((fault) =>
      h("label", { class: `fault${fault.on ? " on" : ""}` }, h("input", {
        type: "checkbox", role: "switch", checked: fault.on, dataset: { key: `fault ${fault.name}` }, onchange: (event) => change(fault, event.target.checked),
      }), h("span", {}, fault.title))));
  }

  /** Does what people do in a tenant, outside of its API. */
  async act(tenant, action, what) {
    try {
      await post("tenants", { owner: tenant.name, action, ...what });
      await this.refresh(this.zone);
    } catch (error) {
      toast(error.message);
    }
  }

  credentials(tenant) {
    const key = `credential ${tenant.name}`;
    const slug = h("input", {
      type: "text", class: "filter", placeholder: "slug, such as virustotal", "aria-label": `Slug of a credential for ${tenant.name}`,
      value: this.queries.get(key) ?? "", dataset: { key }, oninput: () => this.queries.set(key, slug.value),
    });
    const add = (event) => {
      event.preventDefault();
      if (!slug.value.trim()) return;
      this.queries.delete(key);
      this.act(tenant, "add_credential", { slug: slug.value.trim() });
    };
    return [h("form", { class: "tenant-form", onsubmit: add }, slug, h("button", { type: "submit" }, "Add credential")),
      h("ul", { class: "teams" }, tenant.credentials.map((name) => h("li", {}, h("span", {}, name),
        h("button", {
          type: "button", "aria-label": `Remove credential ${name} of ${tenant.name}`, dataset: { key: `remove ${name}` },
          onclick: () => this.act(tenant, "remove_credential", { slug: name }),
        }, "Remove credential"))))];
  }

  stories(tenant) {
    const rows = h("tbody");
    const show = () => {
      const wanted = (this.queries.get(tenant.name) ?? "").toLowerCase();
      const fits = (story) => [story.name, story.team, ...story.tags].some((words) => words.toLowerCase().includes(wanted));
      fill(rows, tenant.stories.filter(fits).slice(0, 100).map((story) => this.story(tenant, story)));
    };
    const filter = h("input", {
      type: "search", class: "filter", placeholder: "Filter by name, team or tag", "aria-label": `Filter stories of ${tenant.name}`,
      value: this.queries.get(tenant.name) ?? "", dataset: { key: "filter" }, oninput: () => {
        this.queries.set(tenant.name, filter.value);
        show();
      },
    });
    show();
    return [filter, h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": `Stories of ${tenant.name}` }, h("table", { class: "data-table small" },
      h("thead", {}, h("tr", {}, ["Story", "Team", "Tags", "Change control", "Change", "Sync fails"].map((words) => h("th", { scope: "col" }, words)))), rows))];
  }

  story(tenant, story) {
    return h("tr", {}, h("th", { scope: "row" }, story.name), h("td", {}, story.team), h("td", {}, story.tags.map((tag) => h("span", { class: "tag" }, tag))),
      h("td", {}, story.change_control ? "on" : h("span", { class: "muted" }, "off")),
      h("td", {}, story.change_control && this.change(tenant, story)),
      h("td", {}, h("input", {
        type: "checkbox", role: "switch", "aria-label": `Syncing ${story.name} fails`, checked: story.failing, dataset: { key: `story ${story.id}` },
        onchange: (event) => post("faults", { owner: tenant.name, story: story.id, on: event.target.checked }).catch((error) => toast(error.message)),
      })));
  }

  /** A change of a story that is held back until somebody publishes it. */
  change(tenant, story) {
    const [action, words] = story.held ? ["push_change", "Publish the change"] : ["hold_change", "Make a change"];
    return [story.held && h("span", { class: "tag" }, "not published"), h("button", {
      type: "button", "aria-label": `${words} of ${story.name}`, dataset: { key: `change ${story.id}` },
      onclick: () => this.act(tenant, action, { story: story.id }),
    }, words)];
  }
}

function fact(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, String(value)));
}

function destination(one) {
  return h("div", { class: "destination" },
    h("p", {}, h("strong", {}, `#${one.id}`), ` ${one.team} → ${one.to}`, one.manual && h("span", { class: "tag" }, "manual only")),
    h("ul", { class: "subscriptions" }, one.stories.map((story) => h("li", {},
      h("span", { class: `status status-${SIGNS[story.status] ?? "other"}` }, story.status.replaceAll("_", " ")), h("span", {}, story.name),
      story.error && h("span", { class: "muted" }, story.error)))));
}

function copies(panel, tenant, zone) {
  const more = (copy) => `${copy.edited ? " · edited here" : ""}${copy.detached ? " · no longer synced" : ""}`;
  return h("ul", { class: "teams" }, tenant.copies.map((copy) => h("li", {}, h("span", {}, copy.name),
    h("span", { class: "muted" }, `in ${copy.team} · from ${copy.origin} · version ${copy.version} · ${clockTime(copy.at, zone)}${more(copy)}`),
    h("button", {
      type: "button", "aria-label": `Edit the copy of ${copy.name} in ${copy.team}`, dataset: { key: `edit ${copy.id}` },
      onclick: () => panel.act(tenant, "edit_copy", { story: copy.id }),
    }, "Edit a copy"))));
}

function folded(panel, key, title, open, draw) {
  panel.folds ??= new Map();
  const isOpen = panel.folds.get(key) ?? open;
  const node = h("details", { open: isOpen, ontoggle: () => node.open !== isOpen && panel.folds.set(key, node.open) },
    h("summary", { dataset: { key } }, title), draw());
  return node;
}

function keepingFocus(root, draw) {
  const key = root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  draw();
  if (key) [...root.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key)?.focus();
}
