"""Small checks that compose into the shape of a block: each looks at one value and notes its faults.

A check is a function of the findings, the value, and a JSON pointer to it. Faults are worded as Slack words them
("no more than 25 items allowed [json-pointer:/blocks/1/elements]"), so that what a developer learns here holds there.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias, TypeGuard

from bot.playground.slack.shapes import Json

ID_MOST: Final = 255  # characters in a block_id, action_id, callback_id or external_id
URL_MOST: Final = 3000


class Findings:
    """Collects the faults of one payload, in the order of the payload."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def note(self, fault: str, pointer: str) -> None:
        """Note a fault at a place."""
        self.faults.append(f"{fault} [json-pointer:{pointer}]")


Check: TypeAlias = Callable[[Findings, object, str], None]


def is_object(value: object) -> TypeGuard[Json]:
    """Whether a value is a JSON object."""
    return isinstance(value, dict)


def string(most: int, least: int = 1) -> Check:
    """Return a check for text of so many characters."""

    def check(findings: Findings, value: object, pointer: str) -> None:
        if not isinstance(value, str):
            findings.note("must be a string", pointer)
        elif len(value) > most:
            findings.note(f"must be less than {most + 1} characters", pointer)
        elif len(value) < least:
            findings.note(f"must be more than {least - 1} characters", pointer)

    return check


def boolean(findings: Findings, value: object, pointer: str) -> None:
    """Check for true or false."""
    if not isinstance(value, bool):
        findings.note("must be a boolean", pointer)


def integer(least: int, most: int) -> Check:
    """Return a check for a whole number between two bounds."""

    def check(findings: Findings, value: object, pointer: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            findings.note("must be an integer", pointer)
        elif not least <= value <= most:
            findings.note(f"must be between {least} and {most}", pointer)

    return check


def number(findings: Findings, value: object, pointer: str) -> None:
    """Check for any number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        findings.note("must be a number", pointer)


def one_of(*allowed: str) -> Check:
    """Return a check for one of a few words."""

    def check(findings: Findings, value: object, pointer: str) -> None:
        if value not in allowed:
            findings.note(f"must be one of: {', '.join(allowed)}", pointer)

    return check


def items(each: Check, least: int = 1, most: int = 100) -> Check:
    """Return a check for a list of so many things that each pass another check."""

    def check(findings: Findings, value: object, pointer: str) -> None:
        if not isinstance(value, list):
            findings.note("must be an array", pointer)
            return
        if len(value) > most:
            findings.note(f"no more than {most} items allowed", pointer)
        if len(value) < least:
            findings.note(f"no fewer than {least} item{'s' if least > 1 else ''} allowed", pointer)
        for index, item in enumerate(value):
            each(findings, item, f"{pointer}/{index}")

    return check


def every(*checks: Check) -> Check:
    """Return a check that makes several."""

    def check(findings: Findings, value: object, pointer: str) -> None:
        for one in checks:
            one(findings, value, pointer)

    return check


def shape(fields: Mapping[str, Check], required: Collection[str] = ()) -> Check:
    """Return a check for an object with these fields and no others; `type` is always allowed."""

    def check(findings: Findings, value: object, pointer: str) -> None:
        if not is_object(value):
            findings.note("must be an object", pointer)
            return
        for name in required:
            if name not in value:
                findings.note(f"missing required field: {name}", pointer)
        for name, content in value.items():
            if name in fields:
                fields[name](findings, content, f"{pointer}/{name}")
            elif name != "type":
                findings.note(f"invalid additional property: {name}", pointer)

    return check


def typed(kinds: Mapping[str, Check], allowed: Collection[str] | None = None) -> Check:
    """Return a check for an object whose `type` says which other check holds, of `allowed` types only."""

    def check(findings: Findings, value: object, pointer: str) -> None:
        if not is_object(value):
            findings.note("must be an object", pointer)
            return
        kind = value.get("type")
        if kind is None:
            findings.note("missing required field: type", pointer)
        elif not isinstance(kind, str) or kind not in kinds or (allowed is not None and kind not in allowed):
            findings.note(f"unsupported type: {kind}", f"{pointer}/type")
        else:
            kinds[kind](findings, value, pointer)

    return check


def unique(values: Callable[[Any], list[tuple[object, str]]], what: str) -> Check:
    """Return a check that no two of the (value, pointer below) pairs found in something are the same."""

    def check(findings: Findings, value: object, pointer: str) -> None:
        seen: set[str] = set()
        for item, below in values(value):
            if not isinstance(item, str):
                continue  # another check's fault
            if item in seen:
                findings.note(f"{what} already exists: {item}", f"{pointer}{below}")
            seen.add(item)

    return check


def listed(value: object, key: str) -> list[Json]:
    """Return the objects in the list under a key, or nothing where the payload is not even shaped like that."""
    inner = value.get(key) if is_object(value) else None
    return [item for item in inner if is_object(item)] if isinstance(inner, list) else []
