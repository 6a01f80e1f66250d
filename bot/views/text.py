"""Text from people and Tines made fit for Slack, and the message that carries it.

It prevents that a story named `<!channel>` wakes a whole company, that a hidden character makes a line read
backwards, and that one long name makes Slack refuse a whole message. Lengths are counted in UTF-16 units: whether
Slack counts those or code points, what is short enough here is short enough there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

Block: TypeAlias = dict[str, Any]  # a Block Kit block or element, as JSON

_EMOJI: Final = "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_JOINING: Final = "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff"  # scripts that need joiners: Arabic to Khmer
_FLAGS: Final = "|".join(  # the flags that are written with tag characters; any other such sequence can carry a text
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(each)) for each in name) + "\U000e007f"
    for name in ("gbeng", "gbsct", "gbwls")
)
_IDEOGRAPHS: Final = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIDDEN: Final = re.compile(
    f"(?P<kept>{_FLAGS})"
    # what joins emoji, or letters of some scripts, is not hidden between two of them
    f"|\u200d(?!(?<=[{_EMOJI}\ufe0f\u20e3]\u200d)[{_EMOJI}]|(?<=[{_JOINING}]\u200d)[{_JOINING}])"
    f"|\u200c(?!(?<=[{_JOINING}]\u200c)[{_JOINING}])"
    # nor what says whether an emoji is shown as a picture or as text, or which form of an ideograph is meant
    f"|\ufe0e(?<![{_EMOJI}]\ufe0e)|\ufe0f(?<![{_EMOJI}]\ufe0f)(?!(?<=[0-9#*]\ufe0f)\u20e3)"
    f"|[\U000e0100-\U000e01ef](?<![{_IDEOGRAPHS}].)"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, embeddings and overrides of writing direction
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\uffa0"  # of no width
    "\ufe00-\ufe0d\U0001d173-\U0001d17a"  # selectors of forms, notes' joins
    "\U000e0000-\U000e007f"  # tags: a whole alphabet that nobody sees
    "\ufff0-\ufffb\ufeff\ud800-\udfff]"  # interlinear notes, a stray byte-order mark, halves of characters
)
_BREAKS: Final = re.compile("\r\n?|\u2028|\u2029")
_INVISIBLE: Final = re.compile(
    "[\\s\u00ad\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2064\u3164\ufe0f\uffa0\u2800]*"
)
_USER_ID: Final = re.compile(r"[UW][A-Z0-9]{1,30}")
_CHANNEL_ID: Final = re.compile(r"[CG][A-Z0-9]{1,30}")
_SPARE: Final = 200  # characters looked at beyond what can be shown, so that a book given as a name costs nothing
_ACCENT: Final = "\N{MODIFIER LETTER GRAVE ACCENT}"
_LIVE: Final = re.compile(
    "[*~`]"  # bold, struck, code
    r"|(?<![^\W_])_|_(?![^\W_])"  # italics, but not what joins words
    r"|:(?=//|[a-z0-9_+'-]+:)"  # a link's beginning, an emoji's name
    r"|(?<=[^\W_])\.(?=[^\W\d_]{2})"  # a host name or mail address without a scheme
)
_INERT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "*": "\N{ASTERISK OPERATOR}",
        "~": "\N{TILDE OPERATOR}",
        "`": _ACCENT,
        "_": "\N{MODIFIER LETTER LOW MACRON}",
        ":": "\N{RATIO}",
        ".": "\N{ONE DOT LEADER}",
    }
)
_DATE_FORMAT: Final = "{date_short_pretty} at {time}"


@dataclass(frozen=True)
class Message:
    """What is posted: blocks, and the text for notifications, screen readers and for when Slack refuses the blocks.

    `text` is mrkdwn: everything from outside in it is escaped. It holds the same as the blocks as far as
    4,000 characters reach; `fallback_text.plain_only` gives all of it.
    """

    text: str
    blocks: list[Block] = field(default_factory=list)
    broadcast: bool = False  # whether the channel shows it too, where it goes into a thread


def tidy(text: str) -> str:
    """Return the text with every control, zero-width, direction and tag character made a visible `�`.

    Shown rather than dropped: who reads a name with something hidden in it should see that. Kept is what joins emoji
    and the letters of some scripts. Line ends of every kind become a line feed.
    """
    if text.isascii() and text.isprintable():  # most text: what is looked for is not
        return text
    return _HIDDEN.sub(_shown, _BREAKS.sub("\n", text))


def _shown(hidden: re.Match[str]) -> str:
    return hidden["kept"] or "\N{REPLACEMENT CHARACTER}"


def escape(text: str) -> str:
    """Return the text for use inside mrkdwn: tidied, and with `&`, `<`, `>` as entities, so that nobody is called.

    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return tidy(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def inert(text: str) -> str:
    """Return the text for use inside mrkdwn, as still as if it stood in a rich_text block.

    Besides `escape`, what would format, link by itself or become an emoji becomes a character that looks alike.
    Source: https://docs.slack.dev/messaging/formatting-message-text
    """
    return escape(_LIVE.sub(lambda live: _INERT[live[0]], text))


def size(text: str) -> int:
    """Return the length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def unescape(text: str) -> str:
    """Return text that Slack sent with `&`, `<` and `>` written as entities, as it does for what follows a command."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def clip(text: str, limit: int) -> str:
    """Return the text if its size is within the limit (in UTF-16 units, at least 1), else its start and `…`."""
    if size(text) <= limit:
        return text
    kept = text[: limit - 1]
    kept = kept.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    # no half of a joined emoji at the end, and no space before the dots
    return kept.rstrip("\N{ZERO WIDTH JOINER} \t\n") + "…"


def line(text: str, limit: int, *, empty: str = "(no name)") -> str:
    """Return the text tidied, on one line, clipped, and never blank: Slack refuses empty text objects."""
    begun = text.strip()[: 2 * limit + _SPARE]
    flat = " ".join(tidy(begun).split())
    blank = not flat if flat.isascii() else _INVISIBLE.fullmatch(begun)
    return empty if blank else clip(flat, limit)


def when(at: datetime) -> str:
    """Return the time as mrkdwn that each reader sees in their own time zone and language."""
    return f"<!date^{int(at.timestamp())}^{_DATE_FORMAT}|{utc(at)}>"


def utc(at: datetime) -> str:
    """Return the time in UTC, for where Slack cannot show the reader's own."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def day(at: datetime) -> str:
    """Return the date in UTC."""
    return at.astimezone(UTC).date().isoformat()


def date_element(at: datetime) -> Block:
    """Return the time as a rich_text element that each reader sees in their own time zone and language."""
    return {"type": "date", "timestamp": int(at.timestamp()), "format": _DATE_FORMAT, "fallback": utc(at)}


def plural(count: int, noun: str, plural_noun: str | None = None) -> str:
    """Return `1 story`, `2 stories`, `1,200 stories`: the count with the noun in the right number."""
    if count == 1:
        return f"1 {noun}"
    many = plural_noun or (f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s")
    return f"{count:,} {many}"


def is_user_id(text: str) -> bool:
    """Whether the text has the shape of a Slack user id; anything else must not become a mention."""
    return _USER_ID.fullmatch(text) is not None


def is_channel_id(text: str) -> bool:
    """Whether the text has the shape of a Slack channel id."""
    return _CHANNEL_ID.fullmatch(text) is not None


def mention(user_id: str) -> str:
    """Return a mention of the user as mrkdwn, or, if it is not a user id, the text itself, escaped."""
    return f"<@{user_id}>" if is_user_id(user_id) else escape(line(user_id, 80, empty="nobody"))


def code(text: str) -> str:
    """Return the text as inline code in mrkdwn. Backticks become another accent: nothing escapes them."""
    return f"`{escape(line(text, 200, empty=' ')).replace('`', _ACCENT)}`"
