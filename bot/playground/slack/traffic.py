"""The record of every request and answer between Slack and the app, with Slack's own secrets masked.

A page shows it, a test counts calls in it, and a scan searches it for what must never travel. Only Slack's tokens and
signing secret are masked: any other secret in it got there by a leak, and has to be seen.
"""

import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.playground.slack.pubsub import Hub, Subscription
from bot.playground.slack.shapes import Json

_MASK = "•••"


class Direction(StrEnum):
    """Who asked whom."""

    TO_SLACK = "to_slack"  # the app called a Web API method, a response URL, an upload URL
    TO_APP = "to_app"  # Slack sent a command, an interaction, an options request or an event


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its answer."""

    seq: int  # grows by one with each exchange
    at: float  # seconds since the epoch when the request came, by the local Slack's clock
    direction: Direction
    name: str  # the method ("chat.postMessage"), "response_url", or what Slack sent ("/tines-sync", "block_actions")
    request: Json
    answer: Json
    status: int  # HTTP status, 0 when there was no answer
    seconds: float
    note: str = ""  # the fault that was injected, or why there was no answer


class Traffic:
    """Keeps the latest exchanges, at most `keep` of them (None: all), and hands new ones to whoever listens."""

    def __init__(self, secrets: Callable[[], tuple[str, ...]], *, keep: int | None = 20_000) -> None:
        self._secrets = secrets  # asked each time: a token may be exchanged for a new one
        self._hub: Hub[Exchange] = Hub()
        self._kept: deque[Exchange] = deque(maxlen=keep)
        self._seq = itertools.count(1)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def calls(self, name: str) -> tuple[Exchange, ...]:
        """Return the exchanges of that name, oldest first."""
        return tuple(exchange for exchange in self._kept if exchange.name == name)

    def subscribe(self) -> Subscription[Exchange]:
        """Listen from now on."""
        return self._hub.subscribe()

    def record(
        self,
        direction: Direction,
        name: str,
        *,
        request: Json,
        answer: Json,
        status: int,
        at: float,
        seconds: float,
        note: str = "",
    ) -> None:
        """Keep one exchange and tell whoever listens."""
        exchange = Exchange(
            seq=next(self._seq),
            at=at,
            direction=direction,
            name=name,
            request=self._masked(request),
            answer=self._masked(answer),
            status=status,
            seconds=seconds,
            note=note,
        )
        self._kept.append(exchange)
        self._hub.publish(exchange)

    def close(self) -> None:
        """End every subscription."""
        self._hub.close()

    def _masked(self, body: Json) -> Json:
        text = json.dumps(body, ensure_ascii=False)
        for secret in self._secrets():
            quoted = json.dumps(secret, ensure_ascii=False)[1:-1]
            if quoted:
                text = text.replace(quoted, _MASK)
        copy: Json = json.loads(text)
        return copy
