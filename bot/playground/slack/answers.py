"""Putting the app's answer on the screen: a command's reply, and what becomes of a submitted form.

See https://docs.slack.dev/surfaces/modals#response_actions.
"""

from typing import Final

from bot.playground.slack.api.chat import checked_content, own_message
from bot.playground.slack.api.views import checked_modal
from bot.playground.slack.blocks.checks import is_object
from bot.playground.slack.core import Core
from bot.playground.slack.errors import ApiError, refuse
from bot.playground.slack.modals import View
from bot.playground.slack.shapes import Json, SlackClientError

TROUBLE: Final = "We had some trouble connecting. Try again?"


class Answers:
    """Applies answers to the state that people see."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def show(self, user: str, channel: str, body: Json) -> None:
        """Show a command's immediate reply: to the user alone, unless it is `in_channel`."""
        text = str(body.get("text") or "")
        if not text and not body.get("blocks"):
            return
        try:
            blocks = checked_content(text, body.get("blocks"))
        except ApiError as error:
            message = f"the app's reply is not a message: {error.body()}"
            raise SlackClientError(TROUBLE, message) from error
        only_for = "" if body.get("response_type") == "in_channel" else user
        self._core.messages.post(own_message(self._core, channel=channel, text=text, blocks=blocks, only_for=only_for))

    def apply(self, view: View, body: Json) -> dict[str, str]:
        """Do what the answer to a submit says; returns the errors that now stand under fields."""
        try:
            return self._apply(view, body)
        except ApiError as error:
            message = f"the app's response_action is wrong: {error.body()}"
            raise SlackClientError(TROUBLE, message) from error

    def _apply(self, view: View, body: Json) -> dict[str, str]:
        modals = self._core.modals
        match body.get("response_action"):
            case None:
                modals.close(view)
            case "clear":
                modals.clear(view.user)
            case "update":
                modals.update(view, checked_modal(_view_in(body)))
            case "push":
                modals.push(view.user, checked_modal(_view_in(body)))
            case "errors":
                errors = _errors_in(body, view)
                modals.show_errors(view, errors)
                return errors
            case other:
                refuse("invalid_arguments", messages=[f"unknown response_action: {other}"])
        return {}


def _view_in(body: Json) -> Json:
    view = body.get("view")
    if not is_object(view):
        refuse("invalid_arguments", messages=["missing required field: view"])
    return view


def _errors_in(body: Json, view: View) -> dict[str, str]:
    """Return the errors by block: each must belong to an input block of the view."""
    errors = body.get("errors")
    if not is_object(errors) or not errors:
        refuse("invalid_arguments", messages=["missing required field: errors"])
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    for block_id, text in errors.items():
        if block_id not in inputs:
            refuse("invalid_arguments", messages=[f"no input block {block_id}"])
        if not isinstance(text, str) or not text:
            refuse("invalid_arguments", messages=[f"no text for {block_id}"])
    return errors
