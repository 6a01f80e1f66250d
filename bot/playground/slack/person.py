"""A person's Slack: what they type and click goes to the app, and its answer is put on their screen.

Everything passes through here as through a real client: only what is on the screen can be clicked, only an option
that was offered can be chosen, and a form with an empty required field is not even sent.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from bot.playground.slack import payloads
from bot.playground.slack.answers import TROUBLE, Answers
from bot.playground.slack.core import Core
from bot.playground.slack.delivery import AppAnswer, DeliveryError, Parcel
from bot.playground.slack.formstate import chosen, keeps_value, missing, stateful
from bot.playground.slack.ids import element_at, only_element
from bot.playground.slack.messages import Message
from bot.playground.slack.modals import View
from bot.playground.slack.optionlists import read_options
from bot.playground.slack.shapes import (
    Json,
    MessageRef,
    NotThereError,
    OptionsAnswer,
    Outcome,
    SlackClientError,
    ViewRef,
)
from bot.playground.slack.workspace import Channel

_NO_OPTIONS: Final = "There was a problem loading the options."


class People:
    """Acts for the people of a workspace."""

    def __init__(self, core: Core, deliver: Callable[[Parcel], Awaitable[AppAnswer]]) -> None:
        self._core = core
        self._deliver = deliver
        self._answers = Answers(core)
        self._shown: dict[tuple[str, str, str], dict[str, Json]] = {}  # (view, block, action) → value → option

    async def command(self, user: str, channel_id: str, command: str, text: str) -> Outcome:
        """Type a slash command in a channel the person is in."""
        if command not in {each.command for each in self._core.app.commands}:
            error = f"{command} is not a valid command."
            raise SlackClientError(error, "the manifest does not declare it")
        channel = self._channel_of(user, channel_id)
        trigger_id = self._core.triggers.issue(user)
        parcel = payloads.command(self._core, user, channel, (command, text), trigger_id)
        since = self._core.ids.ts()
        try:
            answer = await self._deliver(parcel)
        except DeliveryError as error:
            word = "operation_timeout" if error.timed_out else "dispatch_failed"
            message = f'{command} failed with the error "{word}"'
            raise SlackClientError(message, error.cause) from error
        self._answers.show(user, channel.id, answer.body)
        return self._outcome(user, answer, trigger_id, since)

    async def shortcut(self, user: str, callback_id: str) -> Outcome:
        """Pick a global shortcut."""
        if callback_id not in {each.callback_id for each in self._core.app.shortcuts}:
            message = f"no global shortcut {callback_id} in the manifest"
            raise NotThereError(message)
        trigger_id = self._core.triggers.issue(user)
        parcel = payloads.shortcut(self._core, user, callback_id, trigger_id)
        since = self._core.ids.ts()
        answer = await self._asked(parcel, TROUBLE)
        return self._outcome(user, answer, trigger_id, since)

    async def click(self, user: str, where: MessageRef | ViewRef, block_id: str, action_id: str, value: Any) -> Outcome:  # noqa: ANN401 - text, option, list of options
        """Use an element: press a button, choose, type. A field of a form only keeps what was chosen."""
        if isinstance(where, ViewRef):
            return await self._use_in_view(self._view_of(user, where.view_id), block_id, action_id, value)
        message = self._message_of(user, where)
        block, element = only_element(message.blocks, action_id, value) or _element(message.blocks, block_id, action_id)
        trigger_id = self._core.triggers.issue(user)
        used = payloads.action(self._core, block, element, _used(element, value, {}))
        parcel = payloads.message_actions(self._core, user, message, used, trigger_id)
        since = self._core.ids.ts()
        answer = await self._asked(parcel, "This app responded with Status Code {status}.")
        return self._outcome(user, answer, trigger_id, since)

    async def options(self, user: str, view_id: str, block_id: str, action_id: str, query: str) -> OptionsAnswer:
        """Type in a type-ahead field."""
        view = self._view_of(user, view_id)
        _, element = _element(view.blocks, block_id, action_id)
        if element["type"] not in {"external_select", "multi_external_select"}:
            message = f"{action_id} does not ask the app for options"
            raise NotThereError(message)
        if len(query) < element.get("min_query_length", 3):
            return OptionsAnswer()  # the client does not ask before
        parcel = payloads.view_suggestion(self._core, view, block_id, action_id, query)
        if not self._core.app.takes_options:
            return OptionsAnswer(problem="the manifest names no URL for options")
        try:
            answer = read_options((await self._deliver(parcel)).body)
        except DeliveryError as error:
            raise SlackClientError(_NO_OPTIONS, error.cause) from error
        known = self._shown.setdefault((view_id, block_id, action_id), {})
        known.update({option["value"]: option for option in answer.all_options})
        return answer

    async def submit(self, user: str, view_id: str, values: Mapping[str, Mapping[str, Any]] | None) -> Outcome:
        """Fill in what is given, and press the submit button of the modal on top."""
        view = self._view_of(user, view_id)
        if view is not self._core.modals.top(user) or view.content.get("submit") is None:
            message = "there is no submit button to press"
            raise NotThereError(message)
        for block_id, actions in (values or {}).items():
            for action_id, value in actions.items():
                self._keep(view, block_id, action_id, value)
        errors = self._client_errors(view)
        if errors:
            self._core.modals.show_errors(view, errors)
            return Outcome(errors=errors, view=self._core.wire_view(view))
        trigger_id = self._core.triggers.issue(user, view.id)
        since = self._core.ids.ts()
        answer = await self._asked(payloads.view_submission(self._core, view, trigger_id), TROUBLE)
        field_errors = self._answers.apply(view, answer.body)
        return self._outcome(user, answer, trigger_id, since, field_errors)

    async def close(self, user: str, view_id: str, *, everything: bool) -> Outcome:
        """Press a modal's close button, or close the whole stack with it."""
        view = self._view_of(user, view_id)
        if view not in self._core.modals.stack(user):
            message = "only a modal can be closed"
            raise NotThereError(message)
        cleared = everything or bool(view.content.get("clear_on_close"))
        since = self._core.ids.ts()
        closed = self._core.modals.clear(user) if cleared else self._core.modals.close(view)
        for each in closed:
            if each.content.get("notify_on_close"):
                with contextlib.suppress(DeliveryError):  # nobody sees that the app did not hear of it
                    await self._deliver(payloads.view_closed(self._core, each, cleared=cleared))
        return self._outcome(user, AppAnswer(), "", since)

    async def _use_in_view(self, view: View, block_id: str, action_id: str, value: Any) -> Outcome:  # noqa: ANN401 - as in click
        block, element = _pressed(view.blocks, block_id, action_id, value)
        known = self._shown.get((view.id, block_id, action_id), {})
        used = _used(element, value, known)
        if keeps_value(element):
            self._keep(view, block_id, action_id, value)
        if block["type"] == "input" and not block.get("dispatch_action"):
            return Outcome(view=self._core.wire_view(view))  # a form's field is sent with the form
        trigger_id = self._core.triggers.issue(view.user, view.id)
        actions = [payloads.action(self._core, block, element, used)]
        since = self._core.ids.ts()
        answer = await self._asked(payloads.view_actions(self._core, view, actions, trigger_id), TROUBLE)
        return self._outcome(view.user, answer, trigger_id, since)

    def _keep(self, view: View, block_id: str, action_id: str, value: Any) -> None:  # noqa: ANN401 - as in click
        _, element = _element(view.blocks, block_id, action_id)
        if not keeps_value(element):
            message = f"{action_id} keeps no value"
            raise NotThereError(message)
        view.state[block_id][action_id] = chosen(element, value, self._shown.get((view.id, block_id, action_id), {}))
        view.errors.pop(block_id, None)

    def _client_errors(self, view: View) -> dict[str, str]:
        """Return what the client itself says before it sends a form."""
        errors: dict[str, str] = {}
        for block, element in stateful(view.blocks):
            fault = missing(block, element, view.state[block["block_id"]][element["action_id"]])
            if block["type"] == "input" and fault:
                errors[block["block_id"]] = fault
        return errors

    async def _asked(self, parcel: Parcel, shown: str) -> AppAnswer:
        try:
            return await self._deliver(parcel)
        except DeliveryError as error:
            text = shown.format(status=error.status) if error.status else TROUBLE
            raise SlackClientError(text, error.cause) from error

    def _outcome(
        self,
        user: str,
        answer: AppAnswer,
        trigger_id: str,
        since: str,
        errors: dict[str, str] | None = None,
    ) -> Outcome:
        top = self._core.modals.top(user)
        new = self._core.messages.ephemerals_since(user, since)
        return Outcome(
            answer=answer.body,
            errors=errors or {},
            view=self._core.wire_view(top) if top else None,
            ephemerals=tuple(message.wire() for message in new),
            trigger_id=trigger_id,
        )

    def _channel_of(self, user: str, channel_id: str) -> Channel:
        channel = self._core.workspace.channel(channel_id)
        if channel is None or user not in channel.members:
            message = f"{user} is not in {channel_id}"
            raise NotThereError(message)
        return channel

    def _message_of(self, user: str, where: MessageRef) -> Message:
        channel = self._channel_of(user, where.channel)
        message = self._core.messages.ephemeral(user, channel.id, where.ts)
        message = message or self._core.messages.find(channel.id, where.ts)
        if message is None or message.tombstone:
            text = f"no message {where.ts} in {where.channel}"
            raise NotThereError(text)
        return message

    def _view_of(self, user: str, view_id: str) -> View:
        view = self._core.modals.find(view_id)
        if view is None or view.user != user:
            message = f"{user} has no view {view_id} open"
            raise NotThereError(message)
        return view


def _element(blocks: list[Json], block_id: str, action_id: str) -> tuple[Json, Json]:
    found = element_at(blocks, block_id, action_id)
    if found is None:
        message = f"no element {action_id} in a block {block_id}"
        raise NotThereError(message)
    return found


def _pressed(blocks: list[Json], block_id: str, action_id: str, value: object) -> tuple[Json, Json]:
    """Return what `_element` does; also a button whose block was given a new id by an update that crossed the click."""
    only = only_element(blocks, action_id, value)
    return only if only and not keeps_value(only[1]) else _element(blocks, block_id, action_id)


def _used(element: Json, value: Any, known: dict[str, Json]) -> Json:  # noqa: ANN401 - text, option, list of options
    """Return the part of an action that says which value was used."""
    if element["type"] == "button":
        return {}
    if element["type"] == "overflow":
        found = [o for o in element["options"] if value in (o, o["value"])]
        if not found:
            message = f"no entry {value!r}"
            raise NotThereError(message)
        return {"selected_option": found[0]}
    state = chosen(element, value, known)
    return {key: content for key, content in state.items() if key != "type"}
