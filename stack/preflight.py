"""What must be true before a stack starts, each failure told as what to do."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from runtime.errors import Permanent
from runtime.settings import settings
from stack.addresses import choose
from stack.java import check_java
from stack.leftovers import wait_for_leftovers
from stack.lock import check_not_up

LEAST_FREE_BYTES = 2_000_000_000


def preflight() -> None:
    """Checks everything, cheapest first.

    Raises:
        Permanent: the first thing that is not as it must be.
    """
    check_platform()
    check_home()
    check_not_up()
    check_java()
    check_disk()
    wait_for_leftovers()
    choose()


def check_platform() -> None:
    """The stack watches its processes by means of Linux."""
    if sys.platform != "linux":
        raise Permanent("the stack runs on Linux", received=sys.platform, todo="use a Linux machine or container")


def check_home() -> None:
    """TIDELAKE_HOME has a name that all engines understand alike, and can be made and written to."""
    _check_name(settings().home)
    _check_writable(settings().home)


def _check_name(home: Path) -> None:
    """Some engines decode %20 in a table's address and some do not: they would use different folders."""
    if home.as_uri() != f"file://{home}":
        raise Permanent(
            "the path of TIDELAKE_HOME holds a character that addresses of files cannot hold as it is",
            received=str(home),
            valid="letters, digits and . _ - ~ of ASCII",
            todo="set TIDELAKE_HOME to a folder with a plain name",
        )


def _check_writable(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        for folder in (home, settings().log_dir):
            folder.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                continue
    except OSError as error:
        raise Permanent(
            "TIDELAKE_HOME cannot be written to",
            received=f"{home}: {error.strerror}",
            todo="set TIDELAKE_HOME to a folder of yours",
        ) from error


def check_disk() -> None:
    """There is room for the databases, the log and the lake."""
    free = shutil.disk_usage(settings().home).free
    if free < LEAST_FREE_BYTES:
        raise Permanent(
            "the disk of TIDELAKE_HOME is nearly full",
            received=f"{free / 1e9:.1f} GB free at {settings().home}",
            valid=f"{LEAST_FREE_BYTES / 1e9:.0f} GB or more",
            todo="free some space, or set TIDELAKE_HOME to a folder on another disk",
        )
