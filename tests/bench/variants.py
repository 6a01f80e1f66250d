"""Starting the servers that the bot is compared with."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.operations.create_form import CreateFormState
from bot.operations.create_form import view as view_of
from bot.views.presentation import RouteChoice
from tests.bench.cores import Process
from tests.bench.product import environment, free_port
from tests.bench.settings import Plan
from tests.bench.stub import Outside


def form_view(folder: Path) -> Path:
    """Write the form that every variant opens, as JSON, and return where."""
    path = folder / "view.json"
    path.write_text(json.dumps(view_of(CreateFormState(routes=(RouteChoice("dev-to-prod", "dev", "prod"),)))))
    return path


@contextmanager
def server(command: list[str], name: str, world: Outside, plan: Plan, **more: str) -> Iterator[tuple[Process, str]]:
    """Run a server; yields its process and URL when it listens."""
    port = free_port()
    env = environment(world.slack_url, port) | {"BENCH_VIEW": str(form_view(plan.folder)), **more}
    with Process(command, core=plan.server_core, env=env, log=plan.folder / f"{name}.log") as process:
        process.wait_for_port(port)
        yield process, f"http://127.0.0.1:{port}"


@contextmanager
def yardstick(kind: str, world: Outside, plan: Plan, **more: str) -> Iterator[tuple[Process, str]]:
    """Run one of the yardsticks in Python; yields its process and URL when it listens."""
    with server([sys.executable, "-m", "tests.bench.yardsticks", kind], kind, world, plan, **more) as running:
        yield running
