"""The arguments of a Web API call, whether they came as JSON, as a form, or in the query.

In a form, Slack takes objects as JSON in a string and truth as `true` or `1`. Getters refuse a wrong or missing
argument as Slack does, so that a method's code reads like its documentation.
"""

import json
from typing import Any

from bot.playground.slack.blocks.checks import is_object
from bot.playground.slack.errors import refuse
from bot.playground.slack.shapes import Json


class Args:
    """One call's arguments."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def text(self, name: str, default: str = "") -> str:
        """Return a text argument; numbers count as text, as in a form."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            refuse("invalid_arguments", messages=[f"must be a string: {name}"])
        return str(value)

    def required(self, name: str) -> str:
        """Return a text argument that has to be there."""
        value = self.text(name)
        if not value:
            refuse("invalid_arguments", messages=[f"missing required field: {name}"])
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth argument."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, str):
            return value.lower() in {"true", "1"}
        return bool(value)

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number from 1 to `most`."""
        text = self.text(name)
        if not text:
            return default
        if not text.isdecimal() or not 1 <= int(text) <= most:
            refuse("invalid_limit" if name == "limit" else "invalid_arguments")
        return int(text)

    def parsed(self, name: str, otherwise: str) -> Any:  # noqa: ANN401 - whatever JSON holds; the caller checks it
        """Return an argument that is JSON: itself, or in a string. Refuses with `otherwise` when it is unreadable."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            refuse(otherwise)

    def object(self, name: str, otherwise: str = "invalid_arguments") -> Json:
        """Return an argument that has to be an object."""
        value = self.parsed(name, otherwise)
        if not is_object(value):
            refuse(otherwise, messages=[f"missing required field: {name}"])
        return value
