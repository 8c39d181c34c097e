"""The tables of the quarantine in ClickHouse, read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple
from datetime import UTC, datetime
from functools import cache, partial
from importlib.resources import files
from typing import Any

from rankings.sale import Key
from runtime.errors import Permanent, Retryable
from streaming.clickhouse import connect, patiently
from streaming.quarantine.records import EPOCH, Event, Open, Position, Record, Wanted

INSERT_BYTES = 16 * 1024 * 1024
"""About how many bytes of payloads go into one insert."""

COLUMNS = (
    *("id", "hop", "topic", "at", "log_time", "field", "reason", "key", "payload", "fields", "source", "sale_id"),
    "order_time",
)
"""What is written of a refused record that the log does not have."""

HISTORY_COLUMNS = (
    *("id", "happened_at", "event", "who", "why", "topic", "partition", "offset", "log_time"),
    *("payload", "source", "sale_id", "from_topic"),
)

Row = tuple[object, ...]


class Quarantine:
    """Reads and writes the quarantine. Every method raises Retryable if ClickHouse does not answer, or refuses.

    Args:
        client: of clickhouse-connect.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def keep(self, rows: Sequence[Row]) -> None:
        """Takes refused records, as `COLUMNS`; those that it has are counted once more."""
        self._insert("quarantine", rows, COLUMNS)

    def again(self, refused: Iterable[tuple[Record, str, str]]) -> None:
        """Records were refused once more, at the hop that refused them first: each with the field and the reason."""
        self._insert("quarantine", [_kept(*each) for each in refused], (*COLUMNS, "partition", "offset"))

    def search(self, wanted: Wanted, limit: int) -> list[Record]:
        """Records, the one last refused first."""
        return self.records([row[0] for row in self._query("search", {**asdict(wanted), "limit": limit})])

    def count(self, wanted: Wanted) -> int:
        """How many there are."""
        return int(self._query("count", asdict(wanted))[0][0])

    def missing(self) -> dict[str, int]:
        """How many sales the answers may lack, by source."""
        from rankings.render.clickhouse import quarantined

        return {str(source): int(sales) for source, _topics, sales in self._asked(quarantined(), {})}

    def records(self, ids: Sequence[str]) -> list[Record]:
        """The records of these names, in their order; those that do not exist are left out."""
        found = {row[0]: _record(row) for some in _some(ids) for row in self._query("records", {"ids": some})}
        return [found[each] for each in ids if each in found]

    def record(self, name: str) -> Record:
        """The record of that name, or of the one name that begins so.

        Raises:
            Permanent: there is none, or more than one.
        """
        names = [row[0] for row in self._query("names", {"start": name})]
        exact = [each for each in names if each == name] or names
        if len(exact) != 1:
            valid = ", ".join(names[:5]) or "see `tidelake quarantine list --state all`"
            wrong = "several records in quarantine begin so" if names else "no record in quarantine has this name"
            raise Permanent(wrong, received=name, valid=valid)
        return self.records(exact)[0]

    def history(self, name: str) -> list[Event]:
        """What was done with a record, and before that with the record that it is a replay of, oldest first."""
        found: list[Event] = []
        current: str | None = name
        seen: set[str] = set()
        while current and current not in seen:
            seen.add(current)
            found = [_event(row) for row in self._query("history", {"id": current})] + found
            current = self.origin(current)
        return found

    def origin(self, name: str) -> str | None:
        """The record whose replay this one is, or None."""
        rows = self._query("origin", {"id": name})
        return str(rows[0][0]) if rows else None

    def unsettled(self) -> list[Event]:
        """The replays that began and have not ended: whether the log took them has to be looked up."""
        return [_event(row) for row in self._query("unsettled", {})]

    def open_since(self, moment: datetime) -> list[tuple[Key, Open, datetime]]:
        """The open records of known sales that were last refused at that time or later: sale, record, that time."""
        return [_open(row) for row in self._query("open_since", {"since": max(moment, EPOCH)})]

    def mark(self) -> tuple[object, ...]:
        """Changes whenever a record is refused, first or again; costs next to nothing to ask for."""
        return tuple(self._query("mark", {})[0])

    def settled(self) -> tuple[dict[tuple[str, int], int], datetime]:
        """How far the log has been searched for good records, and as of when the quarantine was known then."""
        rows = self._query("settled", {})
        reached = {(topic, int(partition)): int(offset) for topic, partition, offset, _ in rows}
        return reached, min((_aware(row[-1]) for row in rows), default=EPOCH)

    def save_settled(self, reached: Mapping[tuple[str, int], int], known_at: datetime) -> None:
        """Writes down how far the log has been searched."""
        rows = [(*at, offset, known_at) for at, offset in reached.items()]
        self._insert("quarantine_settled", rows, ("topic", "partition", "offset", "known_at"))

    def note(self, events: Iterable[tuple[Record, Event]]) -> None:
        """Adds to the history."""
        rows = [
            (
                *(each.id, each.happened_at, each.event, each.who, each.why, *astuple(each.to), each.payload),
                *(record.source, record.sale_id, record.topic),
            )
            for record, each in events
        ]
        self._insert("quarantine_history", rows, HISTORY_COLUMNS)

    def _insert(self, table: str, rows: Sequence[Row], names: Sequence[str]) -> None:
        for some in _portions(rows):
            self._patiently(partial(self._client.insert, table, some, column_names=names))

    def _query(self, name: str, bound: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        return self._asked(statement(name), bound)

    def _asked(self, text: str, bound: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        formats = {"key": "bytes", "payload": "bytes"}
        rows: Sequence[Sequence[Any]] = self._patiently(
            lambda: self._client.query(text, parameters=dict(bound), column_formats=formats)
        ).result_rows
        return rows

    def _patiently(self, call: Callable[[], Any]) -> Any:
        with as_ours():
            return patiently(call)


@contextmanager
def quarantine() -> Iterator[Quarantine]:
    """The platform's quarantine.

    Raises:
        Retryable: ClickHouse does not answer.
    """
    with as_ours():
        client = connect()
    try:
        yield Quarantine(client)
    finally:
        client.close()


@contextmanager
def as_ours() -> Iterator[None]:
    """Raises what ClickHouse's client raises as Retryable."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        yield
    except ClickHouseError as error:
        raise Retryable("the quarantine in ClickHouse cannot be used", received=str(error)[:500]) from error


@cache
def statement(name: str) -> str:
    """One of the statements of `streaming/sql/quarantine.sql`, by the name in the comment line before it."""
    whole = (files("streaming") / "sql" / "quarantine.sql").read_text()
    return whole.partition(f"-- {name}:")[2].partition("\n")[2].partition("\n;\n")[0]


def _kept(record: Record, field: str, reason: str) -> Row:
    """A record as the table takes it."""
    wrong = (record.log_time, field, reason, record.key, record.payload, record.fields)
    sale = (record.source, record.sale_id, record.order_time, record.partition, record.offset)
    return (record.id, record.hops[0], record.topic, record.at, *wrong, *sale)


def _portions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in lists whose texts are some megabytes together."""
    some: list[Row] = []
    size = 0
    for row in rows:
        some.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes | str))
        if size > INSERT_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _some(ids: Sequence[str], most: int = 500) -> Iterator[list[str]]:
    """The names in lists that are short enough to be one parameter."""
    for start in range(0, len(ids), most):
        yield list(ids[start : start + most])


def _aware(value: Any) -> Any:
    """clickhouse-connect gives times of UTC columns without their zone."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _record(row: Sequence[Any]) -> Record:
    values: list[Any] = [tuple(value) if isinstance(value, list) else _aware(value) for value in row]
    return Record(*values)


def _event(row: Sequence[Any]) -> Event:
    name, at, event, who, why, topic, partition, offset, log_time, payload = map(_aware, row)
    return Event(name, at, event, who, why, Position(topic, int(partition), int(offset), log_time), payload)


def _open(row: Sequence[Any]) -> tuple[Key, Open, datetime]:
    name, source, sale_id, topic, partition, offset, order_time, in_log, seen = map(_aware, row)
    return (source, sale_id), Open(name, topic, partition, offset, order_time, bool(in_log)), seen
