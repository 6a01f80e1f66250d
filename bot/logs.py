"""Structured logs: one format for our lines and everybody else's, one trace id, and a mask over every secret.

It prevents two failures: a key or token that reaches a log through somebody else's message or traceback, and a
report of a failure that cannot be followed from Slack's request through the row and the job to the API call.

Modules log with `structlog.get_logger()`; whatever is bound with `structlog.contextvars` (see `handlers.tracing`) is on each
line. Nothing is configured before `configure_logs` is called.
"""

import json
import logging
import re
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, TextIO
from urllib.parse import quote

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "[secret]"

_SHORTEST: Final = 6  # characters; to mask anything shorter would garble innocent words
_DEEPEST: Final = 8  # levels of nested values that are kept as structure
_TOKENS: Final = re.compile(
    r"xox[a-z](?:\.xox[a-z])?-[\w.-]+"  # Slack's tokens
    r"|xapp-[\w-]+"
    r"|(?i:bearer)\s+[^\s\"',;]+"
    r"|(?<=hooks\.slack\.com/)[\w/-]+"  # a response_url is a right to post
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"  # user and password in a URL
    r"|(?<=DETAIL:  )(?:Failing row contains|Key) \(.*"  # what a row holds, as PostgreSQL tells it
)
# Loggers that bring handlers of their own, or that set propagation off once they are started.
_OTHERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "slack_bolt", "slack_sdk", "procrastinate", "alembic")
_QUIET: Final = (
    "httpx",
    "httpcore",
    "uvicorn.access",
    "procrastinate",
    "psycopg.pool",
    "alembic",
    "asyncio",
    "aiosqlite",
)  # WARNING and above
# Loggers of which the library asks the level of their own, where none counts as DEBUG: with none, each call to Slack
# is written out as text, twice, for a line that no handler takes.
_LEVELLED: Final = ("slack_sdk.web.async_base_client", "slack_sdk.webhook.async_client", "slack_bolt.AsyncApp")


def _tells_news(record: logging.LogRecord) -> bool:
    """Leave out Bolt's remarks that it ignores SLACK_BOT_TOKEN, which `bot.app` reads and hands over itself."""
    said = record.getMessage()
    return "(or SLACK_BOT_TOKEN env variable) will be ignored" not in said and "`token` will be unused" not in said


class Mask:
    """Replaces known secrets, and whatever looks like a token, in text and in nested values."""

    def __init__(self, known: Collection[str] = ()) -> None:
        forms = {form for secret in known if len(secret) >= _SHORTEST for form in _forms(secret)}
        alternatives = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]  # the longest match wins
        self._known = re.compile("|".join(alternatives)) if alternatives else None

    def text(self, text: str) -> str:
        """Return the text with every secret in it replaced by `MASK`."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _TOKENS.sub(MASK, text)

    def value(self, value: object, depth: int = 0) -> object:
        """Return a value that is safe to render: numbers as they are, containers masked inside, all else as text."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode(errors="backslashreplace"))
        if depth < _DEEPEST and isinstance(value, Mapping):
            return {self.text(str(key)): self.value(inner, depth + 1) for key, inner in value.items()}
        if depth < _DEEPEST and isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(inner, depth + 1) for inner in value]
        return self.text(repr(value))

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Mask a whole line; a structlog processor. Bookkeeping keys (`_record`, …) are left alone."""
        return {key: value if key.startswith("_") else self.value(value) for key, value in event.items()}

    def __repr__(self) -> str:
        return "Mask()"


def configure_logs(
    *, as_json: bool, level: str = "info", secrets: Collection[str] = (), stream: TextIO | None = None
) -> None:
    """Send every log line of the process to `stream` (standard error by default), masked.

    As JSON, one object a line, for machines; otherwise in columns, coloured on a terminal, for people. May be called
    again, which replaces what was configured before.
    """
    out = stream or sys.stderr
    named: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_logger_name]
    timed: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: Processor = structlog.processors.JSONRenderer(_json)
    if not as_json:
        renderer = structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    # before the mask, so that tracebacks are masked too
    rendered: list[Processor] = [structlog.processors.format_exc_info, Mask(secrets), renderer]
    # our own lines are written as they are: the standard library's way there costs as much again, at each answer
    structlog.configure(
        processors=[*named, *timed, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=partial(_Lines, out),
        cache_logger_on_first_use=False,  # a module's logger must follow a later configure_logs
    )
    handler = _Handler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*named, structlog.stdlib.PositionalArgumentsFormatter(), *timed],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    _route_to(handler, level.upper())


class _Handler(logging.StreamHandler[TextIO]):
    """Writes the lines of libraries to a stream; one that nobody reads any more gets no traceback about that."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Leave a line out that cannot be written."""


class _Lines:
    """Writes lines to a stream, under the name of a module. A stream that nobody reads any more costs nobody a click."""

    def __init__(self, out: TextIO, name: str = "") -> None:
        self._out = out
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line."""
        with suppress(OSError, ValueError):
            self._out.write(f"{line}\n")
            self._out.flush()

    log = debug = info = warn = warning = error = critical = fatal = exception = msg


def _json(line: object, **_: object) -> str:
    """Return a line as JSON."""
    try:
        return orjson.dumps(line).decode()
    except TypeError:  # half a surrogate pair, or a number of more than 64 bits
        return json.dumps(line)


def _route_to(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for name in _OTHERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    logging.getLogger("slack_bolt.AsyncApp").addFilter(_tells_news)
    for name in _LEVELLED:
        logging.getLogger(name).setLevel(root.level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _forms(secret: str) -> set[str]:
    """Return how a secret may be written: as it is, in a URL, in JSON, in a Python representation."""
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    in_python = {repr(secret)[1:-1], repr(secret.encode(errors="surrogateescape"))[2:-1]}
    return {secret, quote(secret, safe=""), quote(secret)} | in_json | in_python
