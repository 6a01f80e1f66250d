"""Handing a destination tenant's configured key to the source tenant again: one sync destination, or all of a tenant.

Keys come from the configuration only: see `keys`. The same key sent twice does no harm, so a call without an answer is
simply made again.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field, JsonValue

from handlers.models import DestinationChange, Frozen, Problem, Request, State
from handlers.operations.destination import (
    DestinationFacts,
    DestinationOperation,
    DestinationParams,
    DestinationRef,
    Nothing,
    chosen,
    gone,
    ref_of,
    sent_once,
    shown,
)
from handlers.operations.edits import things_edited, value_edited
from handlers.operations.keys import fingerprint, key_name
from handlers.operations.outcomes import (
    Finished,
    Followed,
    Happening,
    HeldUp,
    NotThere,
    Recovered,
    Refused,
    Send,
    Sent,
    Step,
)
from handlers.operations.protocol import Access, Wrong
from handlers.operations.schedule import Schedule


class RotateParams(DestinationParams):
    """Which destinations get the configured key."""

    others: tuple[DestinationRef, ...] = ()  # further destinations of the same tenant
    key_name: str
    unread: int = 0  # records of the listing that could not be read, where all are meant
    unclear: int = 0  # destinations left out, because their address is not surely the tenant's

    def essence(self) -> object:
        """Return what is sent."""
        return {"destinations": sorted(each.id for each in self.every), "key": self.key_name}

    @property
    def every(self) -> tuple[DestinationRef, ...]:
        """All destinations that get the key."""
        return (self.destination, *self.others)


class RotateFacts(DestinationFacts):
    """Which key is configured."""

    key: str  # its fingerprint

    def essence(self) -> object:
        """Return what an approval covers: the key that is configured, by its fingerprint."""
        return {"missing": self.missing, "key": self.key}


class RotateResult(Frozen):
    """Which destinations have the key now."""

    v: int = 1
    destination_id: int
    text: str
    key: str = ""  # the fingerprint of the key that was sent
    sent: tuple[int, ...] = ()
    refused: dict[int, str] = Field(default_factory=dict)


class RotateKey(DestinationOperation[RotateParams, RotateFacts, Nothing, RotateResult]):
    """Sends the configured key of the destination tenant."""

    name: ClassVar[str] = "rotate_key"
    destination_changes: ClassVar[frozenset[DestinationChange]] = frozenset({DestinationChange.KEY})
    harmless_to_repeat: ClassVar[bool] = True
    params = RotateParams
    facts = RotateFacts
    work = Nothing
    result = RotateResult

    def edited(self, before: RotateParams, after: RotateParams) -> tuple[str, ...]:
        """Say which sync destinations get the key besides, or no longer, and which are left out."""
        return (
            *things_edited(
                _numbers(before), _numbers(after), "These get the key as well", "These no longer get the key"
            ),
            *_left_out(before, after),
            *value_edited("Key", before.key_name, after.key_name),
        )

    async def check(self, asked: Mapping[str, JsonValue], access: Access) -> RotateParams | Wrong:
        """Look which destinations are meant: one, or all of the route's tenant."""
        found = await chosen(access, asked.get("destination_id"))
        if isinstance(found, Wrong):
            return found
        if access.route.source == access.route.destination:
            return Wrong(fields={"destination": "Within one tenant no key is used."})
        _, ref = found
        if ref.written is not None:
            return Wrong(fields={"destination": _elsewhere(ref, access.route.destination)})
        others: tuple[DestinationRef, ...] = ()
        unread = unclear = 0
        if asked.get("everywhere") is True:
            listed = await access.source.list_destinations()
            refs = [await ref_of(access, each) for each in listed if each.id != ref.id]
            others = tuple(each for each in refs if each is not None and each.written is None)
            unread = listed.unreadable
            unclear = sum(each is not None for each in refs) - len(others)
        name = key_name(access.destination_tenant)
        return RotateParams(destination=ref, others=others, key_name=name, unread=unread, unclear=unclear)

    async def look(self, params: RotateParams, access: Access) -> RotateFacts:
        """Look whether the destination is there, and which key is configured."""
        # the salt is of the request, so that the same key looks alike within it, and nowhere else
        salt = hashlib.sha256(",".join(str(each.id) for each in params.every).encode()).hexdigest()[:16]
        key = fingerprint(access.destination_tenant.key_for_publishing, salt)
        found = await shown(access, params.destination.id)
        return RotateFacts(missing=found is None, key=key, statuses=found.statuses() if found is not None else ())

    def changes(self, params: RotateParams, before: RotateFacts | None, now: RotateFacts) -> tuple[str, ...]:
        """Say that another key is configured."""
        if before is not None and not now.missing and before.key != now.key:
            return ("The configured key has changed.",)
        return super().changes(params, before, now)

    def decide(self, request: Request, approved: RotateFacts | None, now: RotateFacts, schedule: Schedule) -> Step:  # noqa: ARG002 - the protocol's
        """Send it, if the destination is there."""
        if now.missing:
            return gone(request, self.params_of(request).destination)
        return Send(work=Nothing())

    async def send(self, request: Request, access: Access) -> Sent:
        """Send the key to each destination."""
        params, key = self.params_of(request), access.destination_tenant.key_for_publishing
        sent: list[int] = []
        refused: dict[int, str] = {}
        for ref in params.every:
            allowed = await access.next_call() if sent or refused else access
            if allowed is None:
                return HeldUp()

            async def call(ref: DestinationRef = ref, allowed: Access = allowed) -> Sent:
                await allowed.source.update_destination(ref.id, destination_tenant_api_key=key)
                return Finished(state=State.SUCCEEDED)

            outcome = await sent_once(call)
            if isinstance(outcome, Finished):
                sent.append(ref.id)
            elif len(params.every) > 1 and isinstance(outcome, Refused):
                refused[ref.id] = outcome.problem.what
            else:
                return outcome  # all are sent again: the same key twice does no harm
        return _rotated(params, fingerprint(key), sent, refused)

    async def recover(self, request: Request, access: Access) -> Recovered:  # noqa: ARG002 - the protocol's
        """Say that it may be sent again: sending the same key twice is harmless."""
        return NotThere()

    async def follow(self, request: Request, access: Access, *, over: bool) -> Followed:  # noqa: ARG002 - the protocol's
        """Return the end: there is nothing to follow."""
        return Finished(state=State.SUCCEEDED)


def _numbers(params: RotateParams) -> dict[int, str]:
    return {ref.id: f"sync destination {ref.id}" for ref in params.every}


def _left_out(before: RotateParams, after: RotateParams) -> Iterator[str]:
    """Yield how many do not get the key although all are meant, where that is another number than before."""
    if after.unclear and after.unclear != before.unclear:
        yield f"Left out, since the address on Tines is not surely the tenant's: {after.unclear:,}"
    if after.unread and after.unread != before.unread:
        yield f"Left out, since the record could not be read: {after.unread:,}"


def _elsewhere(ref: DestinationRef, tenant: str) -> str:
    """Say why a key is not handed out: whose address it is decides to whom Tines shows the key."""
    written = f"is {ref.written}, not that" if ref.written else "is not told, so it is not surely that"
    return f"Its address on Tines {written} of {tenant}. A key is sent only to where it belongs. Rotate it on Tines."


def _rotated(params: RotateParams, key: str, sent: list[int], refused: dict[int, str]) -> Finished:
    number = f"{len(sent)} sync {'destination' if len(sent) == 1 else 'destinations'}"
    text = f"{params.key_name} was sent to {number}."
    result = RotateResult(
        destination_id=params.destination.id,
        text=text,
        key=key,
        sent=tuple(sent),
        refused=dict(list(refused.items())[:50]),
    )
    event = Happening(kind="key_rotated", data={"destination_ids": sent, "refused": sorted(refused)})
    if not refused:
        return Finished(state=State.SUCCEEDED, result=result, events=(event,))
    listed = "; ".join(f"{each}: {why}" for each, why in list(refused.items())[:10])
    problem = Problem(what=f"{len(refused)} sync destinations did not accept the key", words=listed)
    state = State.PARTIAL if sent else State.FAILED
    return Finished(state=state, result=result, problem=problem, events=(event,))
