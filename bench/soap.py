"""The connector for SOAP: rows a second and memory, over few and over many rows."""

from __future__ import annotations

from collections.abc import Callable

from bench.connector import Reading, add_way, reading, service
from bench.figures import Part, ratios

ZEEP_ROWS = 50_000


def measure(records: int, rounds: int, tell: Callable[[str], None]) -> Part:
    """Reads a service of that many rows, and one of a tenth of them, into the log; and parts of the way beside it."""
    part = Part("soap", f"SOAP: {records:,} rows in pages of 1,000, from the service into the log")
    many = [_reading(records, "log", tell) for _ in range(rounds)]
    few = [_reading(records // 10, "log", tell) for _ in range(rounds)]
    ours = [_reading(ZEEP_ROWS, "read", tell) for _ in range(rounds)]
    zeeps = [_reading(ZEEP_ROWS, "zeep", tell) for _ in range(rounds)]
    add_way(part, many, few)
    part.add("rows into the log, by CPU time", "rows/s", [each.thrift for each in many])
    part.add("with a tenth of the rows, by CPU time", "rows/s", [each.thrift for each in few])
    part.add("read without mapping and log, by CPU time", "rows/s", [each.thrift for each in ours])
    part.add(
        "the same : zeep's own values", "", ratios([each.thrift for each in ours], [each.thrift for each in zeeps])
    )
    return part


def _reading(rows: int, way: str, tell: Callable[[str], None]) -> Reading:
    tell(f"SOAP: {rows:,} rows, {way}")
    with service("soap", rows) as address:
        return reading("soap", f"{address}/?wsdl", rows, way)
