"""From the click on *Approve* to the create call, and from Tines's last answer to the status list in the thread.

Beside it a bare POST of httpx to the same tenant: the least that a call can cost.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx

from bot.views import ids
from tests.bench.load import asks
from tests.bench.product import approval, clicked, serving, submission
from tests.bench.report import Goal, Line
from tests.bench.settings import Plan
from tests.bench.stats import Spread, quantile
from tests.bench.stub import Outside, outside
from tests.bench.wire import Caller

_STORIES = 100
_PAUSE = 6.0  # seconds: the channel's rate is not to be what is measured
_READS: Final = 1.0  # seconds before the approver clicks; what a review compares meanwhile has lines of its own
_CREATE = "POST /api/v1/admin/sync_destinations"
_BARE: Final = "bare httpx POST to the tenant"
_TIMES: Final = 40  # bare POSTs: looks at both tenants, checks, three commits and Slack's answers are in it
_TIMES_P99: Final = 60


@dataclass(frozen=True, slots=True)
class _Went:
    """How one request went; seconds."""

    until_create: float
    until_list: float
    calls: int  # to Slack for the status list, after the last answer


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    went: list[list[_Went]] = []
    bare: list[list[float]] = []
    number = 0
    async with outside() as world:
        world.slack.keeps = True
        with serving(world, plan.folder, core=plan.server_core) as (_, url):
            for warm_or_round in range(plan.rounds + 1):
                each: list[_Went] = []
                for _ in range(1 if warm_or_round == 0 else plan.count(6)):
                    number += 1
                    await asyncio.sleep(_PAUSE)
                    caller = await Caller.to(url)
                    each.append(await _through(world, url, caller, number))
                    caller.close()
                if warm_or_round:
                    went.append(each)
                    bare.append(await _posts(world.dev_url, plan.count(200)))
    create, listed = "approve clicked, until the create leaves", "Tines's last answer, until the status list stands"
    posted = Spread.of(quantile(each, 0.5) * 1000 for each in bare)
    goal, goal_p99 = (Goal(times * posted.middle, "≤", f"{times} x {_BARE}, p50") for times in (_TIMES, _TIMES_P99))
    lines = [
        Line(_BARE, "p50", "ms", posted),
        Line(create, "p50", "ms", _quantiles(went, 0.5, "until_create"), goal, "idle, SQLite"),
        Line(create, "p99", "ms", _quantiles(went, 0.99, "until_create"), goal_p99, f"of {len(went[0])} a round"),
        Line(listed, "p50", "ms", _quantiles(went, 0.5, "until_list"), None, f"{_STORIES} stories"),
        Line(listed, "calls to Slack", "", _quantiles(went, 1.0, "calls", times=1), Goal(1), f"{_STORIES} stories"),
    ]
    return lines, []


def _quantiles(went: list[list[_Went]], share: float, field: str, *, times: float = 1000) -> Spread:
    return Spread.of(quantile([getattr(each, field) * times for each in some], share) for some in went)


async def _posts(url: str, count: int) -> list[float]:
    """Post to the tenant, one after the other on one connection; returns the seconds of each."""
    taken = []
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        for _ in range(count):
            begun = time.perf_counter()
            await client.post("/api/v1/admin/bare", json={"team_id": 1})
            taken.append(time.perf_counter() - begun)
    return taken


async def _through(world: Outside, url: str, caller: Caller, number: int) -> _Went:
    """Send one request through the whole flow."""
    slack, dev = world.slack, world.dev
    since = len(slack.calls)
    form = submission(number, stories=range(1, _STORIES + 1))
    await asks(url, lambda _: form, expects=b"is waiting for approval")(caller, 0)
    message = await slack.sees("chat.postMessage", "approval:TS-", since=since)
    button = _button(json.loads(message.form()["blocks"]))
    await asks(url, lambda _: clicked(ids.ACTION_REVIEW, button))(caller, 0)
    review = await slack.sees("views.update", '\\"submit\\"', since=since)
    metadata = json.loads(review.form()["view"])["private_metadata"]
    await asyncio.sleep(_READS)
    since = len(slack.calls)
    began = time.perf_counter()
    await asks(url, lambda _: approval(metadata), expects=b"clear")(caller, 0)
    while not (created := [call for call in dev.calls if call.method == _CREATE and call.at > began]):
        dev.posted.clear()
        await dev.posted.wait()
    request_id = json.loads(metadata)["request"]
    await slack.sees("chat.update", f"statuses:{request_id}", since=since)  # to what Tines last told
    await slack.sees("chat.postMessage", '"D', since=since)  # the direct message may be later
    ended = dev.shown[len(dev.destinations)]
    calls = [call for call in slack.calls[since:] if call.at > ended and f"statuses:{request_id}" in call.key()]
    return _Went(created[0].at - began, calls[-1].at - ended, len(calls))


def _button(blocks: list[dict[str, Any]]) -> str:
    values = [
        str(element["value"])
        for block in blocks
        for element in block.get("elements", ())
        if element.get("action_id") == ids.ACTION_REVIEW
    ]
    return values[0]
