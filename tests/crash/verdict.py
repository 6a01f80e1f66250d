"""What must be true in the end, asked of the database, of Slack's channels and of the tenant alike."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.delivery.posting import EVENT_TYPE
from bot.playground.launch import APPROVALS, SECOPS
from bot.playground.slack import Json
from handlers.models import State
from handlers.store import event_hash
from handlers.store import tables as t
from handlers.store.database import open_engine, parse_url

from .harness import CrashHarness
from .users import ENDINGS, PlannedDecision, SimulatedUsers

_WORDS: Final = {
    "succeeded": ("SYNCED", "DONE", "REPORTED SYNCED"),
    "rejected": ("REJECTED",),
    "cancelled": ("CANCELLED",),
}  # on the approval message

Row: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Verdict:
    """How it ended. Every list is empty when all promises were kept."""

    requests: int = 0
    synced: int = 0
    changed: int = 0  # requests that changed, synced or deleted a sync destination
    messages: int = 0
    lost: list[str] = field(default_factory=list)  # taken, but without the end it should have
    doubles: list[str] = field(default_factory=list)  # sync destinations without a request, or too many for one
    duplicates: list[str] = field(default_factory=list)  # messages seen twice
    silent: list[str] = field(default_factory=list)  # what somebody should have been told and was not
    broken: list[str] = field(default_factory=list)  # faults of the record

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong, in words."""
        return [*self.lost, *self.doubles, *self.duplicates, *self.silent, *self.broken]


async def judge(harness: CrashHarness, users: SimulatedUsers) -> Verdict:
    """Look at everything."""
    engine = open_engine(parse_url(harness.database_url), pool_size=1)
    try:
        async with engine.connect() as connection:
            rows = await _all(connection, sa.select(t.requests))
            events = await _all(connection, sa.select(t.events).order_by(t.events.c.seq))
            (head,) = await _all(connection, sa.select(t.chain))
            failures = (
                await connection.execute(sa.select(t.announcements.c.key).where(t.announcements.c.failure.is_not(None)))
            ).scalars()
            verdict = Verdict(requests=len(rows), silent=[f"{key} was given up" for key in failures])
    finally:
        await engine.dispose()
    _requests(verdict, rows, users)
    _destinations(verdict, [row for row in rows if row["operation"] == "create"], harness)
    _changed(verdict, rows, harness, users)
    _messages(verdict, rows, harness)
    _record(verdict, events, head)
    return verdict


async def _all(connection: AsyncConnection, query: sa.Select[Any]) -> list[Row]:
    return [dict(row) for row in (await connection.execute(query)).mappings()]


def _requests(verdict: Verdict, rows: Iterable[Row], users: SimulatedUsers) -> None:
    by_reason: dict[str, list[Row]] = {}
    for row in rows:
        by_reason.setdefault(row["reason"], []).append(row)
    for row in rows:
        again = any(each["state"] == State.SUCCEEDED for each in by_reason[row["reason"]])
        if row["operation"] == "delete" and row["state"] == State.REJECTED and again:
            continue  # somebody who got no answer asked for it twice; there was nothing left to delete
        decision = next(decision for decision in PlannedDecision if row["reason"].endswith(decision))
        if row["state"] != ENDINGS[decision]:
            verdict.lost.append(f"{row['id']} ({decision}) ended as {row['state']}")
    verdict.lost += [f"{reason!r} was taken and is not there" for reason in users.taken if reason not in by_reason]
    ids = {row["id"] for row in rows}
    verdict.lost += [f"{request_id} was decided and is not there" for request_id in users.decided - ids]


def _destinations(verdict: Verdict, rows: Iterable[Row], harness: CrashHarness) -> None:
    def thing(source: int, target: int, stories: Iterable[int]) -> tuple[int, int, tuple[int, ...]]:
        return source, target, tuple(sorted(stories))

    wanted = Counter(
        thing(asked["source_team"]["id"], asked["destination_team"]["id"], (story["id"] for story in asked["stories"]))
        for row in rows
        for asked in (row["params"],)
        if row["state"] == State.SUCCEEDED
    )
    there = Counter(
        thing(each.team_id, each.destination_team_id, each.subscriptions)
        for number, each in harness.dev.destinations.items()
        if number not in harness.made.values()
    )
    verdict.synced += wanted.total()
    verdict.doubles += [f"{key} exists {there[key]} times, asked for {wanted[key]} times" for key in there - wanted]
    verdict.lost += [f"{key} was approved {wanted[key]} times, exists {there[key]} times" for key in wanted - there]
    owners = Counter(row["destination_id"] for row in rows if row["destination_id"] is not None)
    verdict.doubles += [
        f"destination {key} is claimed by {count} requests" for key, count in owners.items() if count > 1
    ]


def _changed(verdict: Verdict, rows: Iterable[Row], harness: CrashHarness, users: SimulatedUsers) -> None:
    """Check that each sync destination that was there before is as its request left it, and told once how to be so."""
    # of a request that was made twice, the one that was done tells what is there now
    by_reason = {row["reason"]: row for row in sorted(rows, key=lambda row: row["state"] == State.SUCCEEDED)}
    names = {story.id: story.name for story in harness.dev.stories.values()}
    for reason, planned in users.taken.items():
        row = by_reason.get(reason)
        if planned.operation == "create" or row is None:
            continue
        number = harness.made[planned.number]
        there = harness.dev.destinations.get(number)
        done = row["state"] == State.SUCCEEDED
        verdict.changed += done
        stories = {f"Story {planned.source}-{story}" for story in planned.already}
        asked = {f"Story {planned.source}-{story}" for story in planned.stories}
        if done and planned.operation in {"add_stories", "remove_stories"}:
            stories = stories | asked if planned.adds else stories - asked
        wanted = None if done and planned.operation == "delete" else (stories, done and planned.operation == "set_mode")
        found = None if there is None else ({names[each] for each in there.subscriptions}, bool(there.manual_only))
        if found != wanted:
            verdict.lost.append(f"{row['id']} ({planned.operation}, {row['state']}): {found} instead of {wanted}")
        for call in harness.dev.calls.of("DELETE", f"/admin/sync_destinations/{number}"):
            if not isinstance(call.asked, dict) or "keep_stories" not in call.asked:
                verdict.lost.append(f"{row['id']}: a delete that says nothing of the copies")


def _messages(verdict: Verdict, rows: Iterable[Row], harness: CrashHarness) -> None:
    seen: dict[str, list[Json]] = {}
    conversations = [APPROVALS, SECOPS, *(harness.slack.open_dm(actor.user) for actor in harness.requesters)]
    for channel in conversations:
        for top in harness.slack.messages(channel):
            replies = harness.slack.messages(channel, thread_ts=top["ts"])[1:] if top.get("reply_count") else []
            for message in (top, *replies):
                seen.setdefault(_key(message), []).append(message | {"channel": channel})
    verdict.messages = sum(len(messages) for messages in seen.values())
    verdict.duplicates += [f"{key} was posted {len(found)} times" for key, found in seen.items() if len(found) > 1]
    for row in rows:
        _told(verdict, row, seen, harness)


def _told(verdict: Verdict, row: Row, seen: Mapping[str, list[Json]], harness: CrashHarness) -> None:
    """Check that the request's end stands in its channel, its thread, the other channel, and with its requester."""

    def text(key: str) -> str:
        return "\n".join(harness.slack.render(message) for message in seen.get(key, ()))

    request_id, state = row["id"], row["state"]
    approval = text(f"approval:{request_id}#0")
    if request_id not in approval or not any(f": {word}" in approval for word in _WORDS.get(state, ())):
        verdict.silent.append(f"{request_id} is {state}, and its channel reads: {approval[:60]!r}")
    told = any(key.startswith(f"direct:{request_id}:") and f":{state}:" in key for key in seen)
    if not told and row["closed_by"] != row["requester"]:  # who ended it knows
        verdict.silent.append(f"the requester of {request_id} was not told that it is {state}")
    if state != State.SUCCEEDED:
        if f"statuses:{request_id}#0" in seen:
            verdict.doubles.append(f"{request_id} is {state}, and has a status list")
        return
    listed = text(f"statuses:{request_id}#0")
    for story in row["params"]["stories"] if row["operation"] in {"create", "add_stories", "sync"} else ():
        if not any(story["name"] in line and "Synced" in line for line in listed.splitlines()):
            verdict.silent.append(f"{request_id}: {story['name']} is not shown as synced in the thread")
    if request_id not in text(f"notify:{request_id}:{SECOPS}#0"):
        verdict.silent.append(f"{SECOPS} was not told of {request_id}")


def _key(message: Json) -> str:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return f"without a key: {json.dumps(message)[:80]}"
    return str(metadata["event_payload"]["key"])


def _record(verdict: Verdict, events: Iterable[Row], head: Row) -> None:
    seq, previous = 0, ""
    for event in events:
        seq += 1
        if (event["seq"], event["previous"]) != (seq, previous) or event["hash"] != event_hash(seq, previous, event):
            verdict.broken.append(f"the record is broken at event {event['seq']}")
            return
        previous = event["hash"]
    if (head["seq"], head["hash"]) != (seq, previous):
        verdict.broken.append("the record's end was cut off")
