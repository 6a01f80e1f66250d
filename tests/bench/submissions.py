"""The form submitted: validated from the catalogue, committed on SQLite, acknowledged."""

from tests.bench.load import asks, flat_out, one_by_one, opens, steadily
from tests.bench.product import serving, submission
from tests.bench.report import Goal, Line
from tests.bench.settings import Plan
from tests.bench.stats import Spread, quantile
from tests.bench.stub import outside

_WHAT = "form submitted, checked and committed"


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    numbers = iter(range(10**9))
    p50: list[float] = []
    p99: list[float] = []
    rate: list[float] = []
    cpu: list[float] = []
    async with outside() as world:
        with serving(world, plan.folder, core=plan.server_core) as (process, url):
            shot = asks(url, lambda _: submission(next(numbers) % 200), expects=b"is waiting for approval")
            form = opens(url, world.slack, "/tines-sync")
            await one_by_one(url, form, 3)
            await one_by_one(url, shot, 250)  # everybody who asks is known then
            for _ in range(plan.rounds):
                await one_by_one(url, form, 3)  # as before every submission: it has the catalogue kept fresh
                alone = await one_by_one(url, shot, plan.count(200))
                p50.append(quantile(alone, 0.5) * 1000)
                steady = await steadily(url, shot, per_second=50, seconds=plan.seconds)
                p99.append(quantile(steady, 0.99) * 1000)
                before = process.cpu()
                burst = await flat_out(url, shot, seconds=plan.seconds)
                rate.append(burst.per_second)
                cpu.append((process.cpu() - before) / burst.count * 1000)
    announced = "with the announcements of what came before being delivered meanwhile"
    return [
        Line(_WHAT, "p50, one connection", "ms", Spread.of(p50), Goal(5)),
        Line(_WHAT, "p99 at 50/s", "ms", Spread.of(p99), Goal(25), announced),
        Line(_WHAT, "submissions", "/s", Spread.of(rate, more_is_better=True), Goal(300, "≥"), announced),
        Line(_WHAT, "CPU a submission", "ms", Spread.of(cpu), None, "delivery of its announcements included"),
    ], []
