"""Waiting for a condition, generously: a busy machine is no failure."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 240.0
POLL_SECONDS = 0.25


def wait_until(holds: Callable[[], bool], why: Callable[[], str]) -> None:
    """Returns once it holds; fails with the reason if it never does."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < give_up, why()
        time.sleep(POLL_SECONDS)
