"""The class of an error answers one question: may the call be sent again? Its words help whoever reads them."""

import asyncio
import pickle
from collections.abc import Awaitable, Callable

import httpx
import pytest
import respx

from handlers.routes import Tenant
from handlers.tines import (
    Failure,
    Kind,
    RefusedError,
    RetryableError,
    RetryPolicy,
    Timeouts,
    TinesClient,
    TinesError,
    UnknownOutcomeError,
)

ONCE = RetryPolicy(attempts=1)
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>oops</h1></body></html>"

Operation = Callable[[TinesClient], Awaitable[object]]


def _create(client: TinesClient) -> Awaitable[object]:
    own = Tenant.model_validate({"alias": "dev", "url": "https://dev.tines.example", "api_key": "dev-key-0123456789"})
    return client.create_destination(
        destination=own, same_tenant=True, destination_team_id=1, team_id=2, story_ids=[3], manual=False
    )


WRITES: dict[str, Operation] = {
    "create": _create,
    "mode": lambda client: client.update_destination(1, manual_sync_only=True),
    "update": lambda client: client.update_destination(1, []),
    "delete": lambda client: client.delete_destination(1, keep_stories=True),
    "sync all": lambda client: client.manual_sync(1),
    "sync one": lambda client: client.sync_story(1, 2),
}
READS: dict[str, Operation] = {
    "list": lambda client: client.list_destinations(),
    "probe": lambda client: client.probe_destinations(),
    "show": lambda client: client.show_destination(1),
    "teams": lambda client: client.teams(),
    "team": lambda client: client.team(1),
    "stories": lambda client: client.stories(),
    "export": lambda client: client.export_story(1),
    "story": lambda client: client.story(1),
    "info": lambda client: client.info(),
    "credentials": lambda client: client.list_user_credentials(1),
    "resources": lambda client: client.list_global_resources(1),
}
writes = pytest.mark.parametrize("operation", WRITES.values(), ids=WRITES)
reads = pytest.mark.parametrize("operation", READS.values(), ids=READS)


async def fail(dev: Tenant, operation: Operation, answer: httpx.Response | Exception) -> TinesError:
    """Return the error of an operation on a tenant that always answers the same; it is called exactly once."""
    calls: list[httpx.Request] = []

    def tenant(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with TinesClient(dev, transport=httpx.MockTransport(tenant), retry_policy=ONCE) as client:
        with pytest.raises(TinesError) as caught:
            await operation(client)
    assert len(calls) == 1
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.OTHER),
        (401, Kind.KEY),
        (403, Kind.FORBIDDEN),
        (404, Kind.MISSING),
        (409, Kind.OTHER),
        (422, Kind.INVALID),
    ],
)
@pytest.mark.parametrize("operation", (WRITES | READS).values(), ids=WRITES | READS)
async def test_refusals(dev: Tenant, operation: Operation, status: int, kind: Kind) -> None:
    """Every 4xx but 408 and 429 is a refusal, for every operation, with Tines's own words."""
    error = await fail(dev, operation, httpx.Response(status, json={"errors": [{"message": "No", "details": "why"}]}))
    assert isinstance(error, RefusedError)
    assert (error.kind, error.status, error.tenant) == (kind, status, "dev")
    assert error.words == "No: why"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
@writes
async def test_trouble_during_a_write_leaves_it_open(dev: Tenant, operation: Operation, status: int) -> None:
    """A 5xx (or a timeout told by a proxy) on a write may have been applied."""
    error = await fail(dev, operation, httpx.Response(status, html=HTML))
    assert isinstance(error, UnknownOutcomeError)
    assert error.status == status
    assert error.words == "502 Bad Gateway"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
@reads
async def test_trouble_during_a_read_may_pass(dev: Tenant, operation: Operation, status: int) -> None:
    """The same on a read is worth another attempt later."""
    assert isinstance(await fail(dev, operation, httpx.Response(status)), RetryableError)


@pytest.mark.parametrize("operation", (WRITES | READS).values(), ids=WRITES | READS)
async def test_too_often_was_surely_not_applied(dev: Tenant, operation: Operation) -> None:
    """A 429 is retryable even for a write, and says for how long to wait."""
    error = await fail(dev, operation, httpx.Response(429, headers={"Retry-After": "17"}))
    assert isinstance(error, RetryableError)
    assert (error.kind, error.retry_after) == (Kind.LIMITED, 17.0)


@pytest.mark.parametrize(
    "never_sent",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("busy"),
        httpx.UnsupportedProtocol("ftp"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("operation", (WRITES | READS).values(), ids=WRITES | READS)
async def test_what_never_left_was_not_applied(dev: Tenant, operation: Operation, never_sent: Exception) -> None:
    """A call that found no connection is retryable even for a write, since nothing was sent."""
    error = await fail(dev, operation, never_sent)
    assert isinstance(error, RetryableError)
    assert (error.kind, error.status) == (Kind.UNREACHABLE, None)


SILENCES = pytest.mark.parametrize(
    ("silence", "kind"),
    [
        (httpx.ReadTimeout("slow"), Kind.TIMEOUT),
        (httpx.WriteTimeout("slow"), Kind.TIMEOUT),
        (httpx.ReadError("reset"), Kind.BROKEN),
        (httpx.WriteError("reset"), Kind.BROKEN),
        (httpx.CloseError("reset"), Kind.BROKEN),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), Kind.BROKEN),
    ],
    ids=lambda value: type(value).__name__,
)


@SILENCES
@writes
async def test_silence_after_a_write_leaves_it_open(
    dev: Tenant, operation: Operation, silence: Exception, kind: Kind
) -> None:
    """A timeout or a reset once a write was on its way may have been applied."""
    error = await fail(dev, operation, silence)
    assert isinstance(error, UnknownOutcomeError)
    assert (error.kind, error.status) == (kind, None)


@SILENCES
@reads
async def test_silence_after_a_read_may_pass(dev: Tenant, operation: Operation, silence: Exception, kind: Kind) -> None:
    """The same on a read is worth another attempt later."""
    error = await fail(dev, operation, silence)
    assert isinstance(error, RetryableError)
    assert error.kind is kind


UNREADABLE = pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<!doctype html><title>Sign in</title>"),
        httpx.Response(201, text="created"),
        httpx.Response(200, json=["surprise"]),
        httpx.Response(200, json=3),
        httpx.DecodingError("bad gzip"),
    ],
    ids=["page", "text", "list", "number", "bad gzip"],
)


@UNREADABLE
@writes
async def test_a_yes_in_other_words_leaves_a_write_open(
    dev: Tenant, operation: Operation, answer: httpx.Response | Exception
) -> None:
    """A write whose answer cannot be read may have been applied."""
    error = await fail(dev, operation, answer)
    assert isinstance(error, UnknownOutcomeError)
    assert error.kind is Kind.UNREADABLE


@UNREADABLE
@reads
async def test_a_yes_in_other_words_is_no_answer_to_a_read(
    dev: Tenant, operation: Operation, answer: httpx.Response | Exception
) -> None:
    """A read whose answer cannot be read is refused: it will be no better the next time."""
    error = await fail(dev, operation, answer)
    assert isinstance(error, RefusedError)
    assert error.kind is Kind.UNREADABLE


async def test_the_page_that_answered_is_named(dev: Tenant) -> None:
    """When a page answers instead of Tines, its title is among the words, so that people recognize it."""
    error = await fail(dev, READS["info"], httpx.Response(200, html="<!doctype html><title>Sign in to Corp</title>"))
    assert error.words == "Sign in to Corp"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(dev: Tenant, status: int) -> None:
    """A redirect is never followed, since it could carry the key elsewhere; it says where it leads."""
    answer = httpx.Response(status, headers={"Location": "https://elsewhere.example/login"})
    read = await fail(dev, READS["list"], answer)
    assert isinstance(read, RefusedError)
    assert (read.kind, read.words) == (Kind.MOVED, "https://elsewhere.example/login")
    assert isinstance(await fail(dev, WRITES["create"], answer), UnknownOutcomeError)


async def test_a_tenant_that_never_answers_is_given_up(dev: Tenant) -> None:
    """A call is bounded as a whole; afterwards a write is open and a read may pass."""

    async def silent(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        return httpx.Response(200, request=request)

    short = Timeouts(whole=0.01)
    async with TinesClient(dev, transport=httpx.MockTransport(silent), retry_policy=ONCE, timeouts=short) as client:
        with pytest.raises(UnknownOutcomeError) as write:
            await client.manual_sync(1)
        with pytest.raises(RetryableError) as read:
            await client.info()
    assert write.value.kind is read.value.kind is Kind.TIMEOUT


@pytest.mark.parametrize(
    ("answer", "what", "advice"),
    [
        (httpx.Response(401), "401: dev does not accept the bot's key", "put a valid key of dev"),
        (httpx.Response(403), "403: the key of dev may not do this", "tenant owners"),
        (httpx.Response(404), "404: not found, or the key of dev may not see it", "still exists on dev"),
        (httpx.Response(422), "422: dev did not accept the request", "Read what Tines says"),
        (httpx.Response(418), "418: dev refused", "configuration of dev"),
        (httpx.Response(429), "429: too many requests to dev", "Wait a moment"),
        (httpx.Response(429, headers={"Retry-After": "17"}), "429: too many requests to dev", "in 17 seconds"),
        (httpx.Response(503), "503: dev returned an error", "Try again in a few minutes"),
        (httpx.Response(302), "302: the address of dev points somewhere else", "url of dev"),
        (httpx.Response(200, html="<p>"), "200: dev gave an answer that Tines would not give", "login page"),
        (httpx.ConnectError("no"), "dev cannot be reached", "Check the url of dev"),
        (httpx.ReadTimeout("no"), "dev did not answer in time", "slow"),
        (httpx.ReadError("no"), "The connection to dev broke before it answered", "proxies"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_problems_for_people(dev: Tenant, answer: httpx.Response | Exception, what: str, advice: str) -> None:
    """Each kind of trouble has a sentence of its own and advice of its own."""
    error = await fail(dev, READS["info"], answer)
    problem = error.problem()
    assert problem.what == what
    assert advice in problem.advice
    assert problem.status == error.status
    assert problem.words == error.words


async def test_an_open_outcome_is_said_to_be_open(dev: Tenant) -> None:
    """The problem of a write with an unknown outcome says so, and sends the reader to look first."""
    problem = (await fail(dev, WRITES["create"], httpx.ReadTimeout("no"))).problem()
    assert problem.what == "dev did not answer in time. It is unclear whether dev applied it"
    assert problem.advice == "Check the sync destinations on dev before anything is sent again."


def test_an_error_reads_well_and_travels() -> None:
    """An error's text names tenant, call, status and words, and survives being pickled."""
    failure = Failure("dev", "GET", "/teams/7", Kind.MISSING, 404, "gone")
    error = pickle.loads(pickle.dumps(RefusedError(failure)))  # noqa: S301 (our own bytes)
    assert isinstance(error, RefusedError)
    assert (error.method, error.path) == ("GET", "/teams/7")
    assert str(error) == "dev: GET /teams/7: 404: gone"
    assert str(RetryableError(Failure("dev", "GET", "/info", Kind.TIMEOUT))) == "dev: GET /info: timeout"


async def test_nothing_but_the_named_errors_escapes(client: TinesClient, tines: respx.MockRouter) -> None:
    """An error carries no exception of the HTTP library behind it: those hold the request and with it the key."""
    tines.get("/info").mock(side_effect=httpx.ReadError)
    with pytest.raises(TinesError) as caught:
        await client.info()
    assert caught.value.__cause__ is None
    assert not isinstance(caught.value.__context__, httpx.HTTPError)
