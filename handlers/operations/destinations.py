"""Which of a tenant's sync destinations belong to a request: pure comparisons, so that looking first can be trusted.

A destination taken for ours that is somebody else's, or ours not recognised, is how a request is done twice or never.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from handlers.models import Content
from handlers.routes import Tenant
from handlers.tines import SyncDestination


def same_origin(left: str, right: str) -> bool:
    """Whether two base URLs mean the same tenant, however they are written."""
    return _origin(left) == _origin(right)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url.strip())
    scheme = parts.scheme.lower()
    default = {"https": 443, "http": 80}.get(scheme)
    try:
        port = parts.port or default
    except ValueError:  # not a number: Tines wrote something that is no URL
        port = None
    return scheme, (parts.hostname or "").lower(), port


def of_the_same_teams(
    found: Iterable[SyncDestination], content: Content, destination: Tenant
) -> tuple[SyncDestination, ...]:
    """Return the destinations that copy from the request's source team to its destination team, by id."""
    return tuple(
        sorted(
            (
                each
                for each in found
                if each.origin_team_id == content.source_team.id
                and each.destination_team_id == content.destination_team.id
                and same_origin(each.destination_tenant_url, destination.url)
            ),
            key=lambda each: each.id,
        )
    )


def appeared(
    found: Iterable[SyncDestination], content: Content, destination: Tenant, known: Iterable[int]
) -> tuple[SyncDestination, ...]:
    """Return the destinations for the same teams that were not there before, by id."""
    before = frozenset(known)
    return tuple(each for each in of_the_same_teams(found, content, destination) if each.id not in before)


def with_the_stories(found: Iterable[SyncDestination], content: Content) -> tuple[SyncDestination, ...]:
    """Return the destinations that hold exactly the stories asked for."""
    stories = frozenset(story.id for story in content.stories)
    return tuple(each for each in found if each.story_ids == stories)
