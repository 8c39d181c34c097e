"""Points at which a test ends a source's process by SIGKILL, to show that nothing depends on where it ends."""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "TIDELAKE_TEST_KILL_AT"
"""`POINT` or `POINT:N`: at the N-th time (the first if absent) that the process comes by that point."""

_passed: Counter[str] = Counter()


def passing(point: str) -> None:
    """Ends the process here if a test wants that; without the variable it does nothing."""
    wanted, _, number = os.environ.get(VARIABLE, "").partition(":")
    _passed[point] += 1
    if point == wanted and _passed[point] == int(number or 1):
        os.kill(os.getpid(), signal.SIGKILL)
