import json
import time
from urllib.parse import urlencode

import httpx
import pytest

from bot.playground.slack.sending import signed_headers
from bot.web import MOST_BYTES

from .office import Office

FORM = "application/x-www-form-urlencoded"
HELP = urlencode({"command": "/tines-sync", "text": "help", "user_id": "U0RINA", "channel_id": "C0GENERAL"}).encode()


async def post(office: Office, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """Send the bot anything at all."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{office.stage.bot_url}/slack/events", content=body, headers=headers)


def signed(office: Office, body: bytes, *, at: float | None = None, kind: str = FORM) -> dict[str, str]:
    """Return headers as Slack would send them, at another time if one is given."""
    secret = office.stage.slack.app.signing_secret
    return {"Content-Type": kind, **signed_headers(secret, body.decode(), int(at or time.time()))}


async def test_a_signed_request_is_answered(office: Office) -> None:
    """The requests of this file differ from a good one in one thing only: this is the good one."""
    answer = await post(office, HELP, signed(office, HELP))
    assert answer.status_code == 200
    assert "/tines-sync" in answer.text


@pytest.mark.parametrize("missing", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
async def test_an_unsigned_request_is_refused(office: Office, missing: str) -> None:
    """Without signature or time nothing is done, and nothing is told about why."""
    headers = signed(office, HELP)
    del headers[missing]
    answer = await post(office, HELP, headers)
    assert answer.status_code == 401
    assert "help" not in answer.text


async def test_a_signature_of_another_body_is_refused(office: Office) -> None:
    """A body that was changed on its way does not fit its signature."""
    answer = await post(office, HELP.replace(b"help", b"list"), signed(office, HELP))
    assert answer.status_code == 401


@pytest.mark.parametrize("age", [-600, 600])
async def test_a_stale_request_is_refused(office: Office, age: int) -> None:
    """A request of ten minutes ago, or from the future, is a replay."""
    assert (await post(office, HELP, signed(office, HELP, at=time.time() - age))).status_code == 401


async def test_an_oversized_request_is_refused(office: Office) -> None:
    """More than Slack ever sends is not even read to its end."""
    body = HELP + b"&x=" + b"a" * MOST_BYTES
    assert (await post(office, body, signed(office, body))).status_code == 413


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", FORM),
        (b"payload=%7Bnot+json", FORM),
        (b"payload=[]", FORM),
        (b"payload=null", FORM),
        (b"payload=%7B%7D", FORM),
        (b"[" * 5000, "application/json"),
        (b'{"type": "event_callback", "event": 5}', "application/json"),
        (b'{"type": "block_actions", "actions": {}}', "application/json"),
    ],
)
async def test_a_malformed_request_is_refused(office: Office, body: bytes, kind: str) -> None:
    """Whatever is signed and still no request of Slack gets a 4xx, never a 5xx."""
    answer = await post(office, body, signed(office, body, kind=kind))
    assert 400 <= answer.status_code < 500


async def test_health_figures_and_readiness_are_told(office: Office) -> None:
    """A running service is alive and ready, and says how it does; a revoked token makes it not ready."""
    async with httpx.AsyncClient(trust_env=False, base_url=office.stage.bot_url) as client:
        office.stage.slack.revoke_token()
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert "token" in answer.text
        office.stage.slack.restore_token()
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/healthz")).text == "alive\n"
        await office.asks()
        assert "tines_sync" in (await client.get("/metrics")).text


async def test_a_url_verification_is_no_way_in(office: Office) -> None:
    """An event that the app does not know is acknowledged or refused, and changes nothing."""
    body = json.dumps({"type": "event_callback", "event": {"type": "reaction_added"}}).encode()
    answer = await post(office, body, signed(office, body, kind="application/json"))
    assert answer.status_code < 500
    assert await office.kinds() == []
