"""Checking what a form asks for against Tines: teams and stories still there, belonging together, fit to be synced.

A fresh catalogue answers at once; otherwise Tines is asked. What is wrong is said at its field. Nothing is kept.
"""

import asyncio
from typing import TYPE_CHECKING

from handlers.models import MAX_STORIES, Content, Story, Team
from handlers.requests.answers import Field, Invalid, NotNow, Slow
from handlers.requests.services import Services
from handlers.routes import Route
from handlers.tines import TinesError

if TYPE_CHECKING:
    from handlers.requests.submit import Submission

_REASON_LENGTH = 1000


async def check_content(
    services: Services, submission: "Submission", route: Route, *, until: float | None
) -> Content | Invalid | NotNow | Slow:
    """Return the content that a form asks for, or what is wrong with it, at its fields.

    `until`: the loop's time by when Tines must have answered; None waits for it.
    """
    try:
        async with asyncio.timeout_at(until):
            return await _checked(services, submission, route)
    except TimeoutError:
        return Slow()
    except TinesError as error:
        problem = error.problem()
        return NotNow(problem=problem.model_copy(update={"advice": f"Nothing was sent. {problem.advice}".strip()}))


async def _checked(services: Services, submission: "Submission", route: Route) -> Content | Invalid:
    fields: dict[Field, str] = {}
    source, destination, stories, kept = await asyncio.gather(
        _team(services, route.source, submission.source_team_id),
        _team(services, route.destination, submission.destination_team_id),
        services.catalogue.resolve(
            route.source,
            submission.source_team_id,
            everything=submission.everything,
            tag_keys=submission.tag_keys,
            ids=submission.story_ids,
            deadline=None,
        ),
        _kept(services, submission, route),
    )
    reason = submission.reason.strip()
    if not reason:
        fields[Field.REASON] = "Say why, for the people who approve it."
    elif len(reason) > _REASON_LENGTH:
        fields[Field.REASON] = f"At most {_REASON_LENGTH:,} characters, please."
    if source is None:
        fields[Field.SOURCE_TEAM] = f"This team is not on {route.source} any more. Choose another one."
    if destination is None:
        fields[Field.DESTINATION_TEAM] = f"This team is not on {route.destination} any more. Choose another one."
    if route.source == route.destination and submission.source_team_id == submission.destination_team_id:
        fields[Field.DESTINATION_TEAM] = "This is the source team itself. Choose another one."
    together = {story.id: story for story in (*stories, *kept)}
    if source is not None and (wrong := _wrong_stories(services, submission, route, together)):
        fields[Field.STORIES] = wrong
    if fields or source is None or destination is None:
        return Invalid(fields=fields)
    return Content(
        route=route.name,
        source=route.source,
        destination=route.destination,
        source_team=source,
        destination_team=destination,
        stories=tuple(sorted(together.values(), key=lambda story: (story.name.casefold(), story.id))),
        mode=submission.mode,
        reason=reason,
    )


async def _team(services: Services, tenant: str, team_id: int) -> Team | None:
    known = services.catalogue.cached_teams(tenant)
    if known is not None and team_id in known:
        return known[team_id]
    return await services.catalogue.team_now(tenant, team_id)


def _wrong_stories(services: Services, submission: "Submission", route: Route, found: dict[int, Story]) -> str:
    missing = [story_id for story_id in submission.story_ids if story_id not in found]
    if missing:
        listed = ", ".join(str(story_id) for story_id in missing[:5]) + ("…" if len(missing) > 5 else "")  # noqa: PLR2004
        without = ", have no change control" if services.topology.tenants[route.source].require_change_control else ""
        return f"Not in this team any more, or gone{without}: {listed}. Take them out and choose again."
    if not found:
        return "Choose at least one story that can be synced. What you chose holds none right now."
    if len(found) > MAX_STORIES:
        return f"These are {len(found):,} stories. At most {MAX_STORIES} can be synced with one request."
    return ""


async def _kept(services: Services, submission: "Submission", route: Route) -> tuple[Story, ...]:
    """Return the stories of the request that is edited or asked for again, which the form showed as one choice."""
    if submission.kept_from is None:
        return ()
    async with services.store.reading() as reader:
        before = await reader.requests.get(submission.kept_from)
    if (
        before is None
        or before.content.source_team.id != submission.source_team_id
        or before.content.route != route.name
    ):
        return ()
    ids = [story.id for story in before.content.stories]
    return await services.catalogue.resolve(
        route.source, submission.source_team_id, everything=False, tag_keys=(), ids=ids, deadline=None
    )
