"""Whether the tests that failed may be run once more: only those in a real browser, `python -m tests.browser.rerun`.

A browser is the one part of the tests that is outside of our control. What fails anywhere else and passes the next time
has a race, which a second run would hide.
"""

import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

_BROWSER: Final = "tests/browser/"
_FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")  # written by pytest, in the folder that it runs in


def may_be_rerun(failed: Collection[str]) -> bool:
    """Whether some tests failed, given by their ids, and each of them is in a browser."""
    return bool(failed) and all(each.startswith(_BROWSER) for each in failed)


def main() -> int:
    """Return 0 when what failed may be run once more, else 1."""
    failed = json.loads(_FAILED.read_text(encoding="utf-8")) if _FAILED.exists() else ()
    return 0 if may_be_rerun(failed) else 1


if __name__ == "__main__":
    sys.exit(main())
