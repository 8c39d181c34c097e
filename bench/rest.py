"""The connector for REST: rows a second and memory, over few and over many rows."""

from __future__ import annotations

from collections.abc import Callable

from bench.connector import Reading, add_way, reading, service
from bench.figures import Part, ratios


def measure(records: int, rounds: int, tell: Callable[[str], None]) -> Part:
    """Reads a service of that many rows, and one of a tenth of them, into the log; and parts of the way beside it."""
    part = Part("rest", f"REST: {records:,} rows in pages of 1,000, from the service into the log")
    ways = {"many": (records, "log"), "few": (records // 10, "log")}
    ways |= {"read": (records // 10, "read"), "plain": (records // 10, "plain")}
    found: dict[str, list[Reading]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (rows, way) in ways.items():
            found[name].append(_reading(rows, way, tell))
    add_way(part, found["many"], found["few"])
    read, plain = ([each.rate for each in found[name]] for name in ("read", "plain"))
    part.add("read, without mapping and log", "rows/s", read)
    part.add("the same : a loop of httpx and json", "", ratios(read, plain))
    return part


def _reading(rows: int, way: str, tell: Callable[[str], None]) -> Reading:
    tell(f"REST: {rows:,} rows, {way}")
    with service("rest", rows) as address:
        return reading("rest", f"{address}/sales", rows, way)
