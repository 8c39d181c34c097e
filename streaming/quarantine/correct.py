"""A record in quarantine made ready for the log again: as it came or corrected, mapped and judged as any other."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rankings.contract import Rejected, parse
from rankings.sale import Deletion, Sale
from runtime.errors import Permanent
from streaming.quarantine.records import Record
from streaming.sources.definition import Source
from streaming.sources.mapping import Accepted, Mapper, Refused, key
from streaming.sources.records import Row


@dataclass(frozen=True, slots=True)
class Correction:
    """What is different from how the record came.

    Attributes:
        payload: takes its place; None for none. Of a record that never came to the log, its fields as JSON.
        values: new texts of fields, by name; dots lead into nested objects. The names are the source's own where the
            record never came to the log, and otherwise the contract's.
    """

    payload: bytes | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.payload is not None or bool(self.values)


@dataclass(frozen=True, slots=True)
class Ready:
    """A record for the log.

    Attributes:
        partition: where it has to go; None leaves it to the key, as whoever made the key does.
    """

    topic: str
    key: bytes
    payload: bytes
    partition: int | None = None


class Corrector:
    """Makes records ready for the log.

    Args:
        source: gives the definition of a source by its name.
    """

    def __init__(self, source: Callable[[str], Source]) -> None:
        self._source = source
        self._mappers: dict[str, tuple[Source, Mapper]] = {}

    def ready(self, records: Sequence[Record], correction: Correction) -> list[Ready | Rejected]:
        """Each record for the log, or what is wrong with it this time, in their order.

        Raises:
            Permanent: the definition of a source is gone or not valid.
        """
        found: dict[int, Ready | Rejected] = {}
        rows: dict[str, dict[int, Row]] = defaultdict(dict)
        for place, record in enumerate(records):
            made = _from_log(record, correction) if record.in_log else _row(record, correction)
            if isinstance(made, Row):
                rows[record.source][place] = made
            else:
                found[place] = made
        for name, some in rows.items():
            source, mapper = self._mapper(name)
            said = mapper.each(list(some.values()))
            found |= {place: _judged(source, each) for place, each in zip(some, said, strict=True)}
        return [found[place] for place in range(len(records))]

    def _mapper(self, name: str) -> tuple[Source, Mapper]:
        if name not in self._mappers:
            source = self._source(name)
            self._mappers[name] = source, Mapper(source)
        return self._mappers[name]


def _row(record: Record, correction: Correction) -> Row | Rejected:
    """A record that its source's reader refused, with its fields as they are this time."""
    told = correction.payload if correction.payload is not None else record.fields.encode()
    found = corrected(told, correction.values)
    if isinstance(found, Rejected):
        return found if told else Rejected(None, f"{record.reason}; give its fields as JSON with --payload")
    return Row(record.at, found, record.payload)


def _judged(source: Source, said: Accepted | Refused) -> Ready | Rejected:
    if isinstance(said, Refused):
        return Rejected(said.field or None, said.reason)
    return Ready(source.into, said.key, said.payload)


def _from_log(record: Record, correction: Correction) -> Ready | Rejected:
    payload = correction.payload if correction.payload is not None else record.payload
    if correction.values:
        found = corrected(payload, correction.values)
        if isinstance(found, Rejected):
            return found
        payload = json.dumps(found, ensure_ascii=False).encode()
    said = parse(payload)
    if isinstance(said, Rejected):
        return said
    if not isinstance(said, Sale | Deletion):
        return Rejected(None, "payload: received a mark, valid: a sale")
    return _keyed(record, payload, said)


def _keyed(record: Record, payload: bytes, said: Sale | Deletion) -> Ready:
    """With the key of the sale's other records, so that it comes behind them in their partition."""
    canonical = key(said.source, said.sale_id)
    own = _object(record.key)
    if own is None:
        return Ready(record.topic, canonical, payload, record.partition if record.key == canonical else None)
    told = _object(payload) or {}
    now = {name: told.get(name) for name in own}
    if now == own:
        return Ready(record.topic, record.key, payload, record.partition)
    # As Kafka Connect writes the keys of tables.
    return Ready(record.topic, json.dumps(now, ensure_ascii=False, separators=(",", ":")).encode(), payload)


def corrected(payload: bytes, values: Mapping[str, str]) -> dict[str, Any] | Rejected:
    """The fields of a JSON object with some of them set.

    >>> corrected(b'{"a": {"b": 1}}', {"a.b": "2"})
    {'a': {'b': '2'}}
    >>> corrected(b"[1]", {}).reason
    'payload: received no JSON object, valid: a JSON object'
    """
    found = _object(payload)
    if found is None:
        return Rejected(None, "payload: received no JSON object, valid: a JSON object")
    for path, value in values.items():
        _set(found, path, value)
    return found


def _set(fields: dict[str, Any], path: str, value: str) -> None:
    head, dot, rest = path.partition(".")
    if path in fields or not dot:
        fields[path] = value
        return
    inner = fields.setdefault(head, {})
    if not isinstance(inner, dict):
        raise Permanent(f"{head} holds no fields of its own", received=path, valid=", ".join(fields))
    _set(inner, rest, value)


def _object(payload: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(payload)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
