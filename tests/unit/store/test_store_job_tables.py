"""The tables of the package that hands out jobs are made by our own migrations."""

from handlers.store import job_tables
from handlers.store.upgrading import scripts


def test_our_migrations_apply_every_file_of_the_installed_package() -> None:
    """A newer package that brings tables of its own waits for a migration of ours that names its files."""
    ours = [name for script in scripts().walk_revisions() for name in getattr(script.module, "PROCRASTINATE", ())]
    assert sorted(ours) == list(job_tables.installed())
