"""A person who uses the app as its user would: types, chooses from what is offered, submits, clicks what is shown.

It knows the app by what stands on the screen (labels, option texts, button texts), not by its ids, so that a flow that
a person could not go through fails here as well.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from bot.playground.slack import Json, LocalSlack, MessageRef, OptionsAnswer, Outcome, ViewRef
from bot.playground.slack.ids import elements_of

COMMAND = "/tines-sync"
_TIMEOUT_SECONDS = 30.0  # seconds until something that must appear counts as missing


class NotOnScreenError(AssertionError):
    """What the person looks for is not there; the text says what is."""


class Actor:
    """One person at their Slack."""

    def __init__(self, slack: LocalSlack, user: str, *, timeout: float = _TIMEOUT_SECONDS) -> None:
        self.slack = slack
        self.user = user
        self._timeout = timeout

    # ---- doing

    async def types(self, channel: str, text: str = "") -> Outcome:
        """Type the command."""
        return await self.slack.command(self.user, channel, COMMAND, text)

    async def opens_form(self, channel: str) -> Json:
        """Type the bare command and wait for the form."""
        await self.types(channel)
        return await self.sees_view(lambda view: view.get("submit") is not None)

    async def searches(self, label: str, query: str = "") -> OptionsAnswer:
        """Type into a search field."""
        view = self.view()
        block, element = self.field(label)
        return await self.slack.options(self.user, view["id"], block["block_id"], element["action_id"], query)

    async def picks(self, label: str, *texts: str, query: str = "") -> Outcome:
        """Choose options by their texts in a field that searches, or that lists them."""
        view = self.view()
        block, element = self.field(label)
        if element["type"].endswith("external_select"):
            found = await self.slack.options(self.user, view["id"], block["block_id"], element["action_id"], query)
            offered = list(found.all_options)
        else:
            offered = element["options"]
        chosen = [_option(offered, text) for text in texts]
        value: Any = chosen if "multi" in element["type"] or element["type"] == "checkboxes" else chosen[0]
        return await self.slack.click(self.user, ViewRef(view["id"]), block["block_id"], element["action_id"], value)

    async def writes(self, label: str, text: str) -> None:
        """Type into a text field."""
        view = self.view()
        block, element = self.field(label)
        await self.slack.click(self.user, ViewRef(view["id"]), block["block_id"], element["action_id"], text)

    async def fills_in(
        self,
        *stories: str,
        source: str = "SecOps",
        destination: str = "SecOps Production",
        reason: str = "Ready for production",
        query: str = "",
    ) -> None:
        """Fill in the whole form."""
        await self.picks("Source team", source, query=source)
        await self.sees_view(lambda view: any(_label(block).startswith("Stories") for block in view["blocks"]))
        await self.picks("Stories", *stories, query=query)
        await self.picks("Destination team", destination, query=destination)
        await self.writes("Reason", reason)

    async def submits(self) -> Outcome:
        """Press the submit button of the view on top, once it has one."""
        view = await self.sees_view(lambda view: view.get("submit") is not None)
        return await self.slack.submit(self.user, view["id"])

    async def clicks(self, text: str, message: Json, channel: str) -> Outcome:
        """Press a button of a message."""
        block, element = _button(message["blocks"], text)
        where = MessageRef(channel, message["ts"])
        return await self.slack.click(self.user, where, block["block_id"], element["action_id"], None)

    async def presses(self, text: str) -> Outcome:
        """Press a button within the view on top."""
        view = self.view()
        block, element = _button(view["blocks"], text)
        return await self.slack.click(self.user, ViewRef(view["id"]), block["block_id"], element["action_id"], None)

    # ---- seeing

    def view(self) -> Json:
        """Return the view on top."""
        views = self.slack.views(self.user)
        if not views:
            message = "no view is open"
            raise NotOnScreenError(message)
        return views[-1]

    def field(self, label: str) -> tuple[Json, Json]:
        """Return a field of the view on top by the beginning of its label."""
        for block in self.view()["blocks"]:
            if _label(block).startswith(label):
                return block, block["element"]
        message = f"no field {label!r} in: {self.reads()}"
        raise NotOnScreenError(message)

    def reads(self) -> str:
        """Return the view on top as text."""
        return self.slack.render(self.view())

    async def sees_view(self, condition: Callable[[Json], bool]) -> Json:
        """Wait until the view on top is as wanted, and return it."""

        def there() -> Json | None:
            views = self.slack.views(self.user)
            return views[-1] if views and condition(views[-1]) else None

        try:
            return await self.slack.until(there, self._timeout)
        except TimeoutError:
            views = self.slack.views(self.user)
            message = f"the view did not come; on screen: {self.slack.render(views[-1]) if views else 'nothing'}"
            raise NotOnScreenError(message) from None

    async def reads_in_view(self, pattern: str) -> str:
        """Wait until the view on top says something, and return all it says."""
        view = await self.sees_view(lambda view: re.search(pattern, self.slack.render(view)) is not None)
        return self.slack.render(view)

    async def sees_message(self, channel: str, pattern: str, *, thread_ts: str | None = None) -> Json:
        """Wait until a message says something, and return the latest that does."""

        def there() -> Json | None:
            found = self.slack.messages(channel, as_user=self.user, thread_ts=thread_ts)
            matching = [message for message in found if re.search(pattern, self.slack.render(message))]
            return matching[-1] if matching else None

        try:
            return await self.slack.until(there, self._timeout)
        except TimeoutError:
            found = self.slack.messages(channel, as_user=self.user, thread_ts=thread_ts)
            shown = "\n---\n".join(self.slack.render(message) for message in found)
            message = f"no message with {pattern!r}; in the channel:\n{shown}"
            raise NotOnScreenError(message) from None


def _label(block: Json) -> str:
    return str((block.get("label") or {}).get("text", "")) if block.get("type") == "input" else ""


def _option(offered: list[Json], text: str) -> Json:
    for option in offered:
        if option["text"]["text"] == text:
            return option
    for option in offered:
        if option["text"]["text"].startswith(text):
            return option
    message = f"no option {text!r} among {[option['text']['text'] for option in offered]}"
    raise NotOnScreenError(message)


def _button(blocks: list[Json], text: str) -> tuple[Json, Json]:
    for block, element in _buttons(blocks):
        if element["text"]["text"].startswith(text):
            return block, element
    message = f"no button {text!r} among {[element['text']['text'] for _, element in _buttons(blocks)]}"
    raise NotOnScreenError(message)


def _buttons(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    for block in blocks:
        for element in elements_of(block):
            if element.get("type") == "button":
                yield block, element
