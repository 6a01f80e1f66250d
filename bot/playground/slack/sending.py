"""Sending to the app over HTTP: signed, in the form that each kind of request has, and with three seconds to answer.

See https://docs.slack.dev/authentication/verifying-requests-from-slack.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

import httpx
from slack_sdk.signature import SignatureVerifier

from bot.playground.slack.blocks.checks import is_object
from bot.playground.slack.delivery import ANSWER_SECONDS, AppAnswer, DeliveryError, Parcel, ParcelKind
from bot.playground.slack.installation import AppInstall
from bot.playground.slack.shapes import Json

_FORM: Final = "application/x-www-form-urlencoded"
_OK: Final = 200


def signed_headers(secret: str, body: str, timestamp: int) -> dict[str, str]:
    """Return the headers that prove a body to be Slack's. `timestamp` is in seconds since the epoch."""
    signature = SignatureVerifier(secret).generate_signature(timestamp=str(timestamp), body=body)
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": str(signature)}


def body_of(parcel: Parcel) -> tuple[str, str]:
    """Return a parcel's body over HTTP and its content type."""
    match parcel.kind:
        case ParcelKind.COMMAND:
            return urlencode(parcel.payload), _FORM
        case ParcelKind.INTERACTIVE:
            return urlencode({"payload": json.dumps(parcel.payload, ensure_ascii=False)}), _FORM
        case ParcelKind.EVENT:
            return json.dumps(parcel.payload, ensure_ascii=False), "application/json"


class HttpCourier:
    """Posts parcels to the app's request URL."""

    def __init__(
        self,
        app: AppInstall,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
        *,
        answer_within: float = ANSWER_SECONDS,
    ) -> None:
        self._app = app
        self._client = client
        self._clock = clock
        self._answer_within = answer_within

    async def deliver(self, parcel: Parcel) -> AppAnswer:
        """Post a parcel, signed. Raises `DeliveryError`."""
        body, content_type = body_of(parcel)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= signed_headers(self._app.signing_secret, body, int(self._clock()))
        if parcel.retry:
            headers |= {"X-Slack-Retry-Num": str(parcel.retry), "X-Slack-Retry-Reason": parcel.retry_reason}
        if self._app.request_url is None:
            cause = "the app has no request URL"
            raise DeliveryError(cause)
        try:
            async with asyncio.timeout(self._answer_within):
                response = await self._client.post(self._app.request_url, content=body.encode(), headers=headers)
        except TimeoutError:
            cause = f"no answer within {self._answer_within:g} s"
            raise DeliveryError(cause, timed_out=True) from None
        except httpx.HTTPError as error:
            cause = f"the app could not be reached: {error!r}"
            raise DeliveryError(cause) from error
        return AppAnswer(_read(response, parcel), response.status_code)


def _read(response: httpx.Response, parcel: Parcel) -> Json:
    """Return the body of an answer: JSON, or text, which Slack takes from commands only."""
    if response.status_code != _OK:
        cause = f"the app answered {response.status_code}"
        raise DeliveryError(cause, status=response.status_code)
    text = response.text
    if not text.strip() or parcel.kind is ParcelKind.EVENT:
        return {}
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if is_object(body):
        return body
    if parcel.kind is ParcelKind.COMMAND:
        return {"text": text}
    cause = "the app's answer is not a JSON object"
    raise DeliveryError(cause, status=_OK)
