"""Creating a sync destination: `POST /api/v1/admin/sync_destinations`, exactly once for each approved request.

Tines has no idempotency key: a create that is sent again makes a second destination. So the ids already there are
committed before the call, and after a call of which nobody knows the outcome the destinations are listed: a new one
with the same teams, stories and mode is adopted, and while a new one with the same teams and stories is there nothing
is sent again.

On a route with `existing = "add"` the plan may be to add the stories to the one destination that is there. The plan is
part of the facts, so that an approval covers either creating or adding, and never the other.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from pydantic import JsonValue

from handlers.models import MAX_STORIES, DestinationChange, Frozen, Params, Problem, Request, Story, SyncMode, Team
from handlers.operations.add_stories import add_to
from handlers.operations.edits import stories_edited, team_edited, value_edited
from handlers.operations.following import (
    NOT_FOUND,
    ExistingDestination,
    SyncResult,
    existing_words,
    follow_stories,
    status_events,
    statuses_of,
    unseen_stories,
    with_copies,
)
from handlers.operations.keys import fingerprint
from handlers.operations.matching import fits_mode, of_the_same_teams, same_origin, with_the_stories
from handlers.operations.outcomes import (
    AskAgain,
    Doubtful,
    Finished,
    Followed,
    Happening,
    NotSent,
    NotThere,
    Progress,
    Recovered,
    Refused,
    Send,
    Sent,
    Started,
    StartOver,
    Step,
    Unknown,
)
from handlers.operations.protocol import Access, Operation, Wrong
from handlers.operations.schedule import Schedule, asked_to_wait, is_transient
from handlers.preflight import SourceFacts, Subject, changed_sources
from handlers.routes import Existing, Route, Topology
from handlers.tines import RetryableError, SyncDestination, TinesError, UnknownOutcomeError

_SHOWN: Final = 10  # sentences about what changed


class CreateParams(Params):
    """Which stories of which team go to which team, and when Tines syncs them again."""

    v: int = 1
    source_team: Team
    stories: tuple[Story, ...]
    destination_team: Team
    mode: SyncMode = SyncMode.AUTOMATIC

    def essence(self) -> object:
        """Return what is sent: names change nothing, and neither does the order of stories."""
        return {
            "source_team": self.source_team.id,
            "destination_team": self.destination_team.id,
            "mode": self.mode.value,
            "stories": sorted(story.id for story in self.stories),
        }

    def recorded(self) -> dict[str, JsonValue]:
        """Return what the audit record says of it."""
        return {
            "source_team": self.source_team.model_dump(),
            "destination_team": self.destination_team.model_dump(),
            "stories": [{"id": story.id, "name": story.name} for story in self.stories],
            "mode": self.mode.value,
        }


class CreateAsked(Frozen):
    """What the form asks for. Every id in it is still to be checked."""

    source_team_id: int
    everything: bool = False  # all stories of the team
    tag_keys: tuple[str, ...] = ()  # all stories with these tags
    story_ids: tuple[int, ...] = ()
    kept: CreateParams | None = None  # also the stories of the request that the form began from
    destination_team_id: int
    mode: SyncMode = SyncMode.AUTOMATIC


class CreateFacts(SourceFacts):
    """The stories and the destinations for the same teams as they are now, and what would be done."""

    v: int = 1
    stories: tuple[Story, ...] = ()  # the request's stories that can be synced
    gone: tuple[Story, ...] = ()  # asked for, but no longer there, moved, or without change control
    existing: tuple[ExistingDestination, ...] = ()
    add_to: int | None = None  # the stories are added to this one of `existing`; None: a new one is created
    unreadable: int = 0  # records of the listing that could not be read
    source_team: Team | None = None  # as they are called now; None where that is not known
    destination_team: Team | None = None

    def essence(self) -> object:
        """Return what an approval covers: the stories' sources, the destinations shown, and the plan."""
        return {
            "stories": self.sources_essence(self.stories),
            "existing": sorted(each.id for each in self.existing),
            "add_to": self.add_to,
        }


class CreateWork(Frozen):
    """What was written down right before the call."""

    v: int = 1
    preexisting_ids: tuple[int, ...] | None = None  # ids of the destinations for these teams there before any call
    unreadable: int = 0  # records that could not be read before any call
    add_to: int | None = None


class Create(Operation[CreateParams, CreateFacts, CreateWork, SyncResult]):
    """Creates a sync destination, or adds to the one that is there."""

    name: ClassVar[str] = "create"
    destination_changes: ClassVar[frozenset[DestinationChange]] = frozenset(
        {DestinationChange.CREATED, DestinationChange.STORIES, DestinationChange.MODE}
    )
    params = CreateParams
    facts = CreateFacts
    work = CreateWork
    result = SyncResult

    def resource(self, params: CreateParams, topology: Topology, route: Route) -> str:
        """Return the name of the pair of teams, which one request at a time may work on."""
        return topology.pair(route, params.source_team.id, params.destination_team.id)

    # ---- what is asked for

    def edited(self, before: CreateParams, after: CreateParams) -> tuple[str, ...]:
        """Say which teams, stories and mode are other ones."""
        return (
            *team_edited("Source team", before.source_team, after.source_team),
            *stories_edited(before.stories, after.stories),
            *team_edited("Destination team", before.destination_team, after.destination_team),
            *value_edited("Sync mode", before.mode.value, after.mode.value),
        )

    async def check(self, asked: Mapping[str, JsonValue], access: Access) -> CreateParams | Wrong:
        """Look up the teams and stories that the form names."""
        form, route = CreateAsked.model_validate(asked), access.route
        source, destination, stories, kept = await asyncio.gather(
            _team(access, route.source, form.source_team_id),
            _team(access, route.destination, form.destination_team_id),
            access.catalogue.resolve(
                route.source,
                form.source_team_id,
                everything=form.everything,
                tag_keys=form.tag_keys,
                ids=form.story_ids,
                deadline=None,
            ),
            _kept(access, form),
        )
        fields: dict[str, str] = {}
        if source is None:
            fields["source_team"] = f"This team no longer exists on {route.source}. Choose another one."
        if destination is None:
            fields["destination_team"] = f"This team no longer exists on {route.destination}. Choose another one."
        if route.source == route.destination and form.source_team_id == form.destination_team_id:
            fields["destination_team"] = "This is the source team itself. Choose another one."
        together = {story.id: story for story in (*stories, *kept)}
        if source is not None and (wrong := _wrong_stories(access, form.story_ids, together)):
            fields["stories"] = wrong
        if fields or source is None or destination is None:
            return Wrong(fields=fields)
        return CreateParams(
            source_team=source,
            destination_team=destination,
            stories=tuple(sorted(together.values(), key=lambda story: (story.name.casefold(), story.id))),
            mode=form.mode,
        )

    # ---- what is there

    async def look(self, params: CreateParams, access: Access) -> CreateFacts:
        """Look up the stories and the destinations for the same teams."""
        try:
            async with asyncio.TaskGroup() as group:
                looked = group.create_task(
                    access.catalogue.current(
                        access.route.source,
                        params.source_team.id,
                        [story.id for story in params.stories],
                        recording=access.recorded,
                    )
                )
                listed = group.create_task(access.source.list_destinations())
        except ExceptionGroup as both:
            errors = [error for error in both.exceptions if isinstance(error, TinesError)]
            if not errors:
                raise
            raise min(errors, key=is_transient) from None  # the one that will not pass by itself
        current, found = looked.result(), listed.result()
        stories = tuple(current[story.id] for story in params.stories if story.id in current)
        sources = await access.preflight.look(access.route.source, access.route.destination, _subject(params, stories))
        if sources.fetched:  # that may have taken long: somebody may have created one meanwhile
            found = await access.source.list_destinations()
        same = of_the_same_teams(found, params.source_team, params.destination_team, access.destination_tenant.url)
        return CreateFacts(
            stories=stories,
            hashes=sources.hashes,
            gaps=sources.gaps,
            gone=tuple(story for story in params.stories if story.id not in current),
            existing=tuple(_existing(each, access.destination_tenant.url) for each in same),
            add_to=_plan(params, access, same),
            unreadable=getattr(found, "unreadable", 0),
            source_team=_named(access, access.route.source, params.source_team),
            destination_team=_named(access, access.route.destination, params.destination_team),
        )

    def decide(self, request: Request, approved: CreateFacts | None, now: CreateFacts, schedule: Schedule) -> Step:  # noqa: ARG002 - the protocol's
        """Send what was approved, if that is still what would be done."""
        if approved is not None:
            different = _different(approved, now)
            if different is not None:
                return different
        elif now.gone and not request.emergency:
            return AskAgain(notes=(_changed(tuple(_gone(story) for story in now.gone[:_SHOWN])),))
        before = self.work_of(request)
        if approved is None and (appeared := _appeared(before, now)):
            return AskAgain(notes=(Happening(kind="existing_found", data={"destination_ids": appeared}),))
        known = {*(before.preexisting_ids or ()), *(each.id for each in now.existing)}
        unread = now.unreadable if before.preexisting_ids is None else min(before.unreadable, now.unreadable)
        return Send(work=CreateWork(add_to=now.add_to, preexisting_ids=tuple(sorted(known)), unreadable=unread))

    def can_be_done(self, facts: CreateFacts) -> bool:
        """Whether every story can be synced."""
        return not facts.gone

    def covers(self, params: CreateParams, approved: CreateFacts, now: CreateFacts) -> bool:  # noqa: ARG002 - the protocol's
        """Whether stories and plan are the same; a destination that was shown may be gone."""
        return _different(approved, now) is None

    def changes(self, params: CreateParams, before: CreateFacts | None, now: CreateFacts) -> tuple[str, ...]:
        """Say which stories are gone or were edited, and which destinations appeared."""
        if now.gone:
            return tuple(f"The story {_gone(story)}" for story in now.gone)
        then = params.stories if before is None else before.stories
        edited = [story.name for story in changed_sources(before, then, now, now.stories)]
        shown = {each.id for each in before.existing} if before is not None else set[int]()
        unseen = [str(each.id) for each in now.existing if each.id not in shown]
        changes = [f"{name} was edited in Tines since then." for name in edited]
        if unseen:
            changes.append(f"A sync destination for the same teams exists now (number {', '.join(unseen)}).")
        return tuple(changes)

    def subject(self, params: CreateParams, facts: CreateFacts | None) -> Subject:
        """Return the stories and the teams."""
        return _subject(params, params.stories if facts is None else facts.stories)

    def already_there(self, facts: CreateFacts) -> str:
        """Say which sync destinations for the same teams there are, and what they sync already."""
        if not facts.existing:
            return ""
        wanted = {story.id for story in facts.stories}
        already = wanted & {story for each in facts.existing for story in each.story_ids}
        there = existing_words([each.id for each in facts.existing])
        return f"{there} {len(already)} of {len(wanted)} requested stories are in it." if already else there

    def synced_by_hand(self, request: Request) -> bool:
        """Whether manual mode was asked for."""
        return self.params_of(request).mode is SyncMode.MANUAL

    # ---- the effect

    async def send(self, request: Request, access: Access) -> Sent:
        """Create the destination, or add the stories to the one that is there."""
        params, work = self.params_of(request), self.work_of(request)
        if work.add_to is not None:
            present = self.facts_of(request.facts)
            shown = (
                next((each.story_ids for each in present.existing if each.id == work.add_to), None) if present else None
            )
            return await add_to(
                access,
                work.add_to,
                params.stories,
                access.schedule.follow_time(params.mode),
                present=None if shown is None else frozenset(shown),
            )
        try:
            # with one deadline: while this call can be under way, nobody sends another
            created = await access.source.create_destination(
                destination=access.destination_tenant,
                same_tenant=access.route.source == access.route.destination,
                destination_team_id=params.destination_team.id,
                team_id=params.source_team.id,
                story_ids=[story.id for story in params.stories],
                manual=params.mode is SyncMode.MANUAL,
            )
        except UnknownOutcomeError as error:
            return Unknown(problem=error.problem())
        except RetryableError as error:
            return NotSent(problem=error.problem(), at_least=asked_to_wait(error))
        except TinesError as error:
            return Refused(problem=error.problem())
        if (created.origin_team_id, created.destination_team_id) != (params.source_team.id, params.destination_team.id):
            return Unknown(problem=Problem(what=f"{access.route.source} answered with a destination of other teams"))
        started = _started(params, created, "created", access.schedule)
        if access.route.source == access.route.destination:  # no key is used within one tenant
            return started
        key = fingerprint(access.destination_tenant.key_for_publishing)
        return started.model_copy(update={"result": started.result.model_copy(update={"key": key})})

    async def recover(self, request: Request, access: Access) -> Recovered:
        """Look for a destination that was not there before, with the same teams and stories."""
        params, work = self.params_of(request), self.work_of(request)
        if work.add_to is not None:
            return await _recover_adding(params, work.add_to, access)
        found = await access.source.list_destinations()
        new = _new(params, work, access, found)
        alike = with_the_stories(new, params.stories)
        ours = [each for each in alike if fits_mode(each, manual=params.mode is SyncMode.MANUAL)]
        if ours:
            return _started(params, ours[0], "adopted", access.schedule)
        if not new and (found.unreadable > work.unreadable or not found.complete):
            return Doubtful(problem=_may_be_unread(access.route.source))
        return Doubtful() if new else NotThere()

    def verb(self, work: CreateWork) -> str:
        """Return "create_begun", or "add_begun"."""
        return "create_begun" if work.add_to is None else "add_begun"

    def destination_of(self, request: Request) -> int | None:
        """Return the destination that was created, or is added to."""
        result = self.result_of(request)
        return self.work_of(request).add_to if result is None else result.destination_id

    def left_over(self, result: SyncResult, current: Request) -> Happening | None:
        """Return the destination that was created and is not the request's own."""
        own = self.result_of(current)
        if result.how != "created" or (own is not None and own.destination_id == result.destination_id):
            return None
        return Happening(kind="double_found", data={"destination_ids": [result.destination_id]})

    # ---- afterwards

    async def follow(self, request: Request, access: Access, *, over: bool) -> Followed:
        """Look at the stories' statuses."""
        params, manual = self.params_of(request), self.synced_by_hand(request)
        outcome = await follow_stories(access, params.stories, self.result_of(request), over=over, manual=manual)
        if isinstance(outcome, Progress) or not isinstance(outcome.result, SyncResult):
            return outcome
        others = await self._others(request, params, outcome.result, access)
        outcome = await with_copies(access, request, params.destination_team, outcome)
        return outcome.model_copy(update={"remark": f"{outcome.remark} {others}".strip()})

    def unseen(self, request: Request, error: TinesError) -> Finished:
        """Say that somebody deleted the destination, where that is what Tines's answers mean."""
        return unseen_stories(request, self.result_of(request), error)

    async def _others(self, request: Request, params: CreateParams, result: SyncResult, access: Access) -> str:
        """List once more, to report a second destination that appeared for the same stories."""
        work = self.work_of(request)
        if work.add_to is not None or work.preexisting_ids is None:
            return ""
        try:
            new = _new(params, work, access, await access.source.list_destinations())
        except TinesError:
            return ""  # the look is a courtesy: what the request created is known without it
        others = [each.id for each in with_the_stories(new, params.stories) if each.id != result.destination_id]
        if not others:
            return ""
        listed = ", ".join(str(other) for other in others)
        return (
            f"Another sync destination with the same teams and stories appeared ({listed}). "
            "Check both in Tines and delete the one you don't need, keeping its stories."
        )


def _subject(params: CreateParams, stories: tuple[Story, ...]) -> Subject:
    return Subject(source_team=params.source_team, destination_team=params.destination_team, stories=stories)


def _new(
    params: CreateParams, work: CreateWork, access: Access, found: Iterable[SyncDestination]
) -> tuple[SyncDestination, ...]:
    """Return the destinations for the request's teams that were not there before the call."""
    same = of_the_same_teams(found, params.source_team, params.destination_team, access.destination_tenant.url)
    before = frozenset(work.preexisting_ids or ())
    return tuple(each for each in same if each.id not in before)


def _may_be_unread(source: str) -> Problem:
    return Problem(
        what=f"A sync destination of {source} that appeared since then could not be read: it may be this one"
    )


def _started(params: CreateParams, found: SyncDestination, how: str, schedule: Schedule) -> Started:
    statuses = statuses_of(found, params.stories)
    result = SyncResult(destination_id=found.id, how=how, statuses=statuses)
    notes = (Happening(kind="adopted", data={"destination_id": found.id}),) if how == "adopted" else ()
    return Started(
        result=result,
        follow_for=schedule.follow_time(params.mode),
        settled=result.settled,
        events=(Happening(kind=how, data={"destination_id": found.id}), *status_events((), statuses)),
        notes=notes,
    )


async def _recover_adding(params: CreateParams, destination_id: int, access: Access) -> Recovered:
    """Look whether the stories are in the destination that they were to be added to."""
    try:
        found = await access.source.show_destination(destination_id)
    except TinesError as error:
        if error.status == NOT_FOUND:
            return StartOver(problem=error.problem())  # somebody deleted it: decide anew
        raise
    if frozenset(story.id for story in params.stories) <= found.story_ids:
        return _started(params, found, "added", access.schedule)
    return NotThere()


def _existing(found: SyncDestination, destination_url: str) -> ExistingDestination:
    return ExistingDestination(
        id=found.id,
        story_names=tuple(status.name for status in found.statuses()),
        story_ids=tuple(sorted(found.story_ids)),
        manual=bool(found.manual_sync_only),
        url="" if same_origin(found.destination_tenant_url, destination_url) else found.destination_tenant_url,
    )


def _plan(params: CreateParams, access: Access, same: tuple[SyncDestination, ...]) -> int | None:
    """Return the destination that the stories are to be added to, None where a new one is to be created.

    Only one that is surely the only one for these teams, and that syncs when the request wants: its mode is not
    what was asked about.
    """
    if access.route.existing is not Existing.ADD or len(same) != 1:
        return None
    only = same[0]
    surely = same_origin(only.destination_tenant_url, access.destination_tenant.url)
    alike = bool(only.manual_sync_only) == (params.mode is SyncMode.MANUAL)
    return only.id if surely and alike else None


def _different(approved: CreateFacts, now: CreateFacts) -> AskAgain | None:
    """Return what must be approved again, None when what would be done is what was approved."""
    if now.gone:
        return AskAgain(notes=(_changed(tuple(_gone(story) for story in now.gone[:_SHOWN])),))
    changed = changed_sources(approved, approved.stories, now, now.stories)
    edited = [f"{story.name} was edited in Tines." for story in changed]
    if edited:
        return AskAgain(notes=(_changed(tuple(edited[:_SHOWN])),))
    shown = {each.id for each in approved.existing}
    unseen = [each.id for each in now.existing if each.id not in shown]
    if unseen or approved.add_to != now.add_to:
        ids = unseen or [each.id for each in now.existing]
        return AskAgain(notes=(Happening(kind="existing_found", data={"destination_ids": ids}),))
    return None


def _appeared(before: CreateWork, now: CreateFacts) -> list[int]:
    """Return the destinations that appeared since an earlier call, which may have made them whatever its answer said."""
    if before.preexisting_ids is None or before.add_to is not None or now.add_to is not None:
        return []
    return [each.id for each in now.existing if each.id not in before.preexisting_ids]


def _gone(story: Story) -> str:
    return f"{story.name} was deleted, was moved, or no longer has change control."


def _changed(sentences: tuple[str, ...]) -> Happening:
    return Happening(kind="stories_changed", data={"changes": [*sentences, "It needs approval again."]})


async def _team(access: Access, tenant: str, team_id: int) -> Team | None:
    known = access.catalogue.cached_teams(tenant)
    if known is not None and team_id in known:
        return known[team_id]
    return await access.catalogue.team_now(tenant, team_id)


def _named(access: Access, tenant: str, team: Team) -> Team | None:
    """Return a team as it is called now, as far as that is known without asking."""
    known = access.catalogue.cached_teams(tenant)
    return None if known is None else known.get(team.id)


async def _kept(access: Access, form: CreateAsked) -> tuple[Story, ...]:
    """Return the stories of the request that the form began from, which it showed as one choice."""
    if form.kept is None or form.kept.source_team.id != form.source_team_id:
        return ()
    return await access.catalogue.resolve(
        access.route.source,
        form.source_team_id,
        everything=False,
        tag_keys=(),
        ids=[story.id for story in form.kept.stories],
        deadline=None,
    )


def _wrong_stories(access: Access, asked: tuple[int, ...], found: Mapping[int, Story]) -> str:
    missing = [story_id for story_id in asked if story_id not in found]
    if missing:
        listed = ", ".join(str(story_id) for story_id in missing[:5]) + ("…" if len(missing) > 5 else "")  # noqa: PLR2004 - as many as fit a line
        without = ", have no change control" if access.source_tenant.require_change_control else ""
        return f"No longer in this team, or deleted{without}: {listed}. Remove them and choose again."
    if not found:
        return "Choose at least one story that can be synced. None of those you chose can be synced right now."
    if len(found) > MAX_STORIES:
        return f"You chose {len(found):,} stories. At most {MAX_STORIES} can be synced with one request."
    return ""
