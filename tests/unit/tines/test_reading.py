"""Whatever a tenant, a proxy or a login page answers: it is a value or a `TinesError`, and one odd record is only that."""

import asyncio
import base64
import gzip
import html
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from handlers.routes import Tenant
from handlers.tines import (
    MAX_BODY,
    MAX_ERROR,
    Kind,
    RefusedError,
    RetryableError,
    RetryPolicy,
    TinesClient,
    TinesError,
    UnknownOutcomeError,
)

ONCE: Final = RetryPolicy(attempts=1)
OTHERS_KEY: Final = "another-tenant's/key+9"
DEV: Final = Tenant.model_validate(
    {"alias": "dev", "url": "https://dev.tines.example", "api_key": "dev-key-0123456789"}
)
PROD: Final = Tenant.model_validate({"alias": "prod", "url": "https://prod.tines.example", "api_key": "prod-key-55555"})

Operation = Callable[[TinesClient], Awaitable[object]]

OPERATIONS: Final[dict[str, Operation]] = {
    "list": lambda client: client.list_destinations(),
    "show": lambda client: client.show_destination(1),
    "create": lambda client: client.create_destination(
        destination=PROD, same_tenant=False, destination_team_id=1, team_id=2, story_ids=[3], manual=False
    ),
    "update": lambda client: client.update_destination(1, [2]),
    "delete": lambda client: client.delete_destination(1, keep_stories=True),
    "sync all": lambda client: client.manual_sync(1),
    "sync one": lambda client: client.sync_story(1, 2),
    "teams": lambda client: client.teams(),
    "team": lambda client: client.team(1),
    "stories": lambda client: client.stories(),
    "story": lambda client: client.story(1),
    "page": lambda client: client.stories_page(1),
    "export": lambda client: client.export_story(1),
    "info": lambda client: client.info(),
    "credentials": lambda client: client.list_user_credentials(1),
    "resources": lambda client: client.list_global_resources(1),
    "changes": lambda client: client.change_requests(1),
}


class Body(httpx.AsyncByteStream):
    """A body as it arrives, in parts; tells how much of it was taken."""

    def __init__(self, *parts: bytes, times: int = 1) -> None:
        self._parts = parts
        self._times = times
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._times):
            for part in self._parts:
                self.taken += len(part)
                yield part


class Raw(httpx.AsyncBaseTransport):
    """A tenant that always answers with the same bytes."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: Body) -> None:
        self._answer = (status, headers, body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, whatever was asked for."""
        status, headers, body = self._answer
        return httpx.Response(status, headers=headers, stream=body, request=request)


def client_of(transport: httpx.AsyncBaseTransport) -> TinesClient:
    """Return a client of dev that asks once and knows another tenant's key."""
    return TinesClient(DEV, transport=transport, retry_policy=ONCE, secrets=[SecretStr(OTHERS_KEY)])


async def answered(status: int, body: bytes, *, operation: str = "info", **headers: str) -> object:
    """Return what an operation makes of an answer. Raises `TinesError`."""
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    async with client_of(Raw(status, fields, Body(body))) as client:
        return await OPERATIONS[operation](client)


async def words(status: int, body: bytes, *, operation: str = "info", **headers: str) -> str:
    """Return the words of the error that an answer is."""
    with pytest.raises(TinesError) as caught:
        await answered(status, body, operation=operation, **headers)
    return caught.value.words


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "SYNCED", "-1", "1e400", OTHERS_KEY, "dev-key-0123456789", "\0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    *("id", "name", "story", "status", "error_message", "subscriptions", "origin_team_id", "destination_team_id"),
    *("destination_tenant_url", "manual_sync_only", "tags", "edited_at", "slug", "shared_team_slugs", "team_id"),
)
RECORDS = st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES | st.integers(1, 99), max_size=8) | JSON_VALUES
LISTINGS = st.dictionaries(
    st.sampled_from(
        ["sync_destinations", "teams", "stories", "user_credentials", "global_resources", "change_requests", "meta"]
    ),
    st.lists(RECORDS, max_size=4)
    | JSON_VALUES
    | st.dictionaries(st.sampled_from(["next_page_number", "pages", "count"]), JSON_VALUES | st.integers(0, 3)),
)
WRAPPED = st.dictionaries(
    st.sampled_from(["sync_destination", "sync_initiated", "story_sync_initiated", "stack", "errors", "error"]),
    RECORDS,
    max_size=3,
)
PAGES = st.lists(
    st.sampled_from(["<a ", "<![foo[", "<!--", "-->", "<title>", "</title>", "<script>", "</", ">", "&#x", "x", "\0"]),
    max_size=40,
).map(lambda parts: "<" + "".join(parts))
BODIES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: text.encode("utf-16", "surrogatepass")),
    PAGES.map(str.encode),
    (LISTINGS | WRAPPED | RECORDS).map(lambda value: json.dumps(value).encode()),
    (LISTINGS | WRAPPED).map(lambda value: b"\xef\xbb\xbf" + json.dumps(value, ensure_ascii=True).encode()[:-1]),
    st.integers(1, 3000).map(lambda depth: b"[" * depth + b"]" * depth),
    st.just(b'{"stack": {"name": ' + b"9" * 5000 + b"}}"),
)
PACKERS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    bytes,
    gzip.compress,
    zlib.compress,
    lambda body: gzip.compress(body, mtime=0)[:-3],
    lambda body: gzip.compress(body, mtime=0) + b"more",
)
HEADER_TEXT = st.binary(max_size=30).filter(lambda value: not set(value) & set(b"\r\n\0"))
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        b"content-type": HEADER_TEXT
        | st.sampled_from(
            [b"", b"application/json; charset=no-such", b"text/html; charset=base64", b"x; charset=idna"]
        ),
        b"content-encoding": HEADER_TEXT
        | st.sampled_from([b"gzip", b"GZIP", b"deflate", b"br", b"gzip, gzip", b"zstd"]),
        b"retry-after": HEADER_TEXT
        | st.sampled_from(
            [
                *(b"-1", b"1e308", b"1e999", b"nan", b"9" * 400, b"Mon, 99 Foo 0000 99:99:99 +9999999"),
                *(b"Fri, 31 Dec 9999 23:59:59 -2359", b"Wed, 05 Aug 2026 10:00:20 GMT", b"0x10", b"\xff"),
            ]
        ),
        b"date": HEADER_TEXT
        | st.sampled_from([b"Sat, 01 Jan 0001 00:00:00 +2359", b"Wed, 05 Aug 2026 10:00:00 GMT", b"x"]),
        b"location": HEADER_TEXT | st.sampled_from([b"https://[", b"//\xff", b"http://xn--\xff"]),
        b"set-cookie": HEADER_TEXT | st.sampled_from([b"a=b; Max-Age=-9999999999999999999"]),
    },
)
STATUSES = st.sampled_from(
    [200, 200, 200, 201, 204, 206, 299, 302, 304, 400, 401, 403, 404, 422, 429, 500, 503, 600, 999]
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(OPERATIONS)),
    status=STATUSES,
    headers=HEADERS,
    body=BODIES,
    packer=st.sampled_from(PACKERS),
)
@example(name="show", status=200, headers={}, body=b'{"id":1,"subscriptions":[{"story":null}]}', packer=bytes)
@example(name="stories", status=200, headers={}, body=b'{"stories":[{"id":1,"name":"\\ud800"}]}', packer=bytes)
@example(name="info", status=401, headers={b"content-type": b"text/html; charset=base64"}, body=b"<a", packer=bytes)
@example(name="list", status=429, headers={b"retry-after": b"Mon, 99 Foo"}, body=b"", packer=bytes)
def test_any_answer_is_a_value_or_a_tines_error(
    name: str, status: int, headers: dict[bytes, bytes], body: bytes, packer: Callable[[bytes], bytes]
) -> None:
    """Bytes and headers of any kind lead to a value or to a `TinesError` with words, and neither shows a key."""
    waits = [0.0]

    async def ask() -> str:
        async with client_of(Raw(status, list(headers.items()), Body(packer(body)))) as client:
            try:
                return repr(await OPERATIONS[name](client))
            except TinesError as error:
                problem = error.problem()
                assert problem.what
                assert problem.advice
                assert len(problem.words) <= 2_000
                waits.append(error.retry_after or 0.0)
                return f"{error} {problem!r}"

    shown = asyncio.run(ask())
    assert all(0 <= wait <= 86_400 for wait in waits)
    shown.encode()  # nothing in it that no message and no database can hold
    assert "dev-key-0123456789" not in shown
    assert OTHERS_KEY not in shown


# --- odd records --------------------------------------------------------------------------------------------------------

GOOD_DESTINATION = {"id": 1, "destination_team_id": 2, "origin_team_id": 3, "subscriptions": []}


@pytest.mark.parametrize(
    "odd",
    [
        *(None, 7, "x", [], {}, {"id": None}, {"id": True}, {"id": -1}, {"id": 2**63}, {"id": "x"}, {"id": [1]}),
        GOOD_DESTINATION | {"id": None},
        GOOD_DESTINATION | {"id": 1.5},
        GOOD_DESTINATION | {"origin_team_id": {}},
        GOOD_DESTINATION | {"destination_team_id": None},
    ],
    ids=repr,
)
async def test_one_odd_record_does_not_spoil_a_listing(odd: object) -> None:
    """A sync destination that makes no sense is counted, and the others are listed."""
    body = json.dumps({"sync_destinations": [GOOD_DESTINATION, odd, GOOD_DESTINATION | {"id": 9}]}).encode()
    async with client_of(Raw(200, [], Body(body))) as client:
        found = await client.list_destinations()
    assert [destination.id for destination in found] == [1, 9]
    assert (found.unreadable, found.whole) == (1, False)


@pytest.mark.parametrize(
    ("odd", "read"),
    [
        ({"id": "9"}, (9, "")),
        ({"id": 9, "name": None}, (9, "")),
        ({"id": 9, "name": 12}, (9, "12")),
        ({"id": 9, "name": ["a", {"b": 1}]}, (9, '["a", {"b": 1}]')),
        ({"id": 9, "name": "x" * 9_999}, (9, "x" * 499 + "…")),
        ({"id": 9, "name": "a\0b\ud800c"}, (9, "a\ufffdb\ufffdc")),
        ({"id": 9, "name": "\ud83d\ude00"}, (9, "\N{GRINNING FACE}")),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_records_are_read_as_far_as_they_make_sense(odd: object, read: tuple[int, str]) -> None:
    """Numbers as text, null, lists for text, halves of characters: a team keeps its id, and a name that can be shown."""
    async with client_of(Raw(200, [], Body(json.dumps({"teams": [odd]}).encode()))) as client:
        found = await client.teams()
    assert [(team.id, team.name) for team in found] == [read]
    assert found.whole


async def test_stories_with_odd_fields_are_offered() -> None:
    """A story whose tags, time or flags are of another kind is a story without them."""
    story = {"id": 1, "name": "A", "tags": "x", "edited_at": [], "team_id": {}, "change_control_enabled": "perhaps"}
    tagged = {"id": 2, "name": "B", "tags": [1, None, "x"], "edited_at": 1e400}
    body = json.dumps({"stories": [story, tagged]}).encode()
    async with client_of(Raw(200, [], Body(body))) as client:
        first, second = await client.stories()
    assert (first.tags, first.edited_at, first.team_id, first.change_control_enabled) == ((), None, None, None)
    assert second.tags == ("1", "", "x")


@pytest.mark.parametrize("odd", [None, {}, {"story": None}, {"story": {"id": None}}, {"story": []}, "x"], ids=repr)
async def test_one_odd_subscription_does_not_spoil_a_destination(odd: object) -> None:
    """A subscription without a story is counted, so that nobody takes the others for the whole set."""
    good = {"story": {"id": 5, "name": "A"}, "status": "failed", "error_message": ["no", {"way": 1}]}
    body = json.dumps({"sync_destination": GOOD_DESTINATION | {"subscriptions": [odd, good]}}).encode()
    async with client_of(Raw(200, [], Body(body))) as client:
        shown = await client.show_destination(1)
    assert (shown.story_ids, shown.unreadable) == (frozenset({5}), 1)
    assert shown.statuses()[0].error == '["no", {"way": 1}]'


@pytest.mark.parametrize(
    ("said", "read"),
    [
        *(
            ("Synced", "synced"),
            ("FAILED", "failed"),
            ("Requires_Sync", "requires_sync"),
            ("requires sync", "requires_sync"),
        ),
        *(
            (" synced ", "synced"),
            ("requires-sync", "requires_sync"),
            ("Queued", "Queued"),
            ("", ""),
            (None, ""),
            (3, "3"),
        ),
    ],
)
async def test_statuses_are_compared_without_case(said: object, read: str) -> None:
    """A status that is documented is the same in any case; any other is kept as Tines wrote it."""
    subscription = {"story": {"id": 5, "name": "A"}, "status": said}
    body = json.dumps(GOOD_DESTINATION | {"subscriptions": [subscription]}).encode()
    async with client_of(Raw(200, [], Body(body))) as client:
        (status,) = (await client.show_destination(1)).statuses()
    assert status.status == read


@pytest.mark.parametrize(
    "body", [b'{"teams": null}', b'{"teams": {}}', b'{"teams": "x"}', b"{}", b"[]", b"null"], ids=repr
)
async def test_what_is_no_listing_is_not_an_empty_one(body: bytes) -> None:
    """An answer without a list is an error: taken for an empty one, it would say that nothing is there."""
    assert await words(200, body, operation="teams")


# --- bodies -------------------------------------------------------------------------------------------------------------

INFO = b'{"stack": {"name": "us1"}}'


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (INFO, {"content_type": "application/json; charset=no-such-codec"}),
        (INFO, {"content_type": "text/html; charset=base64"}),
        (b"\xef\xbb\xbf" + INFO, {}),
        (b" \n" + INFO + b"\n", {}),
        (gzip.compress(INFO, mtime=0), {"content_encoding": "gzip"}),
        (gzip.compress(INFO, mtime=0), {"content_encoding": "X-GZIP"}),
        (zlib.compress(INFO), {"content_encoding": "deflate"}),
        (INFO, {"content_encoding": "identity"}),
        (b'{"load": NaN, "left": -Infinity, "stack": {"name": "us1"}}', {}),
        (b'{"huge": ' + b"9" * 9_999 + b', "stack": {"name": "us1"}}', {}),
        (b'{"tab": "a\tb", "stack": {"name": "us1"}}', {}),
        (b'{"name": "\xff", "list": [], "none": {}, "stack": {"name": "us1"}}', {}),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_does_no_harm_is_read(body: bytes, headers: dict[str, str]) -> None:
    """Byte order marks, charsets that are none, packed bodies, bare NaN, endless numbers: the rest of the answer counts."""
    info = await answered(200, body, **headers)
    assert getattr(info, "stack").name == "us1"  # noqa: B009 - the value is an object to the type checker


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"", {}, "the answer is empty"),
        (b"\xef\xbb\xbf", {}, "the answer is empty"),
        (b"{", {}, "the answer is not JSON"),
        (b'{"a" 1}', {}, "the answer is not JSON"),
        (b'{"a": 1 "b": 2}', {}, "the answer is not JSON"),
        (b'{"a": [1 2]}', {}, "the answer is not JSON"),
        (INFO + b"x", {}, "the answer is not JSON"),
        (b"[" * 100_000, {}, "the answer is nested too deeply"),
        (b'{"a":' * 100_000, {}, "the answer is nested too deeply"),
        (b"[" + b"[]," * 600_000 + b"[]]", {}, "the answer has more than 1,000,000 parts"),
        (
            INFO,
            {"content_encoding": "br"},
            "the answer cannot be unpacked: it is compressed in an unexpected way",
        ),
        (INFO, {"content_encoding": "gzip"}, "the answer cannot be unpacked"),
        (
            gzip.compress(INFO, mtime=0)[:-9],
            {"content_encoding": "gzip"},
            "the answer cannot be unpacked: it ends too early",
        ),
        (b"<html><title>Sign in</title>", {"content_type": "application/json"}, "Sign in"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_cannot_be_read_says_why(body: bytes, headers: dict[str, str], said: str) -> None:
    """An answer that says yes and cannot be read is an error that says what was wrong with it."""
    assert (await words(200, body, **headers)).startswith(said)


async def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    """Of a good answer no more than 32 MB are taken, of an error no more than 1 MB, and a write is open then."""
    mega = b" " * 1024 * 1024
    for status, most in ((200, MAX_BODY), (503, MAX_ERROR)):
        body = Body(mega, times=100)
        async with client_of(Raw(status, [], body)) as client:
            with pytest.raises(TinesError) as caught:
                await client.info()
        assert body.taken <= most + len(mega)
        assert isinstance(caught.value, RefusedError if status == 200 else RetryableError)
    async with client_of(Raw(201, [], Body(mega, times=100))) as client:
        with pytest.raises(UnknownOutcomeError) as write:
            await OPERATIONS["create"](client)
    assert (write.value.kind, write.value.words) == (Kind.UNREADABLE, "the answer is larger than 32 MB")


@pytest.mark.parametrize("status", [200, 422])
async def test_gzip_that_expands_a_thousandfold_is_not_unpacked_to_its_end(status: int) -> None:
    """A small body that would become 300 MB is given up at the same bounds as any other."""
    body = Body(gzip.compress(b" " * 300 * 1024 * 1024, 9, mtime=0))
    async with client_of(Raw(status, [(b"content-encoding", b"gzip")], body)) as client:
        with pytest.raises(RefusedError) as caught:
            await client.info()
    assert caught.value.words == ("the answer is larger than 32 MB" if status == 200 else "")


async def test_a_large_listing_is_read_beside_the_event_loop() -> None:
    """A listing of many records is read whole, while others go on."""
    records = [{"id": number, "name": "x" * 100} for number in range(20_000)]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with client_of(Raw(200, [], Body(json.dumps({"teams": records}).encode()))) as client:
        watch = asyncio.create_task(others())
        found = await client.teams()
        watch.cancel()
    assert len(found) == 20_000
    assert turns > 10


# --- words and secrets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<title>503</title>" + "<a " * 5_000, "503"),
        ("<a " * 1_000, "<a " * 100),
        ("<![foo[" * 1_000 + "x", "<![foo["),
        ("<!-- <title>no</title> --><TITLE>Yes</TITLE>", "Yes"),
        ("<p>a<SCRIPT>b</script >c<style>d</STYLE>e", "a c e"),
        ("<p>a<script>b", "a"),
        ("<" + "x" * 99_999, "<xxx"),
        ("<p>" + "word " * 5_000, "word word"),
        ("\ufeff<p>marked", "marked"),
        ("<p>1 &lt; 2 &amp; &#x2713;</p>", "1 < 2 & ✓"),
    ],
    ids=lambda value: value[:20],
)
async def test_pages_are_looked_at_briefly(page: str, said: str) -> None:
    """A page of whatever kind gives its title or the beginning of its text."""
    assert (await words(503, page.encode())).startswith(said)


@pytest.mark.parametrize(
    "encoded",
    [
        OTHERS_KEY,
        json.dumps(OTHERS_KEY)[1:-1],
        quote(OTHERS_KEY, safe=""),
        quote(OTHERS_KEY, safe="").lower(),
        html.escape(OTHERS_KEY),
        base64.b64encode(OTHERS_KEY.encode()).decode(),
        "".join(f"\\u{ord(letter):04x}" for letter in OTHERS_KEY),
    ],
)
@pytest.mark.parametrize("around", ['{"errors": [{"message": "bad %s"}]}', "bad %s", "<title>bad %s</title>"])
async def test_the_keys_of_every_tenant_are_masked_in_every_error(encoded: str, around: str) -> None:
    """A key of another tenant is masked in JSON, text and pages, also when it was encoded."""
    if "\\u" in encoded and not around.startswith("{"):
        encoded = OTHERS_KEY  # escapes are JSON's
    found = await words(422, (around % encoded).encode())
    assert found.startswith("bad [secret]")


async def test_the_keys_of_every_tenant_are_masked_in_good_answers() -> None:
    """Names, statuses, errors, addresses and exports that quote a key of any tenant come masked."""
    quoted = f"see {OTHERS_KEY}!"
    destination = GOOD_DESTINATION | {
        "destination_tenant_url": quoted,
        "subscriptions": [{"story": {"id": 5, "name": quoted}, "status": quoted, "error_message": quoted}],
    }
    async with client_of(Raw(200, [], Body(json.dumps(destination).encode()))) as client:
        shown = await client.show_destination(1)
    assert shown.destination_tenant_url == "see [secret]!"
    assert shown.statuses()[0].model_dump() == {
        "story_id": 5,
        "name": "see [secret]!",
        "status": "see [secret]!",
        "error": "see [secret]!",
    }
    body = json.dumps({quoted: [{"options": {"token": quoted}}]}).encode()
    async with client_of(Raw(200, [], Body(body))) as client:
        assert await client.export_story(1) == {"see [secret]!": [{"options": {"token": "see [secret]!"}}]}


async def test_a_redirect_shows_no_key() -> None:
    """An address that a redirect leads to comes masked as well."""
    assert await words(302, b"", location=f"https://x.example/?k={quote(OTHERS_KEY, safe='')}") == (
        "https://x.example/?k=[secret]"
    )


@pytest.mark.parametrize("at", range(4_090 - len(OTHERS_KEY), 4_100, 3))
async def test_no_half_of_a_key_is_left_where_reading_ends(at: int) -> None:
    """A key that lies across the end of what is looked at is not shown in part."""
    found = await words(503, ("x " * at)[:at].encode() + OTHERS_KEY.encode() + b" y" * 9_000)
    assert "another" not in found
    page = b"<p>" + b"<b>" * ((at - 3) // 3)
    found = await words(503, page + OTHERS_KEY.encode() + b" y" * 9_000)
    assert "another-" not in found
