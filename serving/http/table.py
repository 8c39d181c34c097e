"""An answer's lines as a table, for CSV and Arrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson

Line = Mapping[str, Any]


class Kind(StrEnum):
    """What a column holds. Money is a decimal string in lines and CSV, decimal128(38, 2) in Arrow."""

    NUMBER = "number"
    TEXT = "text"
    MONEY = "money"
    DAY = "day"
    FLAG = "flag"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, and the lines."""

    columns: Mapping[str, Kind]
    lines: Sequence[Line]


def as_csv(table: Table) -> bytes:
    """UTF-8, a head line, CRLF (RFC 4180); what is not known is an empty field."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.columns)
    writer.writerows([line.get(name) for name in table.columns] for line in table.lines)
    return out.getvalue().encode()


def as_arrow(table: Table, metadata: Mapping[str, object]) -> bytes:
    """An Arrow stream; each entry of the metadata is JSON in the schema's."""
    import pyarrow as pa

    types = {
        Kind.NUMBER: pa.int64(),
        Kind.TEXT: pa.string(),
        Kind.MONEY: pa.decimal128(38, 2),
        Kind.DAY: pa.date32(),
        Kind.FLAG: pa.bool_(),
        Kind.SECONDS: pa.float64(),
    }
    kept = {name: orjson.dumps(value) for name, value in metadata.items()}
    schema = pa.schema([(name, types[kind]) for name, kind in table.columns.items()], metadata=kept)
    arrays = [
        pa.array([_cell(line.get(name), kind) for line in table.lines], types[kind])
        for name, kind in table.columns.items()
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _cell(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind is Kind.MONEY:
        return Decimal(value)
    return date.fromisoformat(value) if kind is Kind.DAY else value
