"""What a person sees of the stack on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from rich.table import Table
from rich.text import Text

from stack.board import Row

MARKS = {
    "waiting": ("·", "dim"),
    "starting": ("▸", "yellow"),
    "ready": ("✓", "green"),
    "unhealthy": ("!", "red"),
    "restarting": ("↻", "yellow"),
    "failed": ("✗", "bold red"),
    "stopping": ("▾", "yellow"),
    "stopped": ("·", "dim"),
}


WIDE = 110
"""Columns of a terminal that the full table fits on."""


def table(rows: Iterable[Row], memory: Mapping[str, int], *, full: bool) -> Table:
    """All parts with their states.

    Args:
        rows: the parts.
        memory: bytes by service.
        full: with versions, process ids and uptime, as `tidelake status` shows it; else as `tidelake up` does.
    """
    view = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("", "part", "state"):
        view.add_column(title, no_wrap=title == "part")
    for title in ("seconds", "memory"):
        view.add_column(title, justify="right")
    for title in ("version", "address", "pid", "restarts", "up") if full else ("address",):
        view.add_column(title, overflow="fold")
    for row in rows:
        if not (full and row.kind == "step" and row.state == "ready"):
            view.add_row(*_cells(row, memory, full=full))
    view.add_row("", "", "", "", f"{mebibytes(sum(memory.values()))}", *([""] * (5 if full else 1)), style="bold")
    return view


def reasons(rows: Iterable[Row]) -> list[str]:
    """A line for each part that is not ready and says why, to stand below the full table."""
    return [f"{row.name} is {row.state}: {row.detail}" for row in rows if row.detail and row.state != "ready"]


def _cells(row: Row, memory: Mapping[str, int], *, full: bool) -> list[Text | str]:
    mark, style = MARKS[row.state]
    shown = "" if full or row.state == "starting" else row.detail[:100]
    state = Text(f"{row.state}: {shown}" if shown else row.state, style)
    cells: list[Text | str] = [Text(mark, style), row.name, state, _seconds(row), mebibytes(memory.get(row.name, 0))]
    if not full:
        return [*cells, row.address if row.state == "ready" else row.detail[:60]]
    up = duration(time.time() - row.started) if row.started and row.pid else ""
    return [*cells, row.version, row.address, str(row.pid or ""), str(row.restarts or ""), up]


def _seconds(row: Row) -> str:
    """How long the start took, or has taken."""
    if row.state == "starting":
        return f"{time.time() - row.since:.1f}"
    return f"{row.took:.1f}" if row.took is not None else ""


def mebibytes(count: int) -> str:
    """Bytes for a person, or nothing for none.

    >>> mebibytes(3 << 30)
    '3072 MiB'
    """
    return f"{count / (1 << 20):.0f} MiB" if count else ""


def duration(seconds: float) -> str:
    """A span of time for a person.

    >>> duration(59.9), duration(3700)
    ('59s', '1h 1m')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {rest}s" if minutes else f"{rest}s"
