"""Whom people are told to ask: our texts name `ADMIN`, and what leaves for Slack names the configured contact instead.

One place, at the edge, so that no text can forget it and no rule needs to know it. Only our own runs of text are looked
at: quotations, names in bold, code and table cells hold what people and Tines wrote, and stay as they are.
"""

from collections.abc import Iterator
from typing import Any, Final

from bot.views import kit
from bot.views.text import Block, inert, is_channel_id, is_user_id, line, mention, size

ADMIN: Final = "your tines-sync admin"
"""How our texts name whoever runs tines-sync. `handlers` writes the same words."""

_LONGEST: Final = 100
_FROM_OUTSIDE: Final = frozenset({"rich_text_quote", "rich_text_preformatted", "raw_text"})


def with_contact(payload: Block, contact: str) -> Block:
    """Return what is sent to Slack with the contact in place of `ADMIN`: a person, a channel or a few words."""
    return payload if not contact.strip() else _Naming(contact.strip()).block(payload)


class _Naming:
    """One contact, as each kind of text shows it."""

    def __init__(self, contact: str) -> None:
        known = is_user_id(contact) or is_channel_id(contact)
        self._plain = ADMIN if known else line(contact, _LONGEST)  # plain text cannot mention anybody
        self._part: Block = {"type": "text", "text": self._plain}
        self._mrkdwn = inert(self._plain)
        if is_user_id(contact):
            self._part, self._mrkdwn = kit.user(contact), mention(contact)
        elif known:
            self._part, self._mrkdwn = kit.channel(contact), f"<#{contact}>"

    def block(self, value: Block) -> Block:
        """Return a block, a view, a message or an answer to a form, with the contact named in it."""
        match value.get("type"):
            case str(kind) if kind in _FROM_OUTSIDE:
                return value
            case "rich_text_section":
                return value | {"elements": [part for run in value["elements"] for part in self._run(run)]}
            case "plain_text":
                return value | {"text": _within(value["text"], value["text"].replace(ADMIN, self._plain), 75)}
            case _:
                return {key: self._value(key, each) for key, each in value.items()}

    def _value(self, key: str, value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return {each: self._said(text) for each, text in value.items()} if key == "errors" else self.block(value)
        if isinstance(value, list):
            return [self.block(each) if isinstance(each, dict) else each for each in value]
        if key == "text" and isinstance(value, str):  # mrkdwn: of an object, or the text of a message
            return _within(value, value.replace(ADMIN, self._mrkdwn), kit.SECTION_TEXT)
        return value

    def _said(self, text: Any) -> Any:  # noqa: ANN401 - JSON
        return text.replace(ADMIN, self._plain) if isinstance(text, str) else text

    def _run(self, run: Block) -> Iterator[Block]:
        if run.get("type") != "text" or run.get("style") or ADMIN not in run["text"]:
            yield run
            return
        before, *others = run["text"].split(ADMIN)
        yield from [{"type": "text", "text": before}] * bool(before)
        for each in others:
            yield self._part
            yield from [{"type": "text", "text": each}] * bool(each)


def _within(text: str, named: str, limit: int) -> str:
    """Return the text with the contact, unless that makes it longer than Slack allows."""
    return text if size(named) > limit >= size(text) else named
