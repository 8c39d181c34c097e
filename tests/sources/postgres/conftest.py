"""PostgreSQL, Kafka and Connect, and nothing else, for all tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.settings import Settings, settings
from stack import control
from tests.running_stack import at_home

PARTS = ("postgres", "databases", "platform-tables", "kafka", "topics", "connect", "connector")

SUPERVISOR = f"""
from stack import supervisor
whole = supervisor.parts
supervisor.parts = lambda: [part for part in whole() if part.name in {PARTS!r}]
raise SystemExit(supervisor.main())
"""


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of the small stack; TIDELAKE_TEST_SMALL_HOME names one that runs already."""
    if given := os.environ.get("TIDELAKE_TEST_SMALL_HOME"):
        yield Path(given).absolute()
        return
    home = tmp_path_factory.mktemp("small") / "home"
    with running(home):
        yield home


class running:  # noqa: N801 - reads as a statement
    """A supervisor of the small stack's parts."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __enter__(self) -> None:
        (self._home / "logs").mkdir(parents=True)
        with (self._home / "output").open("ab") as output:
            environment = {**os.environ, "TIDELAKE_HOME": str(self._home)}
            self._process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISOR], stdout=output, stderr=output, env=environment
            )
        give_up = time.monotonic() + 150
        with at_home(self._home):
            while control.status(with_memory=False).state != "ready":
                assert self._process.poll() is None, (self._home / "output").read_text()
                assert time.monotonic() < give_up, str(control.status(with_memory=False))
                time.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)
        with at_home(self._home):
            control.stop()


@pytest.fixture
def stack(small_home: Path) -> Iterator[Settings]:
    """The settings of the small stack, which this process finds it by while the test runs."""
    with at_home(small_home):
        settings.cache_clear()
        yield settings()
