"""What the bot sends to Slack as JSON arrives as it is, and an answer that is none is told as an error of Slack."""

import json

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.errors import SlackApiError

from bot.slack_client import SlackClient, error_code


async def _call(answer: web.Response, text: str) -> tuple[list[tuple[str, str, bytes]], list[tuple[str, str]], object]:
    """Open a view on a server that answers so; returns what it got, what was counted, and what came of it."""
    got: list[tuple[str, str, bytes]] = []
    counted: list[tuple[str, str]] = []

    async def answering(request: web.Request) -> web.Response:
        got.append((request.path, request.headers["Authorization"], await request.read()))
        return answer

    app = web.Application()
    app.router.add_post("/api/{method}", answering)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        client = SlackClient(
            token="xoxb-made-up",
            base_url=str(server.make_url("/api/")),
            session=session,
            observe=lambda method, outcome, _: counted.append((method, outcome)),
        )
        try:
            came: object = (await client.views_open(trigger_id="1.x", view={"title": text})).data
        except SlackApiError as error:
            came = error
    return got, counted, came


@pytest.mark.parametrize("text", ["plain", 'quotes " and \\', "Ünïcode 🚀", "half a pair \ud83d", "null \x00"])
async def test_text_arrives_as_it_is(text: str) -> None:
    """Whatever characters a view holds, Slack reads them as they were."""
    got, counted, came = await _call(web.json_response({"ok": True, "view": {"id": "V1"}}), text)
    [(path, authorization, body)] = got
    assert (path, authorization) == ("/api/views.open", "Bearer xoxb-made-up")
    assert json.loads(body) == {"trigger_id": "1.x", "view": {"title": text}}
    assert counted == [("views.open", "ok")]
    assert came == {"ok": True, "view": {"id": "V1"}}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (web.json_response({"ok": False, "error": "expired_trigger_id"}), "expired_trigger_id"),
        (web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html"), "HTTP 502"),
        (web.Response(status=200, text="fine", content_type="text/plain"), "HTTP 200"),
        (web.Response(status=200, text="[1]", content_type="application/json"), "HTTP 200"),
        (web.Response(status=503, body=b""), "HTTP 503"),
    ],
)
async def test_an_answer_that_is_no_success_is_an_error_with_its_code(answer: web.Response, code: str) -> None:
    """Slack's code where it gave one, else the HTTP status; counted as what it was."""
    _, counted, came = await _call(answer, "x")
    assert isinstance(came, SlackApiError)
    assert error_code(came) == code
    assert counted == [("views.open", code)]


async def test_how_long_to_wait_can_be_read_in_any_case_of_its_name() -> None:
    """A proxy may write the header's name in small letters."""
    limited = web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"retry-after": "7"})
    _, _, came = await _call(limited, "x")
    assert isinstance(came, SlackApiError)
    assert came.response.status_code == 429
    assert came.response.headers.get("Retry-After") == "7"
