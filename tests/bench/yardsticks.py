"""The yardsticks in Python, each a server of its own: `python -m tests.bench.yardsticks KIND`.

`bolt` is the app of Bolt's own documentation; `bolt-now` the same without the runner that looks for the
acknowledgement every 10 ms, and with one HTTP session for all calls; `starlette` an endpoint that only answers.
`/rows` of both apps acknowledges when three rows are committed: the least that a submission can cost.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
import uvicorn
from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.bench.wire import SIGNING_SECRET

_ROWS = sa.Table(
    "rows",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text),
    sa.Column("data", sa.JSON),
)
_DATA = {"reason": "Ready", "stories": [{"id": number, "name": f"Story {number}"} for number in range(3)]}


def database(url: str) -> AsyncEngine:
    """Open the database of the yardstick; on SQLite a commit is on the disk when it returns, as the bot's."""
    engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))

    @sa.event.listens_for(engine.sync_engine, "connect")
    def durable(connection: Any, _: Any) -> None:  # noqa: ANN401 - a DBAPI connection
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    return engine


async def add_rows(engine: AsyncEngine) -> None:
    """Insert three rows in one transaction."""
    async with engine.begin() as connection:
        for kind in ("request", "event", "announcement"):
            await connection.execute(sa.insert(_ROWS).values(kind=kind, data=_DATA))


async def add_table(engine: AsyncEngine) -> None:
    """Create the table of the rows."""
    async with engine.begin() as connection:
        await connection.run_sync(_ROWS.metadata.create_all)


def bolt(*, at_once: bool) -> AsyncApp:
    """Return the app of the documentation: `/bare` acknowledges, `/view` opens a view as well."""
    client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(signing_secret=SIGNING_SECRET, client=client, process_before_response=at_once)
    view = json.loads(Path(os.environ["BENCH_VIEW"]).read_text())
    engine = database(os.environ.get("DATABASE_URL", "sqlite://"))

    @app.command("/rows")
    async def rows(ack: AsyncAck) -> None:
        await add_rows(engine)
        await ack()

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
        if "DATABASE_URL" in os.environ:
            engine = database(os.environ["DATABASE_URL"])
            await add_table(engine)
            await engine.dispose()
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
