"""Questions and answers on the wire, apart from any web framework: so that the tenant's rules stay plain functions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from starlette.datastructures import QueryParams

from bot.playground.tines.records import Key
from bot.playground.tines.switches import ErrorShape

JSON = "application/json"


class RefusalError(Exception):
    """The tenant says no: the HTTP status, and its words."""

    def __init__(self, status: int, message: str, details: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details


@dataclass(frozen=True)
class Ask:
    """An authenticated call."""

    url: str  # absolute, without the query, for the page links
    key: Key
    ids: Mapping[str, int] = field(default_factory=dict)  # from the path
    query: QueryParams = field(default_factory=QueryParams)
    body: object = None  # parsed JSON; None when there was none


@dataclass(frozen=True)
class Reply:
    """An answer, ready to be sent."""

    status: int
    body: bytes = b""
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def reply(content: object, status: int = 200) -> Reply:
    """Answer with JSON."""
    return Reply(status, json.dumps(content, ensure_ascii=False).encode(), JSON)


def refusal(
    shape: ErrorShape,
    status: int,
    message: str,
    *,
    details: str | None = None,
    retry_after: float | None = None,
) -> Reply:
    """Answer with an error in one of the shapes that were observed."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    if shape is ErrorShape.TEXT:
        return Reply(status, message.encode(), "text/plain", headers)
    if shape is ErrorShape.HTML:
        page = f"<html><head><title>{status} {escape(message)}</title></head><body><h1>{escape(message)}</h1></body></html>"
        return Reply(status, page.encode(), "text/html", headers)
    if shape is ErrorShape.EMPTY:
        return Reply(status, b"", None, headers)
    listed = [{"message": message, "details": details}]
    content: object = {shape.value: message}
    if shape is ErrorShape.ERRORS:
        content = {"errors": listed}
    elif shape is ErrorShape.BARE_LIST:
        content = listed
    return Reply(status, json.dumps(content, ensure_ascii=False).encode(), JSON, headers)
