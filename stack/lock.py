"""One stack at a time in one TIDELAKE_HOME: a file lock that ends with its holder, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import Permanent
from runtime.settings import settings

# Someone who only looks whether the lock is held holds it for an instant.
PATIENCE_SECONDS = 1.0


def lock_file() -> Path:
    """The file that is locked; it holds the supervisor's process id."""
    return settings().home / "stack.lock"


@contextmanager
def stack_lock() -> Iterator[None]:
    """Holds the lock, with this process's id in it. A lock whose holder is dead is free.

    Raises:
        Permanent: another process holds it.
    """
    lock_file().parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock_file(), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(handle)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _acquire(handle: int) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not _try(handle, fcntl.LOCK_EX):
        if time.monotonic() > give_up:
            raise _already_up()
        time.sleep(0.05)


def _try(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder() -> int | None:
    """The process id of the supervisor that is up, or None."""
    try:
        handle = os.open(lock_file(), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # Held but empty: its holder has not written yet, or is about to let go.
        while not _try(handle, fcntl.LOCK_SH):
            if content := os.pread(handle, 20, 0):
                return int(content)
            time.sleep(0.01)
        return None
    finally:
        os.close(handle)


def check_not_up() -> None:
    """Raises Permanent if a stack is up in this TIDELAKE_HOME."""
    if holder() is not None:
        raise _already_up()


def _already_up() -> Permanent:
    return Permanent(
        "a stack is already up in this TIDELAKE_HOME",
        received=f"{settings().home} (process {holder()})",
        todo="stop it with `tidelake down`, or set TIDELAKE_HOME to another folder for a second one",
    )
