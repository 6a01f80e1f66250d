import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.logs import MASK, Mask, configure_logs
from handlers.tracing import current_trace, traced

SECRET = 'k3y-"with\\quotes/and+ümlaut'
OTHERS = (
    "uvicorn",
    "uvicorn.error",
    "slack_bolt.AsyncApp",
    "slack_sdk.web.async_client",
    "procrastinate.worker",
    "handlers.x",
)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Leave the process's logging as it was found."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, object]]:
    """Read what was written as JSON lines."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_json_line() -> None:
    """A line in production is one JSON object with time, level, logger, event and everything bound."""
    out = io.StringIO()
    configure_logs(as_json=True, stream=out)
    with traced("abc", request_id="TS-1"):
        structlog.get_logger("handlers.x").info("posted", channel="C1", number=3, done=True, nothing=None)
    (line,) = lines(out)
    assert line.pop("timestamp")
    assert line == {
        "event": "posted",
        "level": "info",
        "logger": "handlers.x",
        "trace": "abc",
        "request_id": "TS-1",
        "channel": "C1",
        "number": 3,
        "done": True,
        "nothing": None,
    }


@pytest.mark.parametrize(("level", "spared"), [("info", True), ("debug", False)])
def test_calls_to_slack_are_written_out_for_debug_lines_only(level: str, spared: bool) -> None:  # noqa: FBT001 - a case
    """Slack's clients render each call as text only when debug lines are wanted: they look at their own level."""
    configure_logs(as_json=True, level=level, stream=io.StringIO())
    loggers = (AsyncWebClient().logger, AsyncWebhookClient("https://hooks.example/x").logger)
    assert all((logger.level > logging.DEBUG) is spared for logger in loggers)


def test_console_line() -> None:
    """A line for people names the event and its values, and has no colour codes outside of a terminal."""
    out = io.StringIO()
    configure_logs(as_json=False, stream=out)
    structlog.get_logger("x").warning("slow answer", seconds=2.5)
    assert "slow answer" in out.getvalue()
    assert "seconds=2.5" in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("as_json", [True, False])
def test_other_libraries(name: str, *, as_json: bool) -> None:
    """Lines of other libraries come out once, in the same format, with the trace id and the mask."""
    out = io.StringIO()
    configure_logs(as_json=as_json, secrets=[SECRET], stream=out)
    with traced("abc"):
        logging.getLogger(name).warning("called with %s and %r", SECRET, {"key": SECRET})
    assert len(out.getvalue().splitlines()) == 1
    assert "abc" in out.getvalue()
    assert out.getvalue().count(MASK) == 2
    assert "k3y" not in out.getvalue()


def test_noise_is_silenced() -> None:
    """Lines about each HTTP call are left out unless something is wrong; ours are not."""
    out = io.StringIO()
    configure_logs(as_json=True, level="debug", stream=out)
    for name in ("httpx", "httpcore.connection", "uvicorn.access", "procrastinate.worker", "asyncio"):
        logging.getLogger(name).info("GET https://acme.example")
    logging.getLogger("handlers.x").debug("mine")
    assert [line["event"] for line in lines(out)] == ["mine"]


@pytest.mark.parametrize(("level", "written"), [("info", ["one", "two"]), ("error", ["two"])])
def test_level(level: str, written: list[str]) -> None:
    """Lines below the level are left out, for our loggers and for the library's."""
    out = io.StringIO()
    configure_logs(as_json=True, level=level, stream=out)
    structlog.get_logger("x").info("one")
    logging.getLogger("x").debug("none")
    logging.getLogger("x").error("two")
    assert [line["event"] for line in lines(out)] == written


@pytest.mark.parametrize("as_json", [True, False])
def test_traceback_is_masked(*, as_json: bool) -> None:
    """A secret in an error's message or in a chained one is masked; the traceback itself is kept."""
    out = io.StringIO()
    configure_logs(as_json=as_json, secrets=[SECRET], stream=out)
    error = RuntimeError(f"Authorization: Bearer {SECRET[:4]}")
    error.__cause__ = ValueError(SECRET)
    try:
        raise error
    except RuntimeError:
        structlog.get_logger("x").exception("failed")
    assert "Traceback" in out.getvalue()
    assert "RuntimeError" in out.getvalue()
    assert "k3y" not in out.getvalue()


def test_warnings_are_logged() -> None:
    """Python's warnings become log lines instead of loose text on standard error."""
    out = io.StringIO()
    configure_logs(as_json=True, stream=out)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old habit", stacklevel=1)
    assert [line["logger"] for line in lines(out)] == ["py.warnings"]
    assert "old habit" in out.getvalue()


def test_configured_again() -> None:
    """Configuring again replaces the first configuration, also for loggers made before."""
    first, second = io.StringIO(), io.StringIO()
    logger = structlog.get_logger("x")
    configure_logs(as_json=True, stream=first)
    logger.info("one")
    configure_logs(as_json=True, stream=second)
    logger.info("two")
    assert [line["event"] for line in lines(first)] == ["one"]
    assert [line["event"] for line in lines(second)] == ["two"]


def test_default_stream(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream, lines go to standard error, so that a command's output stays clean."""
    configure_logs(as_json=True)
    structlog.get_logger("x").info("hello")
    captured = capsys.readouterr()
    assert "hello" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "text",
    [
        "xoxb-123-456-AbC",
        "xoxe.xoxb-1-Mi0yLTE",
        "xoxp-9",
        "xapp-1-A0-1-abcdef",
        "Authorization: Bearer abc.def",
        "bearer   token123",
        "https://hooks.slack.com/commands/T1/2/abcDEF",
        "postgresql://bot:pass%20word@db/x",
    ],
)
def test_token_shapes(text: str) -> None:
    """Whatever looks like a token is masked, known or not, and what stands around it is kept."""
    masked = Mask().text(f"before {text} after")
    assert MASK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert not {"AbC", "Mi0yLTE", "-9", "abcdef", "abc.def", "token123", "abcDEF", "word"} & set(
        masked.replace("/", " ").replace("@", " ").split()
    )


@pytest.mark.parametrize(
    "text", ["a story named foxboard", "bear with us", "see https://acme.tines.com/stories/1", "at 09:30 @ada"]
)
def test_innocent_text(text: str) -> None:
    """Text that only resembles a token is left as it is."""
    assert Mask(["short"]).text(text) == text


_SHAPES = st.sampled_from(
    [
        lambda s: s,
        lambda s: {"a": [s, {"b": (s,)}]},
        lambda s: {s: 1},
        lambda s: {1, s},
        ValueError,
        str.encode,
        lambda s: [s.encode(), (ValueError(s),)],
        lambda s: [[[[[[[[[[s]]]]]]]]]],
        lambda s: json.dumps({"key": s}),
    ]
)


@given(st.text(alphabet="abcdefgh0123456789-_+/=\"\\'ü ", min_size=8, max_size=30), _SHAPES)
def test_no_secret_passes(secret: str, shape: object) -> None:
    """Wherever a known secret stands in a value, however deep, nothing of it is left."""
    assert callable(shape)
    secret = f"s3{secret}s3"
    assert "s3" not in json.dumps(Mask([secret]).value(shape(secret)))


def test_longest_first() -> None:
    """Of two secrets, one inside the other, nothing is left of the longer one."""
    assert Mask(["abcdef", "abcdefghij"]).text("abcdefghij") == MASK


def test_mask_hides_what_it_knows() -> None:
    """The mask itself can be shown without showing a secret."""
    assert "abcdef" not in repr(Mask(["abcdef"]))


def test_trace_ids() -> None:
    """A trace id is made, kept by inner blocks, replaced where one is given, and gone afterwards."""
    assert current_trace() is None
    with traced() as outer:
        assert current_trace() == outer
        with traced(request_id="TS-1") as inner:
            assert inner == outer
        with traced("given") as other:
            assert (other, current_trace()) == ("given", "given")
        assert current_trace() == outer
    assert current_trace() is None


def test_what_utf8_cannot_say_is_still_logged() -> None:
    """Half a surrogate pair in a name, or a number of any size, costs no line."""
    out = io.StringIO()
    configure_logs(as_json=True, stream=out)
    structlog.get_logger("x").info("named", name="half \ud83d", number=2**70)
    line = json.loads(out.getvalue())
    assert (line["name"], line["number"]) == ("half \ud83d", 2**70)


def test_a_stream_that_nobody_reads_any_more_is_no_error() -> None:
    """A closed terminal or pipe costs the line, not what was being done."""
    out = io.StringIO()
    configure_logs(as_json=True, stream=out)
    out.close()
    structlog.get_logger("x").info("said to nobody")
