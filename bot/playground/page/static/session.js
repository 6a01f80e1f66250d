/** Who is at the screen and what they know: names, channels, time zone. Passed to everything that draws. */

export class Session {
  /** @param {Object} frame the answer of `/api/state` */
  constructor(frame) {
    this.frame = frame;
    this.me = frame.me;
    this.users = new Map(frame.people.map((user) => [user.id, user]));
    this.channels = new Map(frame.channels.map((channel) => [channel.id, channel]));
    this.groups = new Map(frame.groups.map((group) => [group.id, group]));
  }

  get zone() {
    return this.users.get(this.me)?.tz;
  }

  /** The name that Slack shows for a user id, or null. */
  userName(id) {
    const user = this.users.get(id);
    return user ? user.real_name || user.name : null;
  }

  /** Where the address of a message of this workspace leads, as `{in, thread}`; null for any other address. */
  placeOf(address) {
    const found = /^https:\/\/([\w-]+)\.slack\.com\/archives\/(\w+)\/p(\d{10})(\d{6})(?:\?(.*))?$/.exec(address);
    if (found?.[1] !== this.frame.workspace.domain) return null;
    const [, , channel, seconds, fraction, query] = found;
    return { in: channel, thread: new URLSearchParams(query ?? "").get("thread_ts") ?? `${seconds}.${fraction}` };
  }

  channelName(id) {
    return this.channels.get(id)?.name ?? null;
  }

  groupName(id) {
    return this.groups.get(id)?.handle ?? null;
  }

  /** The author of a message as `{name, id, app}`. */
  author(message) {
    const { app } = this.frame;
    if (message.bot_id || message.user === app.bot_user_id) return { name: app.name, id: app.bot_user_id, app: true };
    return { name: this.userName(message.user) ?? "Slackbot", id: message.user ?? "slackbot", app: false };
  }
}
