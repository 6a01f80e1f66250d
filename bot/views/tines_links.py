"""Links into Tines: built from a tenant's configured address and an id, never from an address or name that Tines tells.

Of stories alone the path is publicly known. For teams and sync destinations the tenant itself is linked.
"""

import re
from typing import Final

from bot.views import kit
from bot.views.text import Block, inert, line

_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::\d{1,5})?")


def to_tenants(*tenants: tuple[str, str]) -> str:
    """Return links to tenants, given by alias and configured address, as mrkdwn; "" for what is no address."""
    known = [(alias, url) for alias, url in dict.fromkeys(tenants) if _ORIGIN.fullmatch(url)]
    return " · ".join(f"<{url}|Open {inert(line(alias, 60))}>" for alias, url in known)


def to_story(origin: str, story_id: int, name: str, limit: int = kit.HEADER_TEXT, *, is_bold: bool = True) -> Block:
    """Return a story's name as a run that links to the story; without a link where there is no address or no id."""
    run: Block = {"type": "text", "text": line(name, limit)}
    if story_id > 0 and _ORIGIN.fullmatch(origin):
        run = kit.link(f"{origin}/stories/{story_id}", run["text"])
    return run | {"style": {"bold": True}} if is_bold else run
