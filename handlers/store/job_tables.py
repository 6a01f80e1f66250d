"""The tables of procrastinate, which hands out jobs on PostgreSQL: made by our migrations from the package's own files.

Each of our migrations names the package's files that it applies. A test compares the names with the files of the installed
package, so that a newer one cannot be used before a migration of ours has brought its tables.
"""

from collections.abc import Iterable
from importlib import resources
from typing import Final

import sqlalchemy as sa

FOLDER: Final = "procrastinate.sql.migrations"
"""Where the package keeps the files."""


def apply(connection: sa.Connection, names: Iterable[str]) -> None:
    """Run files of the package, on PostgreSQL; elsewhere do nothing."""
    if connection.dialect.name != "postgresql":
        return
    folder = resources.files(FOLDER)
    cursor = connection.connection.cursor()  # the driver's own: a file holds many statements, and none has parameters
    for name in names:
        cursor.execute(folder.joinpath(name).read_text(encoding="utf-8"))
    cursor.close()
