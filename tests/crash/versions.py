"""A newer version of the product: a copy of its source with what a later release may well bring.

It has a column and a field that this version does not know, writes an event, an announcement, a job and an deferred of
new kinds with every request, and knows what to do with them. It runs as a process of its own, from its own folder.
"""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from .process import ROOT

REVISION: Final = "0002"
_COLUMNS: Final = """    sa.Column("colour", sa.String(16)),
    sa.Column("weight", sa.Integer, nullable=False, server_default="1"),
"""
_MIGRATION: Final = '''"""A column more."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("colour", sa.String(16)))
    op.add_column("requests", sa.Column("weight", sa.Integer, nullable=False, server_default="1"))
'''
_PAINTING: Final = """import sqlalchemy as sa

from handlers.store import tables as t


async def paint(store, request_id):
    async with store.transaction() as transaction:
        await transaction.requests._connection.execute(
            sa.update(t.requests).where(t.requests.c.id == request_id).values(colour="blue")
        )
"""
_ASKED: Final = """
    await transaction.outbox.announce(
        f"cheer:{request.id}", "cheer", route.approval_channel, request_id=request.id,
        thread_key=approval_key(request.id),
    )
    transaction.audit.record("cheered", "tines-sync", request.id, how="loudly")
    transaction.jobs.add(Job("paint", request.id))
    await transaction.deferred.add(f"frame-{request.id}", "frame", request.requester, {})
"""
_FRAMED: Final = """
    if deferred.kind == "frame":
        return await finish_deferred(responder.services, deferred, "framed", message=None)
"""
_EDITS: Final = (  # file, what stands there, what is put in its place
    ("handlers/store/migrate.py", 'REVISION: Final = "0001"', f'REVISION: Final = "{REVISION}"'),
    (
        "handlers/store/tables.py",
        '    sa.Column("note", sa.Text',
        f'{_COLUMNS}    sa.Column("note", sa.Text',
    ),
    (
        "handlers/models.py",
        "    tags: tuple[str, ...] = ()\n",
        '    tags: tuple[str, ...] = ()\n    rate_limit: str = "fast"\n',
    ),
    (
        "handlers/announcements.py",
        "APPROVAL, route.approval_channel, request_id=request.id)\n",
        f"APPROVAL, route.approval_channel, request_id=request.id)\n{_ASKED}",
    ),
    ("handlers/announcements.py", "from typing import", "from handlers.jobs import Job\nfrom typing import"),
    ("handlers/announcements.py", "KINDS: Final = frozenset({", 'KINDS: Final = frozenset({"cheer", '),
    (
        "bot/delivery/rendering.py",
        "        case announcements.APPROVAL:",
        '        case "cheer":\n            return [notice_message(f"Cheers for {request.id}")]\n        case announcements.APPROVAL:',
    ),
    (
        "bot/app.py",
        "DEFERRED: partial(finish, responder),",
        'DEFERRED: partial(finish, responder), "paint": partial(paint, store),',
    ),
    ("bot/app.py", "from handlers.catalogue", "from handlers.painting import paint\nfrom handlers.catalogue"),
    ("handlers/requests/deferred.py", "frozenset({SUBMIT", 'frozenset({"frame", SUBMIT'),
    (
        "bot/listeners/deferred.py",
        "    if deferred is None:\n        return\n",
        f"    if deferred is None:\n        return\n{_FRAMED}",
    ),
)


def newer_version(folder: Path) -> Path:
    """Write a newer version into a folder, and return its root."""
    root = folder / "newer"
    for name in ("bot", "handlers", "manifests"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "tests").symlink_to(ROOT / "tests")
    for name, there, then in _EDITS:
        file = root / name
        text = file.read_text()
        assert text.count(there) == 1, f"{name} does not hold {there!r} once"
        file.write_text(text.replace(there, then))
    (root / "handlers/store/migrations/versions/0002_more.py").write_text(_MIGRATION)
    (root / "handlers/painting.py").write_text(_PAINTING)
    return root


async def release(root: Path, database_url: str) -> str:
    """Run the release step of a version, and return what it says."""
    step = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "migrate"),
        cwd=root,
        env=os.environ | {"DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await step.communicate()
    assert step.returncode == 0, said.decode()
    return said.decode()
