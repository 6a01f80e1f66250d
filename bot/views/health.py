"""What people read of a sync destination that changed by itself, and of a tenant that cannot be watched.

A message says what was seen, in Tines's words where it has any, and stays right: it is drawn anew when a story that
it names is well again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from bot.views import describe, ids, kit, tines_links
from bot.views.carried import DestinationButton
from bot.views.fallback_text import message
from bot.views.text import Block, Message, code, date_element, inert, line, mention, plural, when
from handlers.models import Frozen, Problem
from handlers.requests import HealthOverview, Muted
from handlers.routes import Route
from handlers.watching.known import WORST_FIRST, Health, KnownDestination, KnownTenant, Report, StoryFault
from handlers.watching.summary import RouteSummary


class TenantDown(Frozen):
    """What a message about a tenant that cannot be watched says."""

    tenant: str
    since: datetime
    until: datetime | None = None
    problem: Problem | None = None


def health_message(
    data: object,
    origins: Mapping[str, str] = MappingProxyType({}),
    *,
    routes: Mapping[str, Route] = MappingProxyType({}),
    repair: str = "",
) -> Message:
    """Return the message for what changed on a sync destination. `data` is a `Report` as JSON, perhaps of another version.

    `origins` are the addresses of the tenants, by alias; `routes` those that are configured, by name. `repair` is the
    name of the operation that syncs stories again, "" for none: it is offered where its route says that it may be.
    """
    try:
        report = Report.model_validate(data)
    except ValidationError:
        return message(
            kit.rich(kit.para("🔭 A sync destination changed. Open the list of sync destinations to see it."))
        )
    lines, origin = [kit.para(*_headline(report)), *_changes(report)], origins.get(report.source, "")
    if report.failed:
        lines += [kit.para(_failed_title(report)), kit.bullets(_story_line(each, origin) for each in report.failed)]
    if report.behind:
        lines += [
            kit.para("Behind: ", *_behind_title()),
            kit.bullets(_story_line(each, origin, says=False) for each in report.behind),
        ]
    if report.more:
        lines.append(kit.para(f"And {plural(report.more, 'more story', 'more stories')}."))
    if report.changes > 1:
        lines.append(
            kit.para(f"🔁 This changed {report.changes} times within an hour. Further changes are shown here.")
        )
    return message(
        kit.rich(*lines),
        None if report.deleted else kit.actions(*_buttons(report, routes.get(report.route), repair)),
        _where(report),
    )


def tenant_message(data: object) -> Message:
    """Return the message for a tenant that cannot be watched, or can be again. `data` is a `TenantDown` as JSON."""
    try:
        down = TenantDown.model_validate(data)
    except ValidationError:
        return message(kit.rich(kit.para("🔭 A tenant cannot be watched. Type /tines-sync health to see which.")))
    name = kit.name(down.tenant, 60)
    if down.until is not None:
        lasted = duration(down.until - down.since)
        return message(
            kit.rich(
                kit.para(
                    "✅ ", name, " can be watched again, after ", lasted, ", since ", date_element(down.until), "."
                ),
                kit.para("Changes since then are posted now."),
            )
        )
    return message(
        kit.rich(
            kit.para("🔭 ", name, " cannot be watched since ", date_element(down.since), "."),
            kit.para(
                "Failed syncs there go unnoticed for now. I keep trying, and this message is updated when it works."
            ),
            *(describe.problem(down.problem) if down.problem is not None else ()),
        )
    )


def summary_message(data: object) -> Message:
    """Return the weekly summary of a route. `data` is a `RouteSummary` as JSON, perhaps of another version."""
    try:
        week = RouteSummary.model_validate(data)
    except ValidationError:
        return message(kit.rich(kit.para("📊 The weekly summary of a route cannot be shown. See the audit record.")))
    waited = "" if week.median_minutes is None else f", half within {duration(timedelta(minutes=week.median_minutes))}"
    failures = f"{plural(week.failures, 'failure')} and {plural(week.recoveries, 'recovery')}"
    keys = plural(week.old_keys, "sync destination")
    lines: list[Sequence[kit.Part]] = [
        (f"{plural(week.requested, 'request')}: {week.approved:,} approved{waited}, {week.rejected:,} rejected",),
        (f"{failures} of syncs; {plural(week.failed_now, 'sync destination')} failed at the moment",),
        *([(f"🔑 {keys} with an old key: use Rotate key…",)] if week.old_keys else []),
    ]
    title = kit.para("📊 ", kit.bold("The week on "), kit.name(week.route, 80), " from ", date_element(week.since), ":")
    return message(kit.rich(title, kit.bullets(lines)))


def duration(lasted: timedelta) -> str:
    """Return how long something lasted, in words: `10 minutes`, `3 hours`, `2 days`."""
    minutes = max(1, round(lasted.total_seconds() / 60))
    if minutes < 120:  # noqa: PLR2004 - from here on hours say it better
        return plural(minutes, "minute")
    hours = round(minutes / 60)
    return plural(hours, "hour") if hours < 48 else plural(round(hours / 24), "day")  # noqa: PLR2004 - and then days


def _headline(report: Report) -> Sequence[kit.Part]:
    what = (
        kit.name(report.source_team, 80),
        " (",
        kit.name(report.source, 40),
        ") → ",
        kit.name(report.destination_team, 80),
        " (",
        kit.name(report.destination, 40),
        ")",
    )
    if report.deleted:
        return ("🗑️ ", kit.bold("Deleted: "), *what)
    if report.recovered_at is not None:
        since = min(each.since for each in (*report.failed, *report.behind))
        return ("✅ ", kit.bold(f"Recovered after {duration(report.recovered_at - since)}: "), *what)
    if report.failed:
        return ("❌ ", kit.bold("A sync failed: " if len(report.failed) == 1 else "Syncs failed: "), *what)
    if report.behind:
        return ("🐢 ", kit.bold("Behind: "), *what)
    if report.new:
        return ("🆕 ", kit.bold("A new sync destination: "), *what)
    return ("✏️ ", kit.bold("Changed on Tines: "), *what)


def _changes(report: Report) -> Iterator[Block]:
    if report.deleted:
        yield kit.para("This was not requested in tines-sync. Tines does not say who did it.")
    if report.new:
        yield kit.para(f"Sync destination {report.id} was created on Tines, not requested in tines-sync.")
    if report.mode_changed:
        mode = "manual: it syncs only when somebody starts it" if report.manual else "automatic"
        yield kit.para(f"Somebody changed its mode on Tines. It is {mode} now.")
    for names, more, verb in (
        (report.added, report.more_added, "added"),
        (report.removed, report.more_removed, "removed"),
    ):
        if names:
            rest = f" Here are {len(names)} of {len(names) + more}:" if more else ""
            count = plural(len(names) + more, "story", "stories")
            yield kit.para(f"Somebody {verb} {count} on Tines.{rest}")
            yield kit.bullets([kit.name(each, 80)] for each in names)


def _failed_title(report: Report) -> str:
    total = len(report.failed) + report.more
    over = sum(each.until is not None for each in report.failed)
    well = f" {over} of them recovered." if over and report.recovered_at is None else ""
    return f"{plural(total, 'story', 'stories')} failed.{well}"


def _behind_title() -> Sequence[kit.Part]:
    return ("these need a sync for longer than they should, although it is automatic.",)


def _story_line(trouble: StoryFault, origin: str, *, says: bool = True) -> Sequence[kit.Part]:
    name = tines_links.to_story(origin, trouble.story_id, trouble.name or f"story {trouble.story_id}", 80)
    if trouble.until is not None:
        ended = "was removed" if trouble.removed else "recovered"
        return (name, f": {ended} after {duration(trouble.until - trouble.since)}")
    error = " ".join(trouble.error.split()) if says else ""
    said: tuple[kit.Part, ...] = (": ", kit.words(error, 250)) if error else ()
    return (name, " since ", date_element(trouble.since), *said)


def _buttons(report: Report, route: Route | None, repair: str) -> Iterator[Block]:
    ref = DestinationButton(destination=report.id, route=report.route[:100])
    failed = any(each.until is None for each in report.failed)
    if describe.may_be_asked_for(repair, route):
        again = ref.model_copy(update={"operation": repair, "option": ids.VALUE_FAILED if failed else ""})
        yield kit.button(
            "Sync again…",
            f"{ids.ACTION_OPERATE}{repair}",
            again.dump(),
            says=f"Sync again… Sync destination {report.id}",
            style="primary" if failed else "",
        )
    yield kit.button("Open", ids.ACTION_DESTINATION, ref.dump(), says=f"Open sync destination {report.id}")


def _where(report: Report) -> Block:
    mode = " · manual" if report.manual else ""
    return kit.context(f"Sync destination {report.id} on {code(line(report.source, 40))}{mode}")


def overview_message(overview: HealthOverview) -> Message:
    """Return how the sync destinations of a person's routes are: tenants, numbers, and the worst by name."""
    if not overview.watched:
        return message(kit.rich(kit.para("Sync destinations are not watched here: the configuration says so.")))
    if not overview.tenants:
        return message(kit.rich(kit.para("None of your routes has been checked yet. Try again in a minute.")))
    total = sum(overview.counts.values())
    parts = [f"{overview.counts.get(health, 0):,} {_WORDS[health]}" for health in WORST_FIRST]
    blocks = [
        kit.header("Health of your routes"),
        kit.rich(kit.bullets(_tenant(each, overview.now) for each in overview.tenants)),
        kit.rich(kit.para(kit.bold(plural(total, "sync destination")), f": {', '.join(parts)}.")),
    ]
    for known in overview.worst:
        route = overview.routes.get((known.source, known.destination), "")
        blocks.extend(destination_blocks(known, route, overview.now))
    bad = overview.counts.get(Health.FAILED, 0) + overview.counts.get(Health.BEHIND, 0)
    if bad > len(overview.worst):
        blocks.append(kit.context(f"Shown: {len(overview.worst)} of {bad:,} that failed or are behind."))
    return message(*blocks)


def destination_blocks(known: KnownDestination, route: str, now: datetime) -> Iterator[Block]:
    """Yield a sync destination with its health, in two blocks, with a button that opens it."""
    ref = DestinationButton(destination=known.id, route=route[:100])
    button = kit.button("Open", ids.ACTION_DESTINATION, ref.dump(), says=f"Open sync destination {known.id}")
    title = (
        f"{SIGNS[known.health]} {line(known.source_team.name, 80)} ({line(known.source, 40)}) → "
        f"{line(known.destination_team.name, 80)} ({line(known.destination, 40)})"
    )
    yield {"type": "section", "text": kit.plain(title, 300), "accessory": button}
    muted = _muted(known) if known.muted(now) else ""
    yield kit.context(f"Sync destination {known.id} · {_WORDS[known.health]} since {when(known.since)}{muted}")


def muted_message(muted: Muted) -> Message:
    """Return the answer to whoever muted a sync destination, or lets it be told of again."""
    known = muted.destination
    what = (
        kit.name(known.source_team.name, 80),
        " → ",
        kit.name(known.destination_team.name, 80),
        f" (sync destination {known.id})",
    )
    if muted.until is None:
        return message(kit.rich(kit.para("🔔 Unmuted: changes of ", *what, " are posted again.")))
    return message(
        kit.rich(
            kit.para("🔕 Muted: nothing new is posted about ", *what, " until ", date_element(muted.until), "."),
            kit.para("What still fails then is posted. The audit record keeps who muted it, and why."),
        )
    )


def _muted(known: KnownDestination) -> str:
    until = when(known.muted_until) if known.muted_until is not None else "later"
    return f" · muted until {until} by {mention(known.muted_by)}: {inert(line(known.mute_reason, 150))}"


def _tenant(known: KnownTenant, now: datetime) -> Sequence[kit.Part]:
    name = kit.name(known.tenant, 60)
    if known.failing_since is not None:
        why: tuple[kit.Part, ...] = (": ", kit.words(known.problem.what, 300)) if known.problem is not None else ()
        good = ("Last good look ", date_element(known.looked_at), ".") if known.looked_at else ("Never seen well.",)
        return ("⚠️ ", name, " cannot be watched since ", date_element(known.failing_since), *why, ". ", *good)
    if known.looked_at is None:
        return ("… ", name, ": the first look is under way")
    odd = f" {plural(known.unreadable, 'record')} could not be read." if known.unreadable else ""
    ago = duration(now - known.looked_at)
    return ("✅ ", name, f": last looked at {ago} ago.{odd}")


SIGNS: Final[Mapping[Health, str]] = MappingProxyType(
    {Health.FAILED: "❌", Health.BEHIND: "🐢", Health.WAITING: "⏳", Health.SYNCED: "✅"}
)
_WORDS: Final[Mapping[Health, str]] = MappingProxyType(
    {Health.FAILED: "failed", Health.BEHIND: "behind", Health.WAITING: "waiting for a sync", Health.SYNCED: "synced"}
)
