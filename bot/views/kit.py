"""Small builders of Block Kit blocks and elements, each of which keeps within Slack's limits whatever it is given.

Slack refuses a whole message for one text that is a character too long. Clipping here, in the builders, means that
no view can forget it. Limits: https://docs.slack.dev/reference/block-kit/blocks
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from bot.views.text import Block, clip, is_user_id, line, tidy

SECTION_TEXT: Final = 3000
HEADER_TEXT: Final = 150
SHORT_TEXT: Final = 75  # buttons, options, accessibility labels
VIEW_TITLE: Final = 24
HINT: Final = 2000
LABEL: Final = 2000
PLACEHOLDER: Final = 150
CONFIRM_TITLE: Final = 100
CONFIRM_TEXT: Final = 300
CONFIRM_BUTTON: Final = 30
COMMENT: Final = 1000  # our own limit for reasons and comments

Part = str | Block  # a run of rich text: words, or an element such as `user(…)`


def json_size(blocks: Sequence[Block]) -> int:
    """Return the size of blocks in bytes of compact JSON with escapes, the largest form in which Slack may count."""
    return len(json.dumps(blocks, separators=(",", ":")))


# Text objects


def plain(text: str, limit: int) -> Block:
    """Return a plain_text object for a short line; `:smile:` in it stays as typed."""
    return {"type": "plain_text", "text": line(text, limit), "emoji": False}


def mrkdwn(text: str) -> Block:
    """Return a mrkdwn object. Only for our own words, ids, dates, mentions and `escape`d text.

    `verbatim` keeps Slack from turning addresses and names in it into links and mentions by itself.
    """
    return {"type": "mrkdwn", "text": clip(text, SECTION_TEXT), "verbatim": True}


# Parts of rich text: never parsed by Slack, so anything may stand in them


def words(text: str, limit: int = SECTION_TEXT, *, empty: str = "(empty)") -> Block:
    """Return text from outside as a run that keeps its line breaks."""
    tidied = clip(tidy(text).strip(), limit)
    return {"type": "text", "text": tidied if tidied and line(tidied, limit, empty="") else empty}


def name(text: str, limit: int = HEADER_TEXT) -> Block:
    """Return a name from outside as a bold run on one line."""
    return {"type": "text", "text": line(text, limit), "style": {"bold": True}}


def bold(text: str) -> Block:
    """Return our own words in bold."""
    return {"type": "text", "text": text, "style": {"bold": True}}


def mono(text: str, limit: int = HEADER_TEXT) -> Block:
    """Return an id or a command as inline code."""
    return {"type": "text", "text": line(text, limit), "style": {"code": True}}


def user(user_id: str) -> Block:
    """Return a person, by Slack user id; anything else is shown as the text it is."""
    if is_user_id(user_id):
        return {"type": "user", "user_id": user_id}
    return name(user_id or "nobody", SHORT_TEXT)


def usergroup(group_id: str) -> Block:
    """Return a mention of a user group by its id, which the configuration lists."""
    return {"type": "usergroup", "usergroup_id": group_id}


def channel(channel_id: str) -> Block:
    """Return a channel by its id, which the caller has looked at."""
    return {"type": "channel", "channel_id": channel_id}


def link(url: str, text: str) -> Block:
    """Return a link of our own, such as one to a message."""
    return {"type": "link", "url": url, "text": text}


def para(*parts: Part) -> Block:
    """Return a line of rich text from parts; a `str` is our own words."""
    return {"type": "rich_text_section", "elements": [_run(part) for part in parts if part]}


def bullets(items: Iterable[Sequence[Part]]) -> Block:
    """Return a bulleted list, one line of parts an item."""
    return {"type": "rich_text_list", "style": "bullet", "elements": [para(*item) for item in items]}


def quote(text: str, limit: int = COMMENT) -> Block:
    """Return what a person or Tines said, as a quotation."""
    return {"type": "rich_text_quote", "elements": [words(text, limit)]}


def preformatted(text: str) -> Block:
    """Return text from outside with its spaces and line ends kept; the caller cuts it to size."""
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}


def rich(*elements: Block) -> Block:
    """Return a rich_text block."""
    return {"type": "rich_text", "elements": list(elements)}


def _run(part: Part) -> Block:
    return {"type": "text", "text": part} if isinstance(part, str) else part


# Blocks


def header(text: str) -> Block:
    """Return a header of our own words (emoji are drawn)."""
    return {"type": "header", "text": {"type": "plain_text", "text": clip(text, HEADER_TEXT), "emoji": True}}


def section(text: str, *, accessory: Block | None = None) -> Block:
    """Return a section of mrkdwn: our own words, ids, dates and mentions only."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    return block if accessory is None else block | {"accessory": accessory}


def context(text: str) -> Block:
    """Return a line in small print, as mrkdwn: our own words, ids, dates and mentions only."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def divider() -> Block:
    """Return a rule."""
    return {"type": "divider"}


def actions(*elements: Block | None) -> Block:
    """Return a row of buttons and selects; `None` stands for one that is not offered."""
    return {"type": "actions", "elements": [element for element in elements if element is not None]}


def button(text: str, action_id: str, value: str, *, says: str, style: str = "", confirm: Block | None = None) -> Block:
    """Return a button.

    `says` is what a screen reader says instead of the text. `style` is "primary", "danger" or "" (neither).
    """
    block: Block = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": clip(text, SHORT_TEXT), "emoji": True},
        "value": value,
        "accessibility_label": line(says, SHORT_TEXT),
    }
    if style:
        block["style"] = style
    return block if confirm is None else block | {"confirm": confirm}


def confirm(title: str, text: str, yes: str, no: str = "Go back") -> Block:
    """Return a dialog that asks before a button does something that cannot be undone."""
    return {
        "title": plain(title, CONFIRM_TITLE),
        "text": plain(text, CONFIRM_TEXT),
        "confirm": plain(yes, CONFIRM_BUTTON),
        "deny": plain(no, CONFIRM_BUTTON),
    }


def option(text: str, value: str, *, description: str = "") -> Block:
    """Return a choice of a select, radio group or checkbox. `value` must already be short enough."""
    block: Block = {"text": plain(text, SHORT_TEXT), "value": value}
    return block | {"description": plain(description, SHORT_TEXT)} if description else block


def field(
    block_id: str, label: str, element: Block, *, hint: str = "", optional: bool = False, dispatch: bool = False
) -> Block:
    """Return an input of a view. With `dispatch`, Slack tells about a change before the view is submitted."""
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, LABEL),
        "element": element,
        "optional": optional,
    }
    if hint:
        block["hint"] = plain(hint, HINT)
    return block | {"dispatch_action": True} if dispatch else block


def text_input(action_id: str, *, initial: str = "", placeholder: str = "", required: bool = True) -> Block:
    """Return a field for several lines, of at most 1,000 characters."""
    element: Block = {
        "type": "plain_text_input",
        "action_id": action_id,
        "multiline": True,
        "max_length": COMMENT,
        "placeholder": plain(placeholder, PLACEHOLDER),
    }
    if required:
        element["min_length"] = 1
    return element | {"initial_value": clip(tidy(initial), COMMENT)} if initial else element


# Views


def modal(
    callback_id: str, title: str, blocks: Sequence[Block], *, submit: str = "", close: str = "Close", meta: str = ""
) -> Block:
    """Return a modal view; without `submit` it can only be read and closed."""
    view: Block = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, VIEW_TITLE),
        "close": plain(close, VIEW_TITLE),
        "blocks": list(blocks),
        "private_metadata": meta,
    }
    return view | {"submit": plain(submit, VIEW_TITLE)} if submit else view
