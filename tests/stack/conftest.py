"""A TIDELAKE_HOME of its own for every test of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.settings import settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home with its log folder; settings are read anew."""
    folder = tmp_path / "home"
    (folder / "logs").mkdir(parents=True)
    monkeypatch.setenv("TIDELAKE_HOME", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()
