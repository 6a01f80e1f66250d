"""Changing when a sync destination syncs: automatically on every publish, or only when somebody starts it.

Tenants that do not know the mode yet do not tell it: then it cannot be changed either, which the form says.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from pydantic import JsonValue

from handlers.models import DestinationChange, Problem, Request, State, SyncMode
from handlers.operations.destination import (
    DestinationFacts,
    DestinationOperation,
    DestinationParams,
    DestinationResult,
    Nothing,
    chosen,
    done,
    gone,
    sent_once,
    shown,
)
from handlers.operations.edits import value_edited
from handlers.operations.outcomes import (
    Finished,
    Followed,
    Happening,
    NotThere,
    Recovered,
    Refused,
    Send,
    Sent,
    Step,
    Unknown,
)
from handlers.operations.protocol import Access, Wrong
from handlers.operations.schedule import Schedule


class ModeParams(DestinationParams):
    """Which mode it is to have."""

    mode: SyncMode


class ModeFacts(DestinationFacts):
    """The mode that it has."""

    def essence(self) -> object:
        """Return what an approval covers: the change from one mode to the other."""
        return {"missing": self.missing, "manual": self.manual}


class SetMode(DestinationOperation[ModeParams, ModeFacts, Nothing, DestinationResult]):
    """Changes the mode of a destination."""

    name: ClassVar[str] = "set_mode"
    destination_changes: ClassVar[frozenset[DestinationChange]] = frozenset({DestinationChange.MODE})
    params = ModeParams
    facts = ModeFacts
    work = Nothing
    result = DestinationResult

    def edited(self, before: ModeParams, after: ModeParams) -> tuple[str, ...]:
        """Say which mode it is to have instead."""
        return tuple(value_edited("Sync mode", before.mode.value, after.mode.value))

    async def check(self, asked: Mapping[str, JsonValue], access: Access) -> ModeParams | Wrong:
        """Look whether the mode can be changed."""
        found = await chosen(access, asked.get("destination_id"))
        if isinstance(found, Wrong):
            return found
        destination, ref = found
        mode = SyncMode.MANUAL if asked.get("mode") == SyncMode.MANUAL else SyncMode.AUTOMATIC
        if destination.manual_sync_only is None:
            older = f"{access.route.source} does not support sync modes yet, so this one cannot be changed."
            return Wrong(fields={"mode": older})
        if destination.manual_sync_only == (mode is SyncMode.MANUAL):
            return Wrong(fields={"mode": "It already has this mode. Choose the other one."})
        return ModeParams(destination=ref, mode=mode)

    async def look(self, params: ModeParams, access: Access) -> ModeFacts:
        """Look at the mode."""
        found = await shown(access, params.destination.id)
        if found is None:
            return ModeFacts(missing=True)
        return ModeFacts(statuses=found.statuses(), manual=found.manual_sync_only, unreadable=found.unreadable)

    def changes(self, params: ModeParams, before: ModeFacts | None, now: ModeFacts) -> tuple[str, ...]:
        """Say that the mode is another one."""
        if before is not None and not now.missing and before.manual != now.manual:
            return ("The sync mode has changed.",)
        return super().changes(params, before, now)

    def decide(self, request: Request, approved: ModeFacts | None, now: ModeFacts, schedule: Schedule) -> Step:  # noqa: ARG002 - the protocol's
        """Send it, if the destination is there; nothing when it has the mode already."""
        params = self.params_of(request)
        if now.missing:
            return gone(request, params.destination)
        if now.manual == (params.mode is SyncMode.MANUAL):
            return _changed(params, "had this mode already")
        return Send(work=Nothing())

    async def send(self, request: Request, access: Access) -> Sent:
        """Change the mode."""
        params = self.params_of(request)

        async def call() -> Sent:
            manual = params.mode is SyncMode.MANUAL
            after = await access.source.update_destination(params.destination.id, manual_sync_only=manual)
            if after.manual_sync_only is None:  # not told: it is looked at
                return Unknown(problem=Problem(what=f"{access.route.source} did not answer with the sync mode"))
            return _changed(params, "is changed") if after.manual_sync_only == manual else Refused(problem=_AS_BEFORE)

        return await sent_once(call)

    async def recover(self, request: Request, access: Access) -> Recovered:
        """Look which mode it has."""
        params = self.params_of(request)
        found = await shown(access, params.destination.id)
        if found is not None and found.manual_sync_only == (params.mode is SyncMode.MANUAL):
            return _changed(params, "is changed")
        return NotThere()

    async def follow(self, request: Request, access: Access, *, over: bool) -> Followed:  # noqa: ARG002 - the protocol's
        """Return the end: there is nothing to follow."""
        return Finished(state=State.SUCCEEDED)


_AS_BEFORE: Final = Problem(
    what="Tines accepted the call, but the sync mode is as it was",
    advice="Look at the sync destination in Tines, then request it again.",
)


def _changed(params: ModeParams, how: str) -> Finished:
    words = "manual: only when someone starts it" if params.mode is SyncMode.MANUAL else "automatic, on every publish"
    event = Happening(kind="mode_set", data={"destination_id": params.destination.id, "mode": params.mode.value})
    text = f"The sync mode of destination {params.destination.id} {how}: {words}."
    return done(params.destination.id, text, events=(event,))
