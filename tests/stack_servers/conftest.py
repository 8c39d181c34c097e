"""The real third-party servers, in a TIDELAKE_HOME of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.settings import settings
from stack import control

OURS = ("gauge", "jobs", "api", "lineage")
"""Tidelake's own processes have tests of their own, on the whole stack."""

SUPERVISOR = f"""
from stack import supervisor
whole = supervisor.parts
supervisor.parts = lambda: [part for part in whole() if part.name not in {OURS!r}]
raise SystemExit(supervisor.main())
"""


def start(home: Path) -> subprocess.Popen[bytes]:
    """A supervisor with every server ready."""
    with (home / "output").open("ab") as output:
        process = subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=output, stderr=output)
    give_up = time.monotonic() + 150
    while control.status(with_memory=False).state != "ready":
        assert process.poll() is None, (home / "output").read_text()
        assert time.monotonic() < give_up, (home / "output").read_text()
        time.sleep(0.2)
    settings.cache_clear()
    return process


def stop(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> None:
    """Ends a supervisor and waits for its servers to end."""
    process.send_signal(number)
    process.wait(60)
    control.stop()


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
    """The running servers; a test that starts them anew puts the new supervisor into the list."""
    running = [start(home)]
    yield running
    stop(running[-1])
