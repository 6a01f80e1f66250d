/**
 * Times as their reader sees them: Slack's `<!date^seconds^{tokens}|fallback>` and the times of messages, in the time
 * zone of the person one is. Without it every reader would see the server's time and take it for their own.
 */

const LOCALE = "en-US";
const DAY_MS = 86_400_000;

/** Formats a Slack date token string ("{date_short_pretty} at {time}") for seconds since 1970. */
export function formatDate(seconds, tokens, zone, now = Date.now()) {
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return null;
  return tokens.replace(/\{(\w+)\}/g, (whole, token) => {
    const pretty = token.endsWith("_pretty");
    const name = pretty ? token.slice(0, -"_pretty".length) : token;
    const format = TOKENS[name];
    if (format === undefined) return whole;
    return (pretty && nearDay(at, zone, now)) || format(at, zone, now);
  });
}

/** "9:41 AM" for a message's ts. */
export function clockTime(ts, zone) {
  return intl(new Date(Number(ts) * 1000), zone, { hour: "numeric", minute: "2-digit" });
}

/** "Today", "Yesterday" or "Wednesday, August 5th" for the line between two days. */
export function dayName(ts, zone, now = Date.now()) {
  const at = new Date(Number(ts) * 1000);
  const near = nearDay(at, zone, now);
  return near ? near[0].toUpperCase() + near.slice(1) : `${intl(at, zone, { weekday: "long" })}, ${monthDay(at, zone, "long")}`;
}

/** The whole moment, for a tooltip and for screen readers. */
export function fullTime(ts, zone) {
  return intl(new Date(Number(ts) * 1000), zone, { dateStyle: "full", timeStyle: "medium" });
}

/** "2 minutes ago", as Slack's {ago} and the reply counts say it. */
export function ago(at, now = Date.now()) {
  const seconds = Math.round((now - at.getTime()) / 1000);
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  if (Math.abs(seconds) < 10) return "just now";
  return new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" }).format(-Math.trunc(seconds / size), unit);
}

const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

const TOKENS = {
  date_num: (at, zone) => intl(at, zone, { year: "numeric", month: "2-digit", day: "2-digit" }, "en-CA"),
  date_slash: (at, zone) => intl(at, zone, { year: "numeric", month: "2-digit", day: "2-digit" }),
  date: (at, zone) => `${monthDay(at, zone, "long")}, ${intl(at, zone, { year: "numeric" })}`,
  date_short: (at, zone) => intl(at, zone, { year: "numeric", month: "short", day: "numeric" }),
  date_long: (at, zone) => `${intl(at, zone, { weekday: "long" })}, ${TOKENS.date(at, zone)}`,
  day_divider_pretty: (at, zone) => `${intl(at, zone, { weekday: "long" })}, ${monthDay(at, zone, "long")}`,
  time: (at, zone) => intl(at, zone, { hour: "numeric", minute: "2-digit" }),
  time_secs: (at, zone) => intl(at, zone, { hour: "numeric", minute: "2-digit", second: "2-digit" }),
  ago: (at, _zone, now) => ago(at, now),
};

function intl(at, zone, options, locale = LOCALE) {
  // Some platforms put a narrow no-break space before AM: a plain one keeps text findable.
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: zone || undefined }).format(at).replaceAll("\u202f", " ");
}

function monthDay(at, zone, month) {
  const day = Number(intl(at, zone, { day: "numeric" }));
  return `${intl(at, zone, { month })} ${day}${ordinal(day)}`;
}

function ordinal(day) {
  if (day >= 11 && day <= 13) return "th";
  return { 1: "st", 2: "nd", 3: "rd" }[day % 10] ?? "th";
}

function nearDay(at, zone, now) {
  const days = { "-1": "yesterday", 0: "today", 1: "tomorrow" };
  return days[dayNumber(at, zone) - dayNumber(new Date(now), zone)];
}

function dayNumber(at, zone) {
  const [year, month, day] = TOKENS.date_num(at, zone).split("-").map(Number);
  return Date.UTC(year, month - 1, day) / DAY_MS;
}
