"""The playground's web page: the whole product in a browser, without Slack and without Tines.

One can be each person of the cast, in several windows at once, and see what that person would see in Slack. Without
it a stranger would have to set up a workspace and two tenants before seeing the first button.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.playground.page.cast import CastMember
from bot.playground.page.events import Events
from bot.playground.page.guard import LoopbackOnly
from bot.playground.page.slackside import SlackPage
from bot.playground.page.tinesside import TinesPage
from bot.playground.slack import LocalSlack
from bot.playground.tines import LocalTines

__all__ = ["CastMember", "Coach", "build_page"]

_STATIC: Final = Path(__file__).parent / "static"
Coach = Callable[[str, str, str], str]
"""What somebody could do next, as mrkdwn, by who they are and the channel and thread that they have open."""

_NO_TENANTS: Final[Mapping[str, LocalTines]] = MappingProxyType({})


def build_page(
    slack: LocalSlack,
    *,
    cast: Sequence[CastMember],
    tenants: Mapping[str, LocalTines] = _NO_TENANTS,
    coach: Coach = lambda _me, _channel, _thread: "",
) -> Starlette:
    """Return the page as an ASGI app, to be served on loopback at the root of its own origin.

    `cast` are the people one can be, the first one at the start; each must be a user of the workspace. `coach` says
    what a newcomer could do next. Raises `ValueError` when one of the cast is unknown, or when there is nobody.
    """
    strangers = [member.user_id for member in cast if slack.workspace.user(member.user_id) is None]
    if strangers or not cast:
        message = f"the cast needs users of the workspace; unknown: {', '.join(strangers) or 'nobody was named'}"
        raise ValueError(message)
    page = SlackPage(slack, tuple(cast))

    async def hint(request: Request) -> Response:
        asked = request.query_params
        line = coach(page.person(request), asked.get("channel", ""), asked.get("thread", ""))
        return JSONResponse({"line": line})

    return Starlette(
        routes=[
            Route("/", _index),
            Route("/api/coach", hint),
            *page.routes(),
            *TinesPage(slack, tenants).routes(),
            *Events(slack, tenants, page).routes(),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(LoopbackOnly)],
    )


async def _index(_request: Request) -> Response:
    return FileResponse(_STATIC / "index.html")
