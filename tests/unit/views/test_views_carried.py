"""What buttons and views carry comes back as it went out, and what cannot be read is nothing, never an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views.carried import ErrorRef, FormMeta, PageRef, RequestRef, ReviewMeta

ids = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=8, max_size=8).map("TS-{}".format)
revisions = st.integers(min_value=1, max_value=2**31 - 1)
carried = st.one_of(
    st.builds(RequestRef, request=ids, revision=revisions),
    st.builds(
        ReviewMeta,
        request=ids,
        revision=revisions,
        digest=st.text("0123456789abcdef", min_size=64, max_size=64),
    ),
    st.builds(ErrorRef, request=ids, story=st.integers(min_value=0, max_value=2**63 - 1)),
    st.builds(PageRef, page=st.integers(min_value=1, max_value=100_000), request=st.none() | ids),
    st.builds(
        FormMeta,
        operation=st.text(max_size=32),
        route=st.text(max_size=75),
        team=st.none() | st.integers(min_value=0, max_value=10**15),
        request=st.none() | ids,
        revision=st.none() | revisions,
        draft=st.text(max_size=64),
    ),
)


@given(carried)
def test_it_comes_back_as_it_went_out(value: RequestRef | ReviewMeta | ErrorRef | PageRef | FormMeta) -> None:
    """Reading what was written gives the same value, in a text that Slack takes as private metadata."""
    text = value.dump()
    assert type(value).read(text) == value
    assert len(text.encode()) <= 3000


@pytest.mark.parametrize("kind", [RequestRef, ReviewMeta, ErrorRef, PageRef])
@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "{",
        "[]",
        "null",
        '"TS-ABCD1234"',
        "{}",
        '{"request":"TS-abcd1234","revision":1,"story":1,"page":1,"digest":"x"}',
        '{"request":"<!channel>","revision":1,"story":1}',
        '{"request":"TS-ABCD1234","revision":-1,"story":-1,"page":0}',
        '{"request":"TS-ABCD1234","revision":99999999999999999999,"story":99999999999999999999,"page":1e99}',
    ],
)
def test_what_cannot_be_read_is_nothing(kind: type[RequestRef | ReviewMeta | ErrorRef | PageRef], text: object) -> None:
    """Absent, cut off, foreign or tampered values read as None."""
    assert kind.read(text) is None


@given(st.text() | st.none() | st.integers())
def test_reading_never_fails(text: object) -> None:
    """Any value of a button can be read without an error."""
    for kind in (RequestRef, ReviewMeta, ErrorRef, PageRef, FormMeta):
        assert kind.read(text) is None or isinstance(text, str)


def test_tomorrows_buttons_are_read_today() -> None:
    """Fields that are not known yet are left aside, so that a rolled-back app still reads newer messages."""
    assert RequestRef.read('{"request":"TS-ABCD1234","revision":2,"colour":"red"}') == RequestRef(
        request="TS-ABCD1234", revision=2
    )
    assert RequestRef.read('{"request":"TS-ABCD1234"}') == RequestRef(request="TS-ABCD1234", revision=1)
