"""DATABASE_URL as hosts give it: what is understood, what is refused in one line, and what never gets into the words."""

import asyncio
import secrets
from contextlib import closing

import psycopg
import pytest
import sqlalchemy as sa

from bot.check.database import check_database
from bot.settings import ConfigurationError, load_database_url
from handlers.store import DatabaseUrlError, SchemaError, check_schema, migrate
from handlers.store._postgres import OPTIONS, connect_arguments
from handlers.store.database import open_engine, parse_url

from .harness import StoreHarness, a_request
from .pooler import pooled


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        ("postgresql://u:p@h/d", {"host": "h", "user": "u", "password": "p", "dbname": "d"}),
        ("postgres://u:p@h:5433/d?sslmode=require", {"host": "h", "port": 5433, "sslmode": "require"}),
        ("postgresql://u:p%40%2F%23@h/d", {"password": "p@/#"}),
        ("postgresql://u:a:b@h/d", {"password": "a:b"}),
        ("postgresql://h1:5433,h2/d?target_session_attrs=read-write", {"host": "h1,h2", "port": "5433,5432"}),
        ("postgresql://u@%2Fvar%2Frun%2Fpostgresql/d", {"host": "/var/run/postgresql", "user": "u"}),
        ("postgresql:///d?host=/var/run/postgresql", {"host": "/var/run/postgresql", "dbname": "d"}),
        ("postgresql://[::1]:5433/d", {"host": "::1", "port": 5433}),
        ("postgresql://u@h/d?options=-c%20search_path%3Dapp", {"options": f"{OPTIONS} -c search_path=app"}),
        ("postgresql://u@h/d?options=endpoint%3Dep-cool-1", {"options": f"{OPTIONS} endpoint=ep-cool-1"}),
        ("postgresql://u@h/d?sslcert=a@b", {"sslcert": "a@b", "options": OPTIONS}),
    ],
)
def test_what_hosts_give(url: str, arguments: dict[str, object]) -> None:
    """Each part of a URL arrives at the driver, with this program's own options beside those of the URL."""
    found = connect_arguments(parse_url(url))
    assert {name: found.get(name) for name in arguments} == arguments
    assert found["client_encoding"] == "utf8"


@pytest.mark.parametrize(
    ("url", "problem", "expected"),
    [
        ("mysql://u:t0ps3cret@h/d", "is not a database the bot can use: mysql is not supported", "postgresql://"),
        ("postgresql://u:t0p@s3cret@h/d", "probably in the password", "@ as %40"),
        ("postgresql://u:t0p/s3cret@h/d", "probably in the password", "/ as %2F"),
        ("postgresql://u:t0p#s3cret@h/d", "probably in the password", "# as %23"),
        ("postgresql://u:t0p?s3cret@h/d", "probably in the password", "? as %3F"),
        ("postgresql://u:t0p%s3cret@h/d", "probably in the password", "% as %25"),
        ("postgresql://u:12?s3cret@h/d", "probably in the password", "? as %3F"),
        ("postgresql://u:t0ps3cret@h:port/d", "has a port that is no number", "from 1 to 65535"),
        ("postgresql://u:t0ps3cret@h:0/d", "has a port that is no number", "from 1 to 65535"),
        ("postgresql://u:t0ps3cret@h:65536/d", "has a port that is no number", "from 1 to 65535"),
        ("postgresql://u:t0ps3cret@h1:1,h2:x/d", "has a port that is no number", "from 1 to 65535"),
        ("postgresql://u:t0ps3cret@[::1/d", "has a port that is no number", "from 1 to 65535"),
        ("postgresql+psycopg://u:t0ps3cret@h/d", "names a driver", "postgresql://"),
        ("postgresql+asyncpg://u:t0ps3cret@h/d", "names a driver", "postgresql://"),
        ("sqlite+aiosqlite:///x.sqlite", "names a driver", "sqlite://"),
        ("tines-sync.sqlite", "is a path, not a URL", "sqlite:///tines-sync.sqlite"),
        ("/var/lib/bot.sqlite", "is a path, not a URL", "sqlite:////var/lib/bot.sqlite"),
        ("u:t0ps3cret@h/d", "is not a URL", "postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("sqlite://x.sqlite", "has two slashes before the file", "sqlite:///x.sqlite"),
        ("sqlite://", "must be a file", "sqlite:///FILE"),
        ("sqlite:///:memory:", "must be a file", "sqlite:///FILE"),
        ("sqlite:///~/x.sqlite", "starts with ~", "full path"),
        ('"postgresql://u:t0ps3cret@h/d"', "stands in quotes", "without"),
    ],
)
def test_what_is_refused(url: str, problem: str, expected: str) -> None:
    """A URL that cannot be meant so is refused with what to type, and without a word of the password."""
    with pytest.raises(ConfigurationError) as caught:
        load_database_url({"DATABASE_URL": url})
    (fault,) = caught.value.faults
    assert fault.where == "DATABASE_URL"
    assert problem in fault.problem
    assert expected in fault.expected
    shown = f"{fault.problem} {fault.expected} {caught.value}"
    assert "s3cret" not in shown
    assert "t0p" not in shown


def test_a_url_that_no_setting_read_is_refused_in_the_same_words() -> None:
    """Whoever opens the database directly reads the same, as one sentence."""
    with pytest.raises(DatabaseUrlError, match="DATABASE_URL has a port that is no number: expected a number"):
        parse_url("postgresql://u:t0ps3cret@h:port/d")


@pytest.mark.parametrize("overlooks", [False, True], ids=["refuses options", "overlooks options"])
async def test_a_pooler_in_transaction_mode(prepared_postgres: str, *, overlooks: bool) -> None:
    """Behind PgBouncer the store works: nothing that it refuses is sent, and no statement is prepared on the server."""
    async with pooled(prepared_postgres, overlooks_options=overlooks) as pooler:
        harness = StoreHarness(pooler.url)
        async with harness.stack:
            store = harness.store()
            for number in range(12):  # the driver would prepare what it sends the sixth time
                async with store.transaction() as transaction:
                    await transaction.requests.add(a_request(number))
                    transaction.audit.record("asked", "U0RINA", f"TS-{number:08}")
            async with store.transaction() as transaction:
                timeout = sa.text("SHOW idle_in_transaction_session_timeout")
                assert (await transaction.requests._connection.execute(timeout)).scalar() == "10s"  # noqa: SLF001
            async with store.reading() as reader:
                assert (await reader.audit.head())[0] == 12
        found = await check_database(pooler.url)
        assert pooler.prepared == []
    assert found.ok
    assert "connection pooler" in found.what
    assert "checks for jobs every 0.25 seconds" in found.what
    assert bool(pooler.refused) is not overlooks


async def test_options_arrive_at_the_server(prepared_postgres: str) -> None:
    """Options of the URL are in force beside this program's own, and names need no Latin alphabet."""
    engine = open_engine(parse_url(f"{prepared_postgres}&options=-c%20work_mem%3D5MB"))
    async with engine.connect() as connection:
        shown = [
            (await connection.execute(sa.text(f"SHOW {name}"))).scalar()
            for name in ("work_mem", "idle_in_transaction_session_timeout", "client_encoding")
        ]
    await engine.dispose()
    assert shown == ["5MB", "10s", "UTF8"]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_another_encoding(postgres: sa.URL, encoding: str) -> None:
    """A database that cannot hold every name is refused by `migrate`, `serve` and `check`, with what makes a right one."""
    name = f"other_{secrets.token_hex(4)}"
    with closing(psycopg.connect(postgres.render_as_string(hide_password=False), autocommit=True)) as admin:
        admin.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0".encode()
        )
        url = postgres.set(database=name).render_as_string(hide_password=False)
        for refuses in (migrate, check_schema):
            with pytest.raises(SchemaError, match=f"createdb --encoding=UTF8 --template=template0 {name}_utf8"):
                await refuses(url)
        found = await check_database(url)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    assert not found.ok
    assert encoding in found.what
    assert "createdb --encoding=UTF8" in found.advice


async def test_an_option_that_nobody_knows(prepared_postgres: str) -> None:
    """An option that the driver does not know is one line that names it."""
    url = parse_url(prepared_postgres).update_query_dict({"schema": "public"})
    found = await check_database(url.render_as_string(hide_password=False))
    assert not found.ok
    assert 'invalid connection option "schema"' in found.what


async def test_a_server_that_only_reads(prepared_postgres: str) -> None:
    """`check` finds a server that takes no writes, such as a replica."""
    found = await asyncio.wait_for(
        check_database(f"{prepared_postgres}&options=-c%20default_transaction_read_only%3Don"), 20
    )
    assert not found.ok
    assert "cannot be written: cannot execute UPDATE in a read-only transaction" in found.what
    assert "primary" in found.advice
