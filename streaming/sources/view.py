"""The sources on a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streaming.quarantine.view import instant, safe
from streaming.sources.files.history import Happened
from streaming.sources.overview import SourceRow
from streaming.sources.records import Finding

COUNTS = ("read", "accepted", "quarantined")
COLUMNS = ("source", "kind", "topic", "state", "lag", *COUNTS, "open", "next reading", "last error")
WELL = "green"


def listed(rows: Sequence[SourceRow]) -> None:
    """A table with one line for each source."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in (*COUNTS, "open", "lag") else "left", overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    Console(highlight=False).print(table)


def _cells(row: SourceRow) -> list[Text]:
    told = row.told
    counts = [f"{told.counts[name]:,}" if told and name in told.counts else "" for name in COUNTS]
    missing = "" if row.missing is None else f"{row.missing:,}"
    next_at = f"{told.next_read_at:%H:%M:%S} UTC" if told and told.next_read_at else ""
    error = safe(told.last_error or "") if told else ""
    source = row.source
    texts = (source.name, source.kind, source.into, row.state, row.lag, *counts, missing, next_at, error)
    return [Text(each, style="red" if each == error and error else "") for each in texts]


def as_json(row: SourceRow) -> dict[str, object]:
    """One source for programs."""
    told = row.told
    return {
        "name": row.source.name,
        "kind": row.source.kind,
        "description": row.source.description,
        "topic": row.source.into,
        "origin": list(row.source.origin),
        "state": told.state.value if told else None,
        "enabled": told.enabled if told else True,
        "lag": row.lag or None,
        "last_error": told.last_error if told else None,
        "last_read_at": _instant(told.last_read_at if told else None),
        "next_read_at": _instant(told.next_read_at if told else None),
        "counts": dict(told.counts) if told else {},
        "detail": dict(told.detail) if told else {},
        "missing_sales": row.missing,
    }


def found(finding: Finding) -> None:
    """One finding of a check, with what can be done about it."""
    console = Console(highlight=False, soft_wrap=True)
    mark = Text("ok    ", style=WELL) if finding.ok else Text("not ok ", style="bold red")
    console.print(mark + Text(safe(finding.what)))
    if finding.todo and not finding.ok:
        console.print(Text(f"       what to do: {safe(finding.todo)}"))


def files(happened: Sequence[Happened]) -> None:
    """A table with one line for each file."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("file", "fate", "rows", "bad", "bytes", "when", "reason"):
        table.add_column(name, justify="right" if name in ("rows", "bad", "bytes") else "left", overflow="fold")
    for each in happened:
        numbers = (f"{each.rows:,}", f"{each.bad:,}", f"{each.size:,}")
        cells = (safe(each.path), each.fate.value, *numbers, each.ended or each.began, safe(each.reason))
        table.add_row(*map(Text, cells))
    Console(highlight=False).print(table)


def _instant(moment: datetime | None) -> str | None:
    return instant(moment) if moment else None
