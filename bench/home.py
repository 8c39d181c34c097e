"""The stack that is measured: one of its own in a temporary folder, gone at the end; or one that is up already."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.settings import Settings, settings
from stack import control


@contextmanager
def measured_stack(home: Path | None) -> Iterator[Settings]:
    """The settings of a stack with every part ready.

    Args:
        home: the TIDELAKE_HOME of a stack to measure, which is left as it was found: up or down. Without it one is
            made and removed.

    Raises:
        Permanent, Retryable: it could not be started.
    """
    made = Path(tempfile.mkdtemp(prefix="tidelake-bench-")) if home is None else None
    # PostgreSQL runs as another user, who has to reach his folder.
    (home or made or Path()).mkdir(mode=0o755, parents=True, exist_ok=True)
    os.environ["TIDELAKE_HOME"] = str((home or made or Path()).absolute())
    settings.cache_clear()
    try:
        with _running():
            yield settings()
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _running() -> Iterator[None]:
    """Starts the stack unless it is up; stops what it started, also at SIGTERM."""
    if control.status(with_memory=False).state == "ready":
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        control.start()
        yield
    finally:
        control.stop()
        signal.signal(signal.SIGTERM, before)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
