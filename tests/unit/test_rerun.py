"""Which tests `make pytest` runs once more when they failed."""

import pytest

from tests.browser.rerun import may_be_rerun

_BROWSER = "tests/browser/test_flow.py::test_it"


@pytest.mark.parametrize(
    ("failed", "rerun"),
    [
        ([_BROWSER], True),
        ([_BROWSER, "tests/browser/test_home.py::test_other[two]"], True),
        ([_BROWSER, "tests/unit/test_docs.py::test_it"], False),
        (["tests/unit/test_docs.py::test_it"], False),
        (["tests/unit/tests/browser/test_it.py::test_it"], False),
        ([], False),
    ],
)
def test_only_tests_in_a_browser_are_run_once_more(failed: list[str], *, rerun: bool) -> None:
    """A test that failed outside of a browser has failed, whatever else did; so has a run that failed without a test."""
    assert may_be_rerun(failed) is rerun
