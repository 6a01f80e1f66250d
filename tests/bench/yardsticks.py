"""The yardsticks in Python, each a server of its own: `python -m tests.bench.yardsticks bolt|bolt-now|starlette`.

`bolt` is the app of Bolt's own documentation; `bolt-now` the same without the runner that looks for the
acknowledgement every 10 ms, and with one HTTP session for all calls; `starlette` an endpoint that only answers.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.bench.wire import SIGNING_SECRET


def bolt(*, at_once: bool) -> AsyncApp:
    """Return the app of the documentation: `/bare` acknowledges, `/view` opens a view as well."""
    client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(signing_secret=SIGNING_SECRET, client=client, process_before_response=at_once)
    view = json.loads(Path(os.environ["BENCH_VIEW"]).read_text())

    @app.command("/bare")
    async def bare(ack: AsyncAck) -> None:
        await ack()

    @app.command("/view")
    async def with_view(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    return app


def serve_bolt(port: int, *, at_once: bool) -> None:
    """Serve it as `AsyncApp.start` does, on aiohttp."""
    app = bolt(at_once=at_once)
    served = app.web_app(path="/slack/events")

    async def started(_: web.Application) -> None:
        if at_once:
            app.client.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        sys.stdout.write("ready\n")
        sys.stdout.flush()

    served.on_startup.append(started)
    web.run_app(served, host="127.0.0.1", port=port, print=None, access_log=None)


def serve_starlette(port: int) -> None:
    """Serve an endpoint that reads the body and answers."""

    async def events(request: Request) -> Response:
        await request.body()
        return PlainTextResponse("")

    async def started(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - an ASGI app
        await app(scope, receive, send)

    app = Starlette(routes=[Route("/slack/events", events, methods=["POST"])])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    uvicorn.run(started, host="127.0.0.1", port=port, log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    chosen, listens = sys.argv[1], int(os.environ["PORT"])
    if chosen == "starlette":
        serve_starlette(listens)
    else:
        serve_bolt(listens, at_once=chosen == "bolt-now")
