"""The state of every part of the stack, shared by the supervisor's threads and written for other processes to read."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import structlog

from runtime.settings import settings
from stack.model import Part, Service
from stack.passwords import write_private

log = structlog.get_logger()

State = Literal["waiting", "starting", "ready", "unhealthy", "restarting", "failed", "stopping", "stopped"]
# A part that is met with one of these has been ready, so what needs it may go on.
USABLE = ("ready", "unhealthy", "restarting")


@dataclass(frozen=True)
class Row:
    """One part as it is now. Times are seconds since the epoch; `pid` is the server's, `guard` that of its guard."""

    name: str
    kind: Literal["service", "step"]
    state: State = "waiting"
    detail: str = ""
    version: str = ""
    address: str = ""
    pid: int | None = None
    guard: int | None = None
    restarts: int = 0
    since: float = 0.0
    started: float | None = None
    took: float | None = None


class Board:
    """The rows of all parts. Every change is written to `stack.json` and told to the listener."""

    def __init__(self, parts: Iterable[Part], listener: Callable[[Row], None] | None = None) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._rows = {part.name: _first_row(part) for part in parts}
        self._listener = listener
        self._started = time.time()

    def rows(self) -> list[Row]:
        """All rows, in the order of the parts."""
        with self._changed:
            return list(self._rows.values())

    def row(self, name: str) -> Row:
        """The row of one part."""
        with self._changed:
            return self._rows[name]

    def change(self, name: str, **fields: object) -> None:
        """Sets fields of one row; a new `state` starts its clock anew."""
        with self._changed:
            before = self._rows[name]
            after = replace(before, **fields)  # type: ignore[arg-type]
            if after == before:
                return
            if after.state != before.state:
                after = replace(after, since=time.time())
            self._rows[name] = after
            self._changed.notify_all()
            self.save()
        if after.state != before.state:
            self._tell(after)

    def _tell(self, row: Row) -> None:
        log.info("a part changed its state", part=row.name, state=row.state, detail=row.detail, seconds=row.took)
        if self._listener:
            self._listener(row)

    def wait_usable(self, names: Iterable[str], stop: threading.Event) -> bool:
        """Waits until all of `names` have been ready; False if `stop` came first."""
        with self._changed:
            while not stop.is_set():
                if self.usable(names):
                    return True
                self._changed.wait(0.2)
        return False

    def usable(self, names: Iterable[str]) -> bool:
        """Whether all of `names` have been ready."""
        with self._changed:
            return all(self._rows[name].state in USABLE for name in names)

    def state(self) -> str:
        """Of the whole: `failed`, `starting` (something was never ready), `unhealthy` or `ready`."""
        states = {row.state for row in self.rows()}
        if states & {"failed", "stopping", "stopped"}:
            return "failed" if "failed" in states else "stopping"
        if states & {"waiting", "starting"}:
            return "starting"
        return "ready" if states == {"ready"} else "unhealthy"

    def save(self) -> None:
        """Writes `stack.json`."""
        rows = [asdict(row) for row in self._rows.values()]
        content = {"pid": os.getpid(), "started": self._started, "state": self.state(), "parts": rows}
        write_private(state_file(), json.dumps(content, indent=1))


@dataclass(frozen=True)
class Saved:
    """What a supervisor last wrote: its process id, its start, the state of the whole, and all rows."""

    pid: int
    started: float
    state: str
    rows: tuple[Row, ...]


def state_file() -> Path:
    """Where the board is written for other processes."""
    return settings().home / "stack.json"


def saved() -> Saved | None:
    """The board as the last supervisor of this TIDELAKE_HOME wrote it, or None before the first."""
    try:
        content = json.loads(state_file().read_text())
    except FileNotFoundError:
        return None
    rows = tuple(Row(**row) for row in content["parts"])
    return Saved(content["pid"], content["started"], content["state"], rows)


def _first_row(part: Part) -> Row:
    if isinstance(part, Service):
        return Row(part.name, "service", version=part.version, address=part.address, since=time.time())
    return Row(part.name, "step", since=time.time())
