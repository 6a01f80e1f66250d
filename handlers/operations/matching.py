"""Which of a tenant's sync destinations belong to a request: pure comparisons, so that looking first can be trusted.

A destination taken for ours that is somebody else's, or ours not recognised, is how a request is done twice or never.
Ours is recognised by what Tines cannot write in another way: an id that was not there before, the same two teams, the
same stories. The URL of the destination tenant comes back in many spellings (another host name of the same tenant, a
trailing dot, punycode, null), so it only chooses between two candidates and never rules one out.
"""

from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from handlers.models import Story, Team
from handlers.tines import SyncDestination


def same_origin(left: str, right: str) -> bool:
    """Whether two base URLs surely mean the same tenant, however they are written."""
    return _origin(left) == _origin(right)


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url.strip())
        scheme = parts.scheme.lower()
        host = (parts.hostname or "").lower().rstrip(".").removeprefix("www.")
        port = parts.port or {"https": 443, "http": 80}.get(scheme)
    except ValueError:  # Tines wrote something that is no URL
        return url.strip(), "", None
    if not host.isascii():
        with suppress(UnicodeError):
            host = host.encode("idna").decode()
    return scheme, host, port


def of_the_same_teams(
    found: Iterable[SyncDestination], source_team: Team, destination_team: Team, destination_url: str
) -> tuple[SyncDestination, ...]:
    """Return the destinations that may copy from one team to the other: those of the tenant's own URL first, then by id.

    One whose URL reads differently is among them: it may be the same tenant under another name.
    """
    return tuple(
        sorted(
            (
                each
                for each in found
                if each.origin_team_id == source_team.id and each.destination_team_id == destination_team.id
            ),
            key=lambda each: (not same_origin(each.destination_tenant_url, destination_url), each.id),
        )
    )


def with_the_stories(found: Iterable[SyncDestination], stories: Iterable[Story]) -> tuple[SyncDestination, ...]:
    """Return the destinations that hold exactly these stories, in their order."""
    wanted = frozenset(story.id for story in stories)
    return tuple(each for each in found if each.story_ids == wanted)


def fits_mode(found: SyncDestination, *, manual: bool) -> bool:
    """Whether a destination syncs when it should, as far as the tenant tells."""
    return found.manual_sync_only is None or found.manual_sync_only == manual
