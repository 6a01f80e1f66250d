"""Alembic, and what only it can do: bring a database to this version's tables.

A module of its own because most starts find the tables as they should be, and Alembic with its template engine costs
a tenth of a second and 7 MB.
"""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def known_revisions() -> frozenset[str]:
    """Return every revision that this version knows."""
    return frozenset(script.revision for script in scripts().walk_revisions())


def head() -> str | None:
    """Return the newest revision."""
    return scripts().get_current_head()


def scripts() -> ScriptDirectory:
    """Return the migrations."""
    return ScriptDirectory.from_config(_config())


def upgrade(connection: sa.Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "handlers.store:migrations")
    return config
