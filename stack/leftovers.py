"""What a supervisor that was killed left behind: guards, each of which is still stopping its server."""

from __future__ import annotations

import time

from runtime.errors import Retryable
from stack.board import saved
from stack.process import is_guard

PATIENCE_SECONDS = 60.0


def wait_for_leftovers() -> None:
    """Waits until they have ended, as they do by themselves.

    Raises:
        Retryable: some did not end in time.
    """
    before = saved()
    guards = [row.guard for row in before.rows if row.guard] if before else []
    give_up = time.monotonic() + PATIENCE_SECONDS
    while left := [guard for guard in guards if is_guard(guard)]:
        if time.monotonic() > give_up:
            raise Retryable(
                "servers of an earlier stack did not end",
                received=f"processes {left}",
                todo="wait a little, then try again; see `tidelake logs`",
            )
        time.sleep(0.1)
