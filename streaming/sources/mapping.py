"""From the records of a source to records of the log, by the mapping of its definition.

Every value is text here: nothing passes through a float, and an SQL expression casts what it computes with. A record
that cannot be mapped, or whose sale the contract refuses, is told with a reason and harms no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rankings.contract import DELETED_FIELD, Rejected, parse
from rankings.sale import Deletion
from streaming.sources.definition import Source
from streaming.sources.expressions import Expressions
from streaming.sources.fields import FieldMapping
from streaming.sources.records import Row
from streaming.sources.text import at_path, text

KEY_FIELD = "sale_id"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record for the log: key and payload, in UTF-8."""

    key: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A record for the quarantine.

    Attributes:
        at: where it stands in the source.
        field: the field of a sale that is wrong, or empty where the record as a whole is.
        reason: what was wrong, what came, what is valid.
        raw: the record as it came.
        fields: its fields as the source names them; None where it could not be read.
        sale_id: the sale that it is about, empty where it does not tell.
        after_good: whether a good record of that sale stands before it among those mapped with it, and none behind.
    """

    at: str
    field: str
    reason: str
    raw: bytes
    fields: Mapping[str, Any] | None = None
    sale_id: str = ""
    after_good: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the records of a batch, each in the source's order."""

    accepted: list[Accepted]
    refused: list[Refused]


class Mapper:
    """Maps the records of one source.

    Raises:
        Permanent: an expression of the definition is not valid.
    """

    def __init__(self, source: Source) -> None:
        self._name = source.name
        # The key and the deletion first: a deletion needs nothing else.
        told = source.fields.mapped()
        order = sorted(told, key=lambda each: (each != KEY_FIELD, each != DELETED_FIELD))
        self._fields = {name: told[name] for name in order}
        computed = {name: each for name, each in self._fields.items() if _is_computed(each)}
        self._expressions = Expressions({name: _expression(each) for name, each in computed.items()})

    def map(self, rows: Sequence[Row]) -> Outcome:
        """What becomes of the rows."""
        said = self.each(rows)
        accepted = {place: one for place, one in enumerate(said) if isinstance(one, Accepted)}
        refused = {place: one for place, one in enumerate(said) if isinstance(one, Refused)}
        return Outcome(list(accepted.values()), list(self._ordered(accepted, refused)))

    def each(self, rows: Sequence[Row]) -> list[Accepted | Refused]:
        """What becomes of each row, in their order; none is told how it stands to the others."""
        computed = iter(self._expressions.evaluate([row.fields for row in rows if row.fields is not None]))
        return [self._said(row, {} if row.fields is None else next(computed)) for row in rows]

    def _ordered(self, accepted: Mapping[int, Accepted], refused: Mapping[int, Refused]) -> Iterator[Refused]:
        """The refused ones, each with how it stands to the good ones of its sale."""
        last = {each.key: place for place, each in accepted.items()}
        for place, each in refused.items():
            good = last.get(key(self._name, each.sale_id)) if each.sale_id else None
            yield replace(each, after_good=good is not None and good < place)

    def _said(self, row: Row, computed: Mapping[str, str | Rejected | None]) -> Accepted | Refused:
        if row.fields is None:
            return Refused(row.at, "", row.problem or "the record cannot be read", row.raw)
        fields = {"source": self._name}
        for name, value in self._values(row.fields, computed):
            if isinstance(value, Rejected):
                return self._refused(row, name, value.reason, fields)
            if value is not None:
                fields[name] = value
            if name == DELETED_FIELD and value == "true":
                break
        return self._judged(row, fields)

    def _values(
        self, told: Mapping[str, Any], computed: Mapping[str, str | Rejected | None]
    ) -> Iterator[tuple[str, str | Rejected | None]]:
        for name, mapping in self._fields.items():
            yield name, computed[name] if name in computed else _plain(name, mapping, told)

    def _judged(self, row: Row, fields: dict[str, str]) -> Accepted | Refused:
        payload = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")
        said = parse(payload)
        if isinstance(said, Rejected):
            return self._refused(row, said.field or "", said.reason, fields)
        return Accepted(key(self._name, said.sale_id), payload)  # type: ignore[union-attr]

    def _refused(self, row: Row, field: str, reason: str, fields: Mapping[str, str]) -> Refused:
        told = {"source": self._name, KEY_FIELD: fields.get(KEY_FIELD), DELETED_FIELD: True}
        said = parse(json.dumps(told).encode())
        sale_id = said.sale_id if isinstance(said, Deletion) else ""
        return Refused(row.at, field, reason, row.raw, row.fields, sale_id)


def key(source: str, sale_id: str) -> bytes:
    """The key of a sale's records, which keeps all of them in one partition."""
    return json.dumps([source, sale_id], ensure_ascii=False).encode()


def _is_computed(mapping: FieldMapping) -> bool:
    return mapping.sql is not None or mapping.cast is not None


def _expression(mapping: FieldMapping) -> tuple[str | None, str | None, str | None]:
    return mapping.field, mapping.sql, mapping.cast


def _plain(name: str, mapping: FieldMapping, told: Mapping[str, Any]) -> str | Rejected | None:
    if mapping.constant is not None:
        return mapping.constant
    try:
        return text(at_path(told, mapping.field or name))
    except ValueError as error:
        return Rejected(name, f"{name}: {error}")
