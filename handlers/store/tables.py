"""The tables, once, for SQLite and PostgreSQL.

Times are whole microseconds since 1970 in UTC, so that both databases store, compare and index them alike and no
time zone is lost on SQLite. Lists and objects are JSON text, written by `pack` with sorted keys.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """A moment: an aware datetime in Python, microseconds since the epoch in the database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn a moment into microseconds."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn microseconds into a moment."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Packed(TypeDecorator[Any]):
    """JSON text with sorted keys: equal values are equal text, which the chain of events relies on."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn a JSON value into text."""
        return None if value is None else pack(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401, ARG002 - whatever JSON holds
        """Turn text into a JSON value."""
        return None if value is None else json.loads(value)


def pack(value: object) -> str:
    """Return compact JSON with sorted keys."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


metadata: Final = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up INTEGER keys only

requests: Final = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("route", sa.String(100), nullable=False),
    sa.Column("source", sa.String(100), nullable=False),
    sa.Column("destination", sa.String(100), nullable=False),
    sa.Column("origins", Packed, nullable=False),  # the addresses of both tenants
    sa.Column("operation", sa.String(32), nullable=False),
    sa.Column("resource", sa.Text, nullable=False),  # what only one request at a time may change
    sa.Column("params", Packed, nullable=False),
    sa.Column("facts", Packed),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("requester", sa.String(32), nullable=False),
    sa.Column("editor", sa.String(32), nullable=False),
    sa.Column("draft_id", sa.String(64), unique=True),
    sa.Column("emergency", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("next_run_at", Instant),
    sa.Column("closed_by", sa.String(32), nullable=False, server_default=""),
    sa.Column("closed_comment", sa.Text, nullable=False, server_default=""),
    sa.Column("work", Packed),
    sa.Column("attempted_at", Instant),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failing_since", Instant),
    sa.Column("destination_id", sa.BigInteger),
    sa.Column("result", Packed),
    sa.Column("follow_until", Instant),
    sa.Column("finished_at", Instant),
    sa.Column("problem", Packed),
    sa.Column("assessment", Packed),  # what approvers are told before they look
    sa.Column("calls", Packed, nullable=False, server_default="[]"),  # to Tines, not in the record yet
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("trace", sa.String(32), nullable=False, server_default=""),
    # what is due: the sweep reads the head of this index and nothing else
    sa.Index(
        None,
        "next_run_at",
        sqlite_where=sa.text("next_run_at IS NOT NULL"),
        postgresql_where=sa.text("next_run_at IS NOT NULL"),
    ),
    sa.Index(None, "requester", "created_at"),
    sa.Index(None, "state", "route", "created_at"),
    # who else is at work on the same resource, and what was requested for a sync destination
    sa.Index(None, "resource", "state"),
    sa.Index(None, "destination_id", "created_at"),
)

decisions: Final = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    sa.Column("request_id", sa.String(16), nullable=False, index=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("actor", sa.String(32), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("comment", sa.Text, nullable=False, server_default=""),
    sa.Column("groups", Packed, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("withdrawn_at", Instant),
)

announcements: Final = sa.Table(
    "announcements",
    metadata,
    sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),  # the order of delivery within a conversation
    sa.Column("key", sa.String(120), nullable=False, unique=True),
    sa.Column("request_id", sa.String(16), index=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("data", Packed, nullable=False),
    sa.Column("conversation", sa.String(40), nullable=False),  # a channel id, or "@" and a user id for a direct message
    sa.Column("thread_key", sa.String(120)),  # the announcement whose first message starts the thread
    sa.Column("desired_version", sa.Integer, nullable=False),  # version that readers should see
    sa.Column("delivered_version", sa.Integer, nullable=False, server_default="0"),  # version that they do see
    sa.Column("channel", sa.String(32)),  # where it was posted
    sa.Column(
        "messages", Packed, nullable=False, server_default="[]"
    ),  # what was posted: [{"ts", "hash", "thread_ts", "buttons"}]
    sa.Column("posting_at", Instant),  # since when a post's answer may be missing
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failure", sa.Text),  # why Slack does not take it, in words
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("ordered_at", Instant, nullable=False),  # when the desired version was ordered
    sa.Index(
        "ix_announcements_open",
        "conversation",
        "id",
        sqlite_where=sa.text("desired_version > delivered_version"),
        postgresql_where=sa.text("desired_version > delivered_version"),
    ),
)

conversations: Final = sa.Table(
    "conversations",
    metadata,
    sa.Column("conversation", sa.String(40), primary_key=True),
    sa.Column("not_before", Instant),  # Slack asked to wait, or a retry backs off
    sa.Column("whole_at", Instant),  # when what the channel may take in a burst is whole again
)

deferred_commands: Final = sa.Table(
    "deferred_commands",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("actor", sa.String(32), nullable=False),
    sa.Column("data", Packed, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("next_run_at", Instant),  # None when done
    sa.Column("outcome", sa.Text, nullable=False, server_default=""),
    sa.Index(
        None,
        "next_run_at",
        sqlite_where=sa.text("next_run_at IS NOT NULL"),
        postgresql_where=sa.text("next_run_at IS NOT NULL"),
    ),
)

events: Final = sa.Table(
    "events",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),  # 1, 2, 3, … without a gap
    sa.Column("at", Instant, nullable=False),
    sa.Column("request_id", sa.String(16), index=True),
    sa.Column("actor", sa.String(64), nullable=False),  # Slack user id, or "tines-sync"
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("data", Packed, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),  # the hash before this one
    sa.Column("hash", sa.String(64), nullable=False),
    # which events are of some days: with several machines, times do not grow with numbers
    sa.Index(None, "at", "seq"),
)

chain: Final = sa.Table(
    "chain",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # always 1
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

freezes: Final = sa.Table(
    "freezes",
    metadata,
    sa.Column("route", sa.String(100), primary_key=True),
    sa.Column("by", sa.String(32), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

configured_keys: Final = sa.Table(
    "configured_keys",
    metadata,
    sa.Column("tenant", sa.String(100), primary_key=True),  # alias
    sa.Column("fingerprint", sa.String(100), nullable=False),  # of its key for publishing: a salted hash
    sa.Column("since", Instant, nullable=False),  # when it was first seen in the configuration
)

homes: Final = sa.Table(
    "homes",
    metadata,
    sa.Column("person", sa.String(32), primary_key=True),  # Slack user id
    sa.Column("opened_at", Instant, nullable=False),  # or turned a page of it
    sa.Column("version", sa.Integer, nullable=False),  # counts that
    sa.Column("pages", Packed, nullable=False),
    sa.Column("drawn_from", sa.String(64), nullable=False),  # mark of what it was drawn from
    sa.Column("shown", sa.String(16), nullable=False),  # hash of what was published
    sa.Column("unchanged", sa.Integer, nullable=False),  # looks in a row that found nothing new
    sa.Column("next_run_at", Instant, nullable=False, index=True),  # not looked at before
)

watched_tenants: Final = sa.Table(
    "watched_tenants",
    metadata,
    sa.Column("tenant", sa.String(100), primary_key=True),  # alias of a source tenant
    sa.Column("origin", sa.Text, nullable=False),  # its address: under another one, what was known is another tenant's
    sa.Column("next_run_at", Instant),
    sa.Column("rounds", sa.BigInteger, nullable=False, server_default="0"),  # that were written down
    sa.Column("looked_at", Instant),  # when the latest good round began
    sa.Column("failing_since", Instant),
    sa.Column("problem", Packed),
    sa.Column("told", Packed, nullable=False),  # keys of the messages that say that it fails
    sa.Column("unreadable", sa.Integer, nullable=False, server_default="0"),  # records of the latest good round
    sa.Index(
        None,
        "next_run_at",
        sqlite_where=sa.text("next_run_at IS NOT NULL"),
        postgresql_where=sa.text("next_run_at IS NOT NULL"),
    ),
)

destinations: Final = sa.Table(
    "destinations",
    metadata,
    sa.Column("source", sa.String(100), primary_key=True),  # alias of the tenant that lists it
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),  # as Tines numbers it there
    sa.Column("destination", sa.String(100), nullable=False),  # alias of the tenant that it leads to
    sa.Column("source_team", Packed, nullable=False),
    sa.Column("destination_team", Packed, nullable=False),
    sa.Column("manual", sa.Boolean),  # None: the tenant does not tell
    sa.Column("health", sa.String(16), nullable=False),
    sa.Column("since", Instant, nullable=False),  # when this health was first seen
    sa.Column("first_seen", Instant, nullable=False),
    sa.Column("last_seen", Instant, nullable=False),
    sa.Column("created_by", sa.String(16)),  # the request that made it, where one did
    sa.Column("muted_until", Instant),
    sa.Column("muted_by", sa.String(32), nullable=False, server_default=""),
    sa.Column("mute_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("told", Packed, nullable=False),  # what people were told of it
    sa.Index(None, "source", "destination", "health"),
)

subscriptions: Final = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("source", sa.String(100), primary_key=True),
    sa.Column("destination_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("story_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),  # in Tines's words
    sa.Column("error", sa.Text),
    sa.Column("since", Instant, nullable=False),  # when this status was first seen
)

summaries: Final = sa.Table(
    "summaries",
    metadata,
    sa.Column("route", sa.String(100), primary_key=True),
    sa.Column("next_run_at", Instant, nullable=False),
)

NOW: Final = sa.bindparam("now", type_=Instant)
"""The moment at which the sweep looks, in statements of what is due: each is of the columns `key` and `at`."""

UNDELIVERED: Final = announcements.c.desired_version > announcements.c.delivered_version
"""Which announcements readers do not see yet as they should. As the index `ix_announcements_open` has it."""
