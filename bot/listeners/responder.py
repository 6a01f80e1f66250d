"""What every listener works with, and the few ways in which it answers.

A listener parses, asks a use case and answers; it holds no logic. Whatever must not be lost is committed by the use
case before the listener returns, because Slack gets its answer only then. What runs after the answer, here called
follow-up, only makes a view prettier or fuller: losing it loses nothing.
"""

import asyncio
import math
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from slack_bolt.async_app import AsyncAck

from bot.operations import Presentation, presentation_of
from bot.slack_client import SlackClient
from bot.slack_errors import (
    SLACK_ERRORS,
    ChangedViewError,
    GoneError,
    RateLimitedError,
    SlackError,
    TransientError,
    TriggerUsedError,
    UnknownOutcomeError,
    read_error,
)
from bot.views.asides import problem_view
from bot.views.carried import FormMeta
from bot.views.dialogs import CommentInput, message_view, refused_view
from bot.views.lists import notice_message, refusal_message
from bot.views.presentation import plain
from bot.views.text import Block, Message, is_user_id, plural
from handlers.models import Problem, Request
from handlers.people import PeopleUnavailableError
from handlers.requests import Services, refuse, refuse_unread
from handlers.store import StoreUnavailableError

CLICK_BUDGET: Final = 2.3
"""Seconds that a click waits for Slack and Tines together, so that Slack has its answer within three."""

_OK: Final = 200
_ANSWER_SECONDS: Final = 2.0  # for a call that the answer to a click waits for
_TRIGGER_SECONDS: Final = 2.5  # a trigger lives three, and the click must be answered in the same time

Body = Mapping[str, Any]
NOT_NOW: Final = (
    "I cannot process requests right now: the database does not answer. Nothing you sent before is lost. "
    "Try again in a minute."
)


_TIMESTAMP: Final = re.compile(r"[0-9]{10}\.[0-9]{1,6}")


class Responder:
    """The use cases' services, Slack's Web API, and follow-ups."""

    def __init__(
        self,
        services: Services,
        client: SlackClient,
        presentations: Mapping[str, Presentation],
        *,
        budget: float = CLICK_BUDGET,
    ) -> None:
        self.services = services
        self.client = client
        self.presentations = presentations
        self.budget = budget
        self._follow_ups: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger(__name__)

    def presentation(self, request: Request) -> Presentation:
        """Return how a request is presented."""
        return presentation_of(self.presentations, request)

    def presentation_of_form(self, meta: FormMeta | None) -> Presentation | None:
        """Return how the operation of an open form is presented; None for a form that this version cannot read."""
        if meta is None:
            return None
        return self.presentations.get(meta.operation) if meta.operation else plain(self.presentations.values())

    async def says_what_to_mend(self, ack: AsyncAck, actor: str, typed: CommentInput, *, what: str) -> bool:
        """Say at a dialog's fields what to mend, and record that it was not taken; False when there is nothing to mend."""
        if typed.errors:
            await refuse_unread(self.services, actor, typed.errors.values(), what=what, request_id=typed.request_id)
            await ack(response_action="errors", errors=typed.errors)
        return bool(typed.errors)

    def follow_up(self, work: Awaitable[object]) -> None:
        """Do something after Slack has its answer. Only for what may be lost."""
        task = asyncio.ensure_future(self._quietly(work))
        self._follow_ups.add(task)
        task.add_done_callback(self._follow_ups.discard)

    async def _quietly(self, work: Awaitable[object]) -> None:
        try:
            await work
        except (StoreUnavailableError, PeopleUnavailableError, *SLACK_ERRORS) as error:
            self._log.warning("a view could not be brought up to date", words=str(error))
        except Exception:  # noqa: BLE001 - a follow-up has nobody above it who could do better
            self._log.exception("a follow-up failed")

    def fill(
        self,
        view_id: str,
        actor: str,
        what: str,
        view: Awaitable[Block],
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Put a view in an open one's place once it is known, if it is still `wanted` then.

        Whatever goes wrong meanwhile is said in the view: it never stays at "one moment". `actor` is who waits before
        it, and `what` they attempt, for the record.
        """
        self.follow_up(self.filled(view_id, actor, what, view, wanted))

    async def filled(
        self, view_id: str, actor: str, what: str, view: Awaitable[Block], wanted: Callable[[], bool] = lambda: True
    ) -> tuple[Block, str] | None:
        """Do what `fill` does; return the view that was asked for and Slack's hash of it, None when it is not shown."""
        failed = True
        try:
            shown = await view
            failed = False
        except StoreUnavailableError:
            shown = refused_view((NOT_NOW,))
        except PeopleUnavailableError as error:
            await self.unknown(actor, error, what=what)
            shown = problem_view(Problem(what="Slack does not say who you are right now", advice=str(error)))
        except Exception:  # noqa: BLE001 - the person is waiting before an open view
            shown = refused_view((self.failed(),))
        mark = await self.replace_view(view_id, shown) if wanted() else None
        return None if failed or mark is None else (shown, mark)

    async def unknown(self, actor: str, error: PeopleUnavailableError, *, what: str) -> None:
        """Log and record that something was not done because Slack does not say who somebody is."""
        self._log.warning("Slack does not say who somebody is", words=str(error))
        try:
            await refuse(self.services, actor, (str(error),), what=what)
        except StoreUnavailableError:
            self._log.warning("a refusal is not recorded: the database does not answer either")

    def failed(self) -> str:
        """Log the error being handled under an id, and return what the person reads, with the id."""
        error_id = secrets.token_hex(4)
        self._log.exception("a listener failed", error_id=error_id)
        return f"Something went wrong in tines-sync. Tell your tines-sync admin, and quote {error_id}."

    async def close(self) -> None:
        """End the follow-ups."""
        for task in self._follow_ups:
            task.cancel()
        if self._follow_ups:
            await asyncio.wait(self._follow_ups, timeout=2)

    # ---- views

    async def open_view(self, body: Body, view: Block) -> Mapping[str, Any] | None:
        """Open a view, or push it when the click came from one. Returns Slack's view, None when Slack did not open it."""
        method = self.client.views_push if _in_modal(body) else self.client.views_open
        trigger = str(body.get("trigger_id", ""))
        try:
            async with asyncio.timeout(_TRIGGER_SECONDS):
                return await self._opened(method, trigger, {"external_id": secrets.token_hex(12), **view})
        except SLACK_ERRORS as error:
            found = read_error(error)
            self._log.warning("a view was not opened", words=found.words)
            self.follow_up(self._say_not_opened(body, _why_not_opened(found)))
            return None

    async def _opened(self, method: Callable[..., Awaitable[Any]], trigger: str, view: Block) -> Mapping[str, Any]:
        """Open a view, with a second try where the first failed in passing: a trigger lives for three seconds.

        Raises as Slack's client does.
        """
        try:
            answer = await method(trigger_id=trigger, view=view)
        except SLACK_ERRORS as error:
            first = read_error(error)
            if isinstance(first, RateLimitedError) or not isinstance(first, TransientError):
                raise
            try:
                answer = await method(trigger_id=trigger, view=view)
            except SLACK_ERRORS as again:
                if not (isinstance(read_error(again), TriggerUsedError) and isinstance(first, UnknownOutcomeError)):
                    raise
                # the first try did open it, and only its answer was lost
                answer = await self.client.views_update(external_id=view["external_id"], view=view)
        opened: Mapping[str, Any] = answer["view"]
        return opened

    async def _say_not_opened(self, body: Body, why: str) -> None:
        """Tell the person that what they clicked does not open, since nothing on their screen would."""
        message = notice_message(f"Slack did not open the window: {why}")
        url = body.get("response_url")
        if isinstance(url, str) and url:
            hook = self.client.hook(url)
            answer = await hook.send(
                text=message.text, blocks=message.blocks, replace_original=False, response_type="ephemeral"
            )
            if answer.status_code == _OK:
                return
        await self.client.chat_postMessage(channel=person(body), text=message.text, blocks=message.blocks)

    async def update_view(
        self, view_id: str, view: Block, *, hash_: str | None = None, wanted: Callable[[], bool] | None = None
    ) -> bool:
        """Put another view in a view's place. False when it was closed, or changed since `hash_`, or has no id.

        One that was changed since `hash_` is replaced all the same where the new one is still `wanted`.
        """
        return await self.replace_view(view_id, view, hash_=hash_, wanted=wanted) is not None

    async def replace_view(
        self, view_id: str, view: Block, *, hash_: str | None = None, wanted: Callable[[], bool] | None = None
    ) -> str | None:
        """Do what `update_view` does, and return Slack's hash of the view, "" where Slack tells none; None for False."""
        if not view_id:  # Slack's client raises for it
            return None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await self.client.views_update(view_id=view_id, view=view, hash=hash_)
        except SLACK_ERRORS as error:
            self._log.info("a view was not updated", words=_words(error))
            if isinstance(read_error(error), ChangedViewError) and wanted is not None and wanted():
                return await self.replace_view(view_id, view)
            return None
        shown = answer.get("view")
        return str(shown.get("hash", "")) if isinstance(shown, Mapping) else ""

    # ---- answers to one person

    async def tell(self, body: Body, message: Message) -> None:
        """Answer a click on a message, to the person alone; in a view where there is no channel to answer in."""
        channel = _part(body, "channel").get("id") or _part(body, "container").get("channel_id")
        user = person(body)
        if channel and not _in_modal(body):
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await self.client.chat_postEphemeral(
                        channel=channel, user=user, text=message.text, blocks=message.blocks or None
                    )
            except SLACK_ERRORS as error:
                self._log.warning("an answer could not be shown in the channel", words=_words(error))
            else:
                return
        await self.open_view(body, message_view(message))

    async def replace(self, body: Body, message: Message) -> None:
        """Put a message in the place of the ephemeral one that was clicked; tell it anew where that is not possible."""
        url = body.get("response_url")
        if isinstance(url, str) and url:
            hook = self.client.hook(url)
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    answer = await hook.send(
                        text=message.text, blocks=message.blocks, replace_original=True, response_type="ephemeral"
                    )
            except SLACK_ERRORS as error:
                self.not_shown("an answer was not replaced", error)
            else:
                if answer.status_code == _OK:
                    return
        await self.tell(body, message)

    def not_shown(self, what: str, error: BaseException) -> None:
        """Log that Slack did not show something that may be missing."""
        self._log.warning(what, words=_words(error))

    async def refuse(self, body: Body, reasons: tuple[str, ...], *, by: str = "") -> None:
        """Say why something is not done, where the person looks; `by` is who was first, where that is why."""
        if _in_modal(body):
            await self.open_view(body, refused_view(reasons, by=by))
        else:
            await self.tell(body, refusal_message(reasons, by=by))


def person(body: Body) -> str:
    """Return the user id of whoever clicked, typed or submitted; "" when the payload has none that could be one."""
    user = body.get("user")
    said = user.get("id") if isinstance(user, Mapping) else user or body.get("user_id")
    return said if isinstance(said, str) and is_user_id(said) else ""


def view_of(body: Body) -> Mapping[str, Any]:
    """Return the view of a payload, empty when it has none."""
    return _part(body, "view")


def action_value(body: Body) -> str:
    """Return what the clicked button, or the chosen option, carries; "" when nothing."""
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], Mapping) else {}
    option = action.get("selected_option")
    value = action.get("value") or (option.get("value") if isinstance(option, Mapping) else "")
    return value if isinstance(value, str) else ""


def acted_at(body: Body) -> str:
    """Return when a choice was made or a button clicked, as Slack says it; "" when it does not."""
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], Mapping) else {}
    at = action.get("action_ts")
    return at if isinstance(at, str) and _TIMESTAMP.fullmatch(at) else ""


def _part(body: Body, name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, Mapping) else {}


def _in_modal(body: Body) -> bool:
    return view_of(body).get("type") == "modal"


def _why_not_opened(error: SlackError) -> str:
    """Say what happened, and what to do, for the person whose click opened nothing."""
    match error:
        case GoneError():
            return "it came more than three seconds after the click, and Slack waits no longer. Try again."
        case RateLimitedError():
            return (
                f"too many people do this at once. Try again in {plural(max(1, math.ceil(error.seconds)), 'second')}."
            )
        case TransientError():
            return "it did not answer in time. Try again in a moment."
        case _:
            return f"it refused ({error.words}). Tell your tines-sync admin."


def _words(error: BaseException) -> str:
    return read_error(error).words
