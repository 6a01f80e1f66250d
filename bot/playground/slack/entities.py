"""Slack's habit of sending texts back with `&`, `<` and `>` as entities.

Slack does so in some payloads and not in others, and documents neither (https://github.com/slackapi/bolt-python/issues/513):
an app that shows such a text again must neither show "&amp;amp;" nor make it live. `Workspace.sends_entities` switches
it on for every text that the app itself sent and for what stands after a command; what people type into fields comes
as typed in any case.
"""

import dataclasses
from typing import Any

from bot.playground.slack.blocks.checks import is_object
from bot.playground.slack.delivery import Parcel, ParcelKind


def with_entities(parcel: Parcel) -> Parcel:
    """Return the parcel as Slack sends it when it escapes texts."""
    if parcel.kind is ParcelKind.COMMAND:
        return dataclasses.replace(parcel, payload=parcel.payload | {"text": _escaped(parcel.payload["text"])})
    return dataclasses.replace(parcel, payload=_in_texts(parcel.payload))


def _in_texts(value: Any) -> Any:  # noqa: ANN401 - walks whatever JSON holds
    if isinstance(value, list):
        return [_in_texts(item) for item in value]
    if not is_object(value):
        return value
    if value.get("type") == "plain_text" and isinstance(value.get("text"), str):
        return value | {"text": _escaped(value["text"])}
    return {key: _in_texts(inner) for key, inner in value.items()}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
