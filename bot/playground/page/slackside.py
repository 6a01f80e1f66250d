"""The page's endpoints for Slack: what a person sees, and what they do.

Something that goes wrong for a person is an answer with a `problem` for the screen, not an HTTP error: the browser
would otherwise report trouble that belongs to the app under trial.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.playground.page.asks import ClickAsk, CloseAsk, CommandAsk, OptionsAsk, SayAsk, ShortcutAsk, SubmitAsk, Values
from bot.playground.page.cast import CastMember
from bot.playground.slack import Channel, Json, LocalSlack, MessageRef, NotThereError, SlackClientError, ViewRef

_GONE: Final = "That is not there any more: the app changed it."
_READ_ONLY: Final = "Sending messages to this app has been turned off."
_Ask = TypeVar("_Ask", bound=BaseModel)


def handles(ask: type[_Ask], act: Callable[[_Ask], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that reads a body, acts and answers; 400 when the body is not what was expected."""

    async def endpoint(request: Request) -> Response:
        try:
            body = ask.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"problem": f"Malformed request: {error.error_count()} faults."}, status_code=400)
        try:
            return JSONResponse(await act(body))
        except SlackClientError as error:
            return JSONResponse({"problem": error.text, "cause": error.cause})
        except NotThereError:
            return JSONResponse({"problem": _GONE})

    return endpoint


class SlackPage:
    """Draws the local Slack for one person at a time; who that is comes with every request."""

    def __init__(self, slack: LocalSlack, cast: tuple[CastMember, ...]) -> None:
        self._slack = slack
        self._cast = cast

    def routes(self) -> list[Route]:
        """Return the routes below `/api`."""
        posts = (
            ("command", handles(CommandAsk, self._command)),
            ("say", handles(SayAsk, self._say)),
            ("shortcut", handles(ShortcutAsk, self._shortcut)),
            ("click", handles(ClickAsk, self._click)),
            ("options", handles(OptionsAsk, self._options)),
            ("submit", handles(SubmitAsk, self._submit)),
            ("close", handles(CloseAsk, self._close)),
        )
        return [
            Route("/api/state", self._state),
            Route("/api/messages", self._messages),
            Route("/api/file", self._file),
            Route("/api/views", self._views),
            Route("/api/home", self._home),
            *(Route(f"/api/{name}", endpoint, methods=["POST"]) for name, endpoint in posts),
        ]

    @property
    def people(self) -> list[str]:
        """The ids of the people one can be."""
        return [member.user_id for member in self._cast]

    def person(self, request: Request) -> str:
        """Return who asks: the user id in `as`, or the first of the cast when it names nobody of it."""
        asked = request.query_params.get("as", "")
        return asked if asked in self.people else self.people[0]

    def sees(self, user: str, channel_id: str) -> bool:
        """Whether a person has a conversation in their sidebar."""
        channel = self._slack.workspace.channel(channel_id)
        return channel is not None and user in {*channel.members, channel.user}

    async def _state(self, request: Request) -> Response:
        me = self.person(request)
        self._slack.open_dm(me)
        workspace, app = self._slack.workspace, self._slack.app
        return JSONResponse(
            {
                "me": me,
                "workspace": {"name": workspace.name, "domain": workspace.domain},
                "cast": [{"id": member.user_id, "role": member.role} for member in self._cast],
                "people": [
                    {"id": user.id, "name": user.name, "real_name": user.real_name, "tz": user.tz}
                    for user in workspace.users
                ],
                "groups": [{"id": group.id, "handle": group.handle} for group in workspace.groups],
                "channels": [self._channel(channel) for channel in workspace.channels if self.sees(me, channel.id)],
                "app": {"name": app.name, "bot_user_id": app.bot_user_id, "home_tab": app.home_tab},
                "commands": [
                    {"command": one.command, "description": one.description, "usage_hint": one.usage_hint}
                    for one in app.commands
                ],
                "shortcuts": [
                    {"callback_id": one.callback_id, "name": one.name, "description": one.description}
                    for one in app.shortcuts
                ],
            }
        )

    async def _messages(self, request: Request) -> Response:
        me = self.person(request)
        channel, thread = request.query_params.get("channel", ""), request.query_params.get("thread")
        if not self.sees(me, channel):
            return JSONResponse({"messages": []})
        return JSONResponse({"messages": self._slack.messages(channel, as_user=me, thread_ts=thread)})

    async def _file(self, request: Request) -> Response:
        """Return the text of a file that is shared in a message the person sees."""
        me, wanted = self.person(request), request.query_params.get("id", "")
        channel, thread = request.query_params.get("channel", ""), request.query_params.get("thread")
        shown = self._slack.messages(channel, as_user=me, thread_ts=thread) if self.sees(me, channel) else ()
        if wanted not in {file["id"] for message in shown for file in message.get("files", ())}:
            return JSONResponse({"problem": _GONE})
        return JSONResponse({"text": self._slack.file(wanted).decode(errors="replace")})

    async def _views(self, request: Request) -> Response:
        me = self.person(request)
        return JSONResponse({"views": list(self._slack.views(me)), "home": self._slack.home(me)})

    async def _home(self, request: Request) -> Response:
        try:
            await self._slack.open_home(self.person(request))
        except SlackClientError as error:
            return JSONResponse({"problem": error.text, "cause": error.cause})
        return JSONResponse({})

    async def _command(self, ask: CommandAsk) -> Json:
        await self._slack.command(ask.user, ask.channel, ask.command, ask.text)
        return {}

    async def _say(self, ask: SayAsk) -> Json:
        channel = self._slack.workspace.channel(ask.channel)
        if channel is not None and self._closed(channel):
            raise SlackClientError(_READ_ONLY, "the manifest makes the app's messages read-only")
        # Slack's clients escape what people type, so that it is shown as typed.
        text = ask.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        self._slack.say(ask.user, ask.channel, text, thread_ts=ask.thread)
        return {}

    async def _shortcut(self, ask: ShortcutAsk) -> Json:
        await self._slack.shortcut(ask.user, ask.callback_id)
        return {}

    async def _click(self, ask: ClickAsk) -> Json:
        where = ask.where.ref()
        await self._fill(ask.user, where, ask.values)
        await self._slack.click(ask.user, where, ask.block_id, ask.action_id, ask.value.chosen())
        return {}

    async def _options(self, ask: OptionsAsk) -> Json:
        await self._fill(ask.user, ViewRef(ask.view_id), ask.values)
        answer = await self._slack.options(ask.user, ask.view_id, ask.block_id, ask.action_id, ask.query)
        return {"options": list(answer.options), "option_groups": list(answer.option_groups)}

    async def _fill(self, user: str, where: MessageRef | ViewRef, values: Values) -> None:
        """Put what stands in a form's fields on the local Slack's screen, where the app will be told of it."""
        for block_id, actions in values.items():
            for action_id, value in actions.items():
                await self._slack.click(user, where, block_id, action_id, value)

    async def _submit(self, ask: SubmitAsk) -> Json:
        outcome = await self._slack.submit(ask.user, ask.view_id, ask.values)
        return {"errors": dict(outcome.errors)}

    async def _close(self, ask: CloseAsk) -> Json:
        await self._slack.close(ask.user, ask.view_id, everything=ask.all)
        return {}

    def _closed(self, channel: Channel) -> bool:
        """Whether people can read a conversation, but write nothing in it."""
        return channel.direct and self._slack.app.messages_read_only

    def _channel(self, channel: Channel) -> Json:
        people = len(channel.members)
        return {
            "id": channel.id,
            "name": channel.name,
            "kind": channel.kind,
            "archived": channel.archived,
            "closed": _READ_ONLY if self._closed(channel) else "",
            "about": ""
            if channel.direct
            else f"{people} people" + ("" if channel.bot_in else " · the app is not in here"),
        }
