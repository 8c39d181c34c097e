"""Some of the real servers, started by the real supervisor in a TIDELAKE_HOME of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from runtime.settings import settings
from stack import control
from tests.running_stack import end_with_the_tests

START_SECONDS = 150.0

SUPERVISOR = """
from dataclasses import replace
from stack import runner, supervisor
# A server that a test has killed ran well before: it is started again at once, however soon after its last start.
runner.STEADY_SECONDS = 0.0
whole, names = supervisor.parts, {names!r}
def without_others(part):
    fields = [each for each in ("needs", "tend_after") if hasattr(part, each)]
    return replace(part, **{{each: tuple(filter(names.__contains__, getattr(part, each))) for each in fields}})
supervisor.parts = lambda: [without_others(part) for part in whole() if part.name in names]
raise SystemExit(supervisor.main())
"""


def start(home: Path, names: Iterable[str]) -> subprocess.Popen[bytes]:
    """A supervisor with the named parts ready; `TIDELAKE_HOME` says where."""
    with (home / "output").open("ab") as output:
        command = [sys.executable, "-c", SUPERVISOR.format(names=frozenset(names))]
        process = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=end_with_the_tests)  # noqa: PLW1509
    give_up = time.monotonic() + START_SECONDS
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
