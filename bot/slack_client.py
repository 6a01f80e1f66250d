"""Slack's Web API client as the bot uses it: one shared session, no retries of its own, every call counted.

The library's own retry can post a message twice, and a session of its own for each call costs a connection each. Both
are switched off here, once, so that no part of the bot can forget it. What is sent as JSON, as views and messages
are, goes to the session directly: a person waits for the form while it is written.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import aiohttp
import orjson
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook import WebhookResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.views.contact import ADMIN, with_contact
from handlers.network import Network, egress_for

_ONLY_JSON: Final = frozenset({"json"})

_CONNECT_SECONDS: Final = 5.0

C = TypeVar("C", AsyncWebClient, AsyncWebhookClient)
Observe = Callable[[str, str, float], None]


class SlackClient(AsyncWebClient):
    """The client. `observe(method, outcome, seconds)` is called once for each call of a method, such as "views.open".

    `contact` is whom people are told to ask.
    """

    def __init__(
        self,
        *,
        token: str,
        base_url: str,
        session: aiohttp.ClientSession,
        observe: Observe,
        network: Network | None = None,
        contact: str = "",
    ) -> None:
        super().__init__(token=token, base_url=base_url, session=session, retry_handlers=[])
        self._network = network or Network()
        go_through(self, base_url, self._network)
        self._observe = observe
        self._contact = contact
        self.scopes: frozenset[str] = (
            frozenset()
        )  # that the token has, as Slack said last; none before its first answer
        self._shared = session
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json;charset=utf-8"}

    async def api_call(self, api_method: str, **options: Any) -> AsyncSlackResponse:  # noqa: ANN401 - passed on as they are
        """Call a method, and tell how it went."""
        begun, outcome = time.perf_counter(), "ok"
        try:
            if options.keys() == _ONLY_JSON:
                return await self._post(api_method, options["json"])
            return await super().api_call(api_method, **options)
        except SlackApiError as error:
            outcome = error_code(error)
            raise
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            self._observe(api_method, outcome, time.perf_counter() - begun)

    async def upload(self, name: str, content: bytes, *, channel: str, thread_ts: str) -> None:
        """Put a diff as a file into a thread. Raises as every call does."""
        ready = await self.files_getUploadURLExternal(filename=name, length=len(content), snippet_type="diff")
        async with self._shared.post(str(ready["upload_url"]), data=content, proxy=self.proxy) as answer:
            answer.raise_for_status()
        files = [{"id": ready["file_id"], "title": name}]
        await self.files_completeUploadExternal(files=files, channel_id=channel, thread_ts=thread_ts)

    def hook(self, url: str) -> AsyncWebhookClient:
        """Return what posts to a response URL, through the same session."""
        return go_through(_Hook(url, session=self._shared, contact=self._contact), url, self._network)

    async def _post(self, method: str, arguments: Mapping[str, Any]) -> AsyncSlackResponse:
        """Call a method with JSON; an answer that is none counts as an empty one, which is an error."""
        url = f"{self.base_url}{method}"
        content = packed(arguments)
        if ADMIN.encode() in content:
            content = packed(with_contact(dict(arguments), self._contact))
        async with self._shared.post(url, data=content, headers=self._headers, proxy=self.proxy) as answer:
            read = await answer.read()
            if told := answer.headers.get("x-oauth-scopes"):
                self.scopes = frozenset(scope.strip() for scope in told.split(","))
            try:
                data = orjson.loads(read)
            except ValueError:
                data = {}
        response: AsyncSlackResponse = AsyncSlackResponse(
            client=self,
            http_verb="POST",
            api_url=url,
            req_args={},
            data=data if isinstance(data, dict) else {},
            headers=answer.headers,  # type: ignore[arg-type]  # as slack_sdk does: names in any case
            status_code=answer.status,
        ).validate()
        return response


class _Hook(AsyncWebhookClient):
    """Posts to a response URL, naming the contact as the client does."""

    def __init__(self, url: str, *, session: aiohttp.ClientSession, contact: str) -> None:
        super().__init__(url, session=session)
        self._contact = contact

    async def send_dict(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> WebhookResponse:
        """Post, as `AsyncWebhookClient` does."""
        return await super().send_dict(with_contact(body, self._contact), headers)


def session(base_url: str, network: Network, *, timeout: float) -> aiohttp.ClientSession:
    """Return the one session for all calls to Slack, each of which takes at most `timeout` seconds.

    Raises `handlers.network.NetworkError`. Reads files.
    """
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(ssl=egress_for(base_url, network).ssl_context()),
    )


def go_through(client: C, url: str, network: Network) -> C:
    """Make a client of the library go where the settings say: by itself, it does not know NO_PROXY."""
    client.proxy = egress_for(url, network).proxy_url
    return client


def packed(arguments: Mapping[str, Any]) -> bytes:
    """Return JSON for Slack, many times as fast as the standard library's."""
    try:
        return orjson.dumps(arguments)
    except TypeError:  # half a surrogate pair, which somebody typed or Tines sent: JSON can say it, UTF-8 cannot
        return json.dumps(arguments).encode()


def error_code(error: SlackApiError) -> str:
    """Return Slack's own code of an error, or the HTTP status where the answer had none."""
    data = getattr(error.response, "data", error.response)
    code = data.get("error") if isinstance(data, dict) else None
    return str(code or f"HTTP {getattr(error.response, 'status_code', '')}".strip())
