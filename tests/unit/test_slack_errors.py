import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack_errors import (
    BlocksError,
    ChangedViewError,
    EditClosedError,
    GoneError,
    MigrationError,
    NoChannelError,
    NoThreadError,
    NotSlackError,
    RateLimitedError,
    RefusedForGoodError,
    RefusedForNowError,
    ScopeError,
    SlackError,
    TokenError,
    TransientError,
    TriggerUsedError,
    UnknownOutcomeError,
    WrongTokenError,
    read_error,
)


def answered(data: object, status: int = 200, headers: dict[str, str] | None = None) -> SlackApiError:
    """Return what Slack's client raises for an answer."""
    response = AsyncSlackResponse(
        client=AsyncWebClient(),
        http_verb="POST",
        api_url="https://slack.example/api/chat.postMessage",
        req_args={},
        data=data,  # type: ignore[arg-type]  # whatever came
        headers=headers or {},
        status_code=status,
    )
    return SlackApiError("refused", response)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("internal_error", UnknownOutcomeError),
        ("team_added_to_org", MigrationError),
        ("ratelimited", RateLimitedError),
        ("rate_limited", RateLimitedError),
        ("channel_not_found", NoChannelError),
        ("is_archived", RefusedForNowError),
        ("not_in_channel", RefusedForNowError),
        ("restricted_action", RefusedForNowError),
        ("org_login_required", RefusedForNowError),
        ("ekm_access_denied", RefusedForNowError),
        ("accesslimited", RefusedForNowError),
        ("message_limit_exceeded", RefusedForNowError),
        ("external_channel_migrating", RefusedForNowError),
        ("a_code_of_next_year", RefusedForNowError),
        ("invalid_blocks", BlocksError),
        ("msg_too_long", BlocksError),
        ("no_text", RefusedForGoodError),
        ("message_not_found", GoneError),
        ("expired_trigger_id", GoneError),
        ("exchanged_trigger_id", TriggerUsedError),
        ("trigger_exchanged", TriggerUsedError),
        ("hash_conflict", ChangedViewError),
        ("edit_window_closed", EditClosedError),
        ("thread_not_found", NoThreadError),
        ("missing_scope", ScopeError),
        ("token_revoked", TokenError),
        ("invalid_auth", TokenError),
        ("not_allowed_token_type", WrongTokenError),
    ],
)
def test_a_code_says_what_may_be_done(code: str, kind: type[SlackError]) -> None:
    """Each of Slack's codes belongs to one kind; one that is not known can pass."""
    assert type(read_error(answered({"ok": False, "error": code}))) is kind


def test_a_missing_scope_is_named() -> None:
    """Which scope is lacking, and where to add it, is part of the error."""
    error = read_error(
        answered({"ok": False, "error": "missing_scope", "needed": "im:write", "provided": "chat:write"})
    )
    assert isinstance(error, ScopeError)
    assert (error.needed, error.provided) == ("im:write", "chat:write")
    assert "im:write" in error.advice


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("0", 0), ("-5", 0), ("nan", 30), ("soon", 30), ("1e12", 3600)]
)
def test_a_pause_is_as_long_as_slack_says_within_reason(header: str, seconds: float) -> None:
    """`Retry-After` is kept to, if it is a number, and never for more than an hour."""
    error = read_error(answered({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": header}))
    assert isinstance(error, TransientError)
    assert error.seconds == seconds


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (aiohttp.ServerDisconnectedError(), True),
        (TimeoutError(), True),
        (aiohttp.SocketTimeoutError(), True),
        (ValueError("no JSON"), True),
        (AttributeError("text"), True),
        (aiohttp.ConnectionTimeoutError(), False),
    ],
)
def test_without_an_answer_it_may_have_been_applied(error: Exception, *, sent: bool) -> None:
    """Only where no connection was made it is certain that nothing arrived."""
    assert isinstance(read_error(error), TransientError)
    assert isinstance(read_error(error), UnknownOutcomeError) is sent


@pytest.mark.parametrize("error", [ValueError("no JSON"), AttributeError("text"), answered("<html>", 502)], ids=repr)
def test_an_answer_that_is_none_of_slacks_is_told_apart(error: Exception) -> None:
    """A proxy's page is no network that is down, and no refusal."""
    assert type(read_error(error)) is NotSlackError
    assert not isinstance(read_error(TimeoutError()), NotSlackError)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
    ),
    st.integers(100, 599),
)
def test_whatever_comes_is_an_error_with_words(data: object, status: int) -> None:
    """No answer is so strange that it is not read."""
    assert read_error(answered(data, status)).words
