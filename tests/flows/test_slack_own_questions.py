import json
from urllib.parse import urlencode

import httpx
import pytest

from .harness import FlowHarness
from .test_bad_input_http import FORM, HELP, post, signed

CHECK = urlencode({"token": "of-long-ago", "ssl_check": "1"}).encode()


async def test_a_check_of_the_certificate_is_answered_and_recorded_as_nothing(harness: FlowHarness) -> None:
    """Slack asks unsigned whether the certificate works: it reads yes, and nothing else happens."""
    before = len(await harness.events())
    assert (await post(harness, CHECK, {"Content-Type": FORM})).status_code == 200
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{harness.playground.bot_url}/slack/events"
        assert (await client.get(url, params={"ssl_check": "1"})).status_code == 200
    assert len(await harness.events()) == before


@pytest.mark.parametrize(
    "form", [b"ssl_check=0", b"ssl_check=1&command=%2Ftines-sync&text=help", b"ssl_check=1&payload={}"]
)
async def test_what_only_pretends_to_be_such_a_check_needs_a_signature(harness: FlowHarness, form: bytes) -> None:
    """A command that says that it is a check as well is not let in by that."""
    assert (await post(harness, form, {"Content-Type": FORM})).status_code == 401


async def test_the_news_that_slack_leaves_events_out_is_heard(harness: FlowHarness) -> None:
    """`app_rate_limited` is answered, so that Slack does not send it again, and is no refusal in the record."""
    before = len(await harness.events())
    body = json.dumps({"type": "app_rate_limited", "team_id": "T0LOCAL", "minute_rate_limited": 1}).encode()
    assert (await post(harness, body, signed(harness, body, kind="application/json"))).status_code == 200
    assert len(await harness.events()) == before


async def test_a_slash_at_the_end_of_the_address_does_no_harm(harness: FlowHarness) -> None:
    """Whoever typed the request URL with a slash at its end is served."""
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{harness.playground.bot_url}/slack/events/"
        answer = await client.post(url, content=HELP, headers=signed(harness, HELP))
    assert answer.status_code == 200
    assert "/tines-sync" in answer.text
