"""A folder of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.files.drop import Drop


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    """An empty folder and its source."""
    return Drop(tmp_path)
