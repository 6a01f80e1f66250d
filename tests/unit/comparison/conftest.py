"""An export of a made-up story, to be changed by the tests."""

import json
from pathlib import Path
from typing import Any

import pytest

EXPORT = (Path(__file__).parent / "story.json").read_text()


@pytest.fixture
def export() -> dict[str, Any]:
    """Return an export of its own for each test."""
    decoded: dict[str, Any] = json.loads(EXPORT)
    return decoded
