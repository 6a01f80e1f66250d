"""The tables of the package that hands out jobs are made by our own migrations."""

from importlib import resources

from handlers.store import job_tables
from handlers.store.upgrading import scripts


def test_our_migrations_apply_every_file_of_the_installed_package() -> None:
    """A newer package that brings tables of its own waits for a migration of ours that names its files."""
    installed = [file.name for file in resources.files(job_tables.FOLDER).iterdir() if file.name.endswith(".sql")]
    ours = [name for script in scripts().walk_revisions() for name in getattr(script.module, "PROCRASTINATE", ())]
    assert sorted(ours) == sorted(installed)
    assert len(installed) > 30
