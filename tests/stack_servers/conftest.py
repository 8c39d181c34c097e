"""The real third-party servers, in a TIDELAKE_HOME of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.settings import settings
from tests import small_stack

THEIRS = (
    *("postgres", "redis", "kafka", "gateway", "jobmanager", "taskmanager", "connect"),
    *("databases", "platform-tables", "clickhouse-tables", "api-key", "topics", "connector"),
)
"""Tidelake's own processes have tests of their own, on the whole stack."""


def start(home: Path) -> subprocess.Popen[bytes]:
    """A supervisor with every server ready."""
    return small_stack.start(home, THEIRS)


stop = small_stack.stop


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home under a folder that only this user may enter, as /root is."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    folder = closed / "home"
    (folder / "logs").mkdir(parents=True)
    before = os.environ.get("TIDELAKE_HOME")
    os.environ["TIDELAKE_HOME"] = str(folder)
    settings.cache_clear()
    yield folder
    os.environ.pop("TIDELAKE_HOME")
    if before is not None:
        os.environ["TIDELAKE_HOME"] = before
    settings.cache_clear()


@pytest.fixture(scope="module")
def servers(home: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The supervisor of the running servers; a test that ends it takes it out of the list."""
    running = [start(home)]
    yield running
    for supervisor in running:
        stop(supervisor)
