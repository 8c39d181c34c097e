"""The quarantine on a terminal, and as JSON. What came from outside is shown without what a terminal would obey."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streaming.quarantine.records import Event, Position, Record
from streaming.quarantine.replay import Replayed

LONGEST_REASON = 120


def listed(records: Sequence[Record], total: int, missing: Mapping[str, int]) -> None:
    """A table of records, and below how many there are and how many sales the answers may be missing."""
    console = Console(highlight=False)
    if records:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("id", "source", "sale", "where", "state", "times", "last refused", "reason"):
            table.add_column(name, overflow="fold")
        for each in records:
            reason = safe(each.reason)
            shown = reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON] + "…"
            where = f"{'+'.join(each.hops)} {safe(each.at)}"
            cells = (each.id, safe(each.source), safe(each.sale_id), where, each.state, f"{each.times:,}")
            table.add_row(*map(Text, (*cells, when(each.last_seen), shown)))
        console.print(table)
    told = ", ".join(f"{safe(source)} {sales:,}" for source, sales in missing.items())
    console.print(f"{total:,} records, {len(records):,} of them shown", markup=False)
    console.print(f"sales that the answers may be missing: {told or 'none'}", markup=False)


def shown(record: Record, history: Sequence[Event], origin: str | None) -> None:
    """Everything that is known of one record."""
    console = Console(highlight=False, soft_wrap=True)
    told = {
        "id": record.id,
        "state": record.state,
        "source": safe(record.source),
        "sale": safe(record.sale_id) or "not told",
        "where": safe(record.at),
        "topic": record.topic,
        "refused by": ", ".join(record.hops),
        "refused": f"{record.times:,} times, first {when(record.first_seen)}, last {when(record.last_seen)}",
        "field": safe(record.field) or "the record as a whole",
        "reason": safe(record.reason),
        "replay of": origin,
    }
    for name, value in told.items():
        if value:
            console.print(Text(f"{name:<11} ", style="bold") + Text(value))
    console.print(Text("payload", style="bold"))
    console.print(Text(safe(as_text(record.payload))))
    if history:
        console.print(Text("history", style="bold"))
    for event in history:
        console.print(Text("  " + _line(event, record)))


def _line(event: Event, record: Record) -> str:
    of = "" if event.id == record.id else f" ({event.id})"
    to = f" {_at(event.to)}" if event.to.topic else ""
    why = f": {safe(event.why)}" if event.why else ""
    return f"{when(event.happened_at)} {event.event}{of}{to} by {safe(event.who)}{why}"


def _at(position: Position) -> str:
    return f"to {position.id}"


def replayed(outcome: Replayed) -> None:
    """One line on what became of a record."""
    told = f"sent to {outcome.to.id}" if outcome.to else f"refused again: {safe(outcome.wrong)}"
    Console(highlight=False, soft_wrap=True).print(f"{outcome.record.id} {told}", markup=False)


def summed(outcomes: Iterable[Replayed]) -> None:
    """How many records went through, and how many did not."""
    done = list(outcomes)
    sent = sum(each.to is not None for each in done)
    Console(highlight=False).print(f"{sent:,} replayed, {len(done) - sent:,} refused again", markup=False)


def print_json(document: Mapping[str, object]) -> None:
    """A document for programs."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def write_bytes(payload: bytes) -> None:
    """The payload alone, byte for byte."""
    sys.stdout.buffer.write(payload)
    sys.stdout.buffer.flush()


def as_json(record: Record) -> dict[str, object]:
    """A record for programs; bytes that are not UTF-8 come in base64."""
    times: dict[str, Any] = {name: instant(getattr(record, name)) for name in ("log_time", "first_seen", "last_seen")}
    plain = ("id", "state", "source", "sale_id", "topic", "at", "field", "reason", "times")
    position = {"partition": record.partition, "offset": record.offset} if record.in_log else {}
    return {
        **{name: getattr(record, name) for name in plain},
        "refused_by": list(record.hops),
        **position,
        **times,
        **_bytes("key", record.key),
        **_bytes("payload", record.payload),
        "fields": json.loads(record.fields) if record.fields else None,
    }


def event_as_json(event: Event) -> dict[str, object]:
    """What was done, for programs."""
    told: dict[str, object] = {name: getattr(event, name) for name in ("id", "event", "who", "why")}
    position = {"position": event.to.id} if event.to.topic else {}
    sent = _bytes("payload", event.payload) if event.payload else {}
    return {**told, "happened_at": instant(event.happened_at), **position, **sent}


def _bytes(name: str, value: bytes) -> dict[str, object]:
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}


def as_text(payload: bytes) -> str:
    """A payload for people: bytes that are not UTF-8 as escapes."""
    return payload.decode("utf-8", "backslashreplace")


def safe(text: str) -> str:
    r"""A text from outside without control characters.

    >>> safe("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return "".join(each if each.isprintable() or each in "\n\t" else f"\\x{ord(each):02x}" for each in text)


def when(moment: datetime) -> str:
    """A time for people."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def instant(moment: datetime) -> str:
    """A time for programs."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
