"""Operators' commands: each runs as the `tidelake` command that operators know, in a process of its own.

So the API shares no memory and no import with what recomputes history, and whoever may run it here could run it there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from runtime.errors import Permanent, Retryable
from serving.flights import Flights

TRY_AGAIN = 75
"""The command's exit code for what can succeed later."""

LONGEST_SAID = 1000
"""Characters of what a command said that callers are told: the last ones."""


Stamp = frozenset[tuple[str, int, int]] | None


class CommandOperations:
    """Runs the commands.

    Args:
        timeout_seconds: longest time that one may take.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds

    def publish(self, version: int) -> str:
        """Pins all answers to a version that was published before: the rollback."""
        return self._run("rollback", str(version))

    def replay(self, record_id: str, who: str) -> str:
        """Sends a record of the quarantine through the contract again."""
        return self._run("quarantine", "replay", "--by", who, "--", record_id)

    def discard(self, record_id: str, who: str, why: str) -> str:
        """Closes a record of the quarantine without replaying it."""
        return self._run("quarantine", "discard", "--by", who, "--why", why, "--", record_id)

    def _run(self, *arguments: str) -> str:
        return _in_one_line(_run(self._timeout, *arguments))


class CommandLineage:
    """Derives the lineage by the command; each is kept until a definition of a source changes.

    Args:
        timeout_seconds: longest time that it may take.
        definitions: the folder of the user's own definitions.
    """

    def __init__(self, timeout_seconds: float, definitions: Path) -> None:
        self._timeout, self._definitions = timeout_seconds, definitions
        self._known: dict[str, tuple[Stamp, dict[str, object]]] = {}
        self._deriving = Flights[dict[str, object]]()

    def of(self, ranking: str) -> dict[str, object]:
        """The way of a ranking's answers back to their sources."""
        stamp = _stamp(self._definitions)
        known = self._known.get(ranking)
        if known is not None and known[0] == stamp:
            return known[1]
        derived = self._deriving.run(ranking, lambda: self._derive(ranking))
        self._known[ranking] = stamp, derived
        return derived

    def _derive(self, ranking: str) -> dict[str, object]:
        derived: dict[str, object] = json.loads(_run(self._timeout, "lineage", ranking, "--json"))
        return derived


def _stamp(folder: Path) -> Stamp:
    """What is another once a file of the folder is written, added or removed."""
    try:
        found = [(each.name, each.stat()) for each in folder.iterdir()]
    except OSError:
        # There is no folder, or a file of it has just gone.
        return None
    return frozenset((name, about.st_mtime_ns, about.st_size) for name, about in found)


def _run(timeout_seconds: float, *arguments: str) -> str:
    """What the command printed.

    Raises:
        Retryable: it failed and may succeed later, or took too long.
        Permanent: it failed.
    """
    command = [sys.executable, "-m", "runtime", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise Retryable("the operation took too long and was ended", received=arguments[0]) from error
    if done.returncode:
        kind = Retryable if done.returncode == TRY_AGAIN else Permanent
        said = _in_one_line(f"{done.stdout}\n{done.stderr}")
        raise kind(f"the operation failed: {said}")
    return done.stdout


def _in_one_line(said: str) -> str:
    """What a command said, for people; commands tell what they did on one stream, and what went wrong on the other.

    >>> _in_one_line("7 refused again: amount: missing\\n\\n 0 replayed\\n")
    '7 refused again: amount: missing; 0 replayed'
    """
    return "; ".join(line.strip() for line in said.splitlines() if line.strip())[-LONGEST_SAID:]
