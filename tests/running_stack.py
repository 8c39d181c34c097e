"""A whole stack for tests: started by the command, ended with the tests, however these end."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.settings import Settings, settings
from stack import control
from stack.process import last_lines, log_file

START_SECONDS = 420.0
STOP_SECONDS = 120.0
PR_SET_PDEATHSIG = 1

ZONE = "America/St_Johns"
"""The stack's business time zone: far from UTC, not whole hours from it, and with summer time."""


@contextmanager
def at_home(home: Path) -> Iterator[Settings]:
    """Lets this process find the stack of that home."""
    before = os.environ.get("TIDELAKE_HOME")
    os.environ["TIDELAKE_HOME"] = str(home)
    settings.cache_clear()
    try:
        yield settings()
    finally:
        os.environ.pop("TIDELAKE_HOME")
        if before is not None:
            os.environ["TIDELAKE_HOME"] = before
        settings.cache_clear()


@contextmanager
def running_stack(home: Path) -> Iterator[None]:
    """A stack with every part ready.

    Raises:
        AssertionError: it did not start; the message holds the end of the log of each part that is not ready.
    """
    home.mkdir(parents=True)
    with (home / "up.txt").open("wb") as output:
        up = subprocess.Popen(
            [sys.executable, "-m", "runtime", "up"],
            env={**os.environ, "TIDELAKE_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_the_tests,  # noqa: PLW1509 - no other thread starts processes
        )
    try:
        with at_home(home):
            _wait_until_ready(up)
        yield
    finally:
        up.terminate()
        try:
            up.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Its guards see its end, and stop the servers by themselves.
            up.kill()
        with at_home(home):
            control.stop()


def end_with_the_tests() -> None:
    """A run of tests that is killed takes its stack along."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _wait_until_ready(up: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_SECONDS
    while (now := control.status(with_memory=False)).state != "ready":
        assert up.poll() is None and time.monotonic() < give_up, f"the stack did not start\n{troubles(now)}"
        time.sleep(0.3)
    settings.cache_clear()


def troubles(now: control.Status) -> str:
    """Every part that is not ready, with the end of its log."""
    said = (settings().home / "up.txt").read_text(errors="replace")[-3000:] if not now.rows else ""
    late = [row for row in now.rows if row.state != "ready"]
    logs = (f"{row.name} {row.state} {row.detail}\n{last_lines(row.name, 25)}" for row in late if _has_log(row.name))
    return "\n".join([f"{now.state} {said}", *logs])


def _has_log(name: str) -> bool:
    return log_file(name).exists()
