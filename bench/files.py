"""The connector for files: rows a second and memory, over small and large files of each format."""

from __future__ import annotations

import csv
import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from bench.connector import MEMORY, Reading, add_way, memory, reading
from bench.figures import Part

COLUMNS = ("id", "at", "country", "town", "seller", "total", "currency")
WRITTEN_AT_A_TIME = 50_000


def measure(records: int, rounds: int, tell: Callable[[str], None]) -> Part:
    """Takes CSV of that many rows, and of a tenth of them, into the log; every format is read without it."""
    part = Part("files", f"Files: {records:,} rows in one file, from the folder into the log")
    many = [_reading("csv", records, "log", tell) for _ in range(rounds)]
    few = [_reading("csv", records // 10, "log", tell) for _ in range(rounds)]
    add_way(part, many, few)
    for kind in WRITERS:
        _add_format(part, kind, records, rounds, tell)
    return part


def _add_format(part: Part, kind: str, records: int, rounds: int, tell: Callable[[str], None]) -> None:
    many = [_reading(kind, records, "read", tell) for _ in range(rounds)]
    few = [_reading(kind, records // 10, "read", tell) for _ in range(rounds)]
    part.add(f"{kind} read, without mapping and log", "rows/s", [each.rate for each in many])
    part.add(f"{kind}: many rows' memory : few rows'", "", memory(many, few), MEMORY)


def _reading(kind: str, rows: int, way: str, tell: Callable[[str], None]) -> Reading:
    tell(f"files: {rows:,} rows of {kind}, {way}")
    with tempfile.TemporaryDirectory() as folder:
        WRITERS[kind](Path(folder), rows)
        return reading("files", folder, rows, way)


def _sales(rows: int) -> Iterator[tuple[str, ...]]:
    for number in range(rows):
        place = ("Germany", f"Town {number % 500}", f"DE-{number % 900}")
        at = f"2026-03-{1 + number % 28:02}T10:{number % 60:02}:00Z"
        yield (f"S-{number}", at, *place, f"{number % 100_000 / 100:.2f}", "EUR")


def _csv(folder: Path, rows: int) -> None:
    with (folder / "sales.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS])
        csv.writer(file).writerows(_sales(rows))


def _packed_csv(folder: Path, rows: int) -> None:
    with gzip.open(folder / "sales.csv.gz", "wt", newline="", encoding="utf-8", compresslevel=1) as file:
        csv.writer(file).writerows([COLUMNS])
        csv.writer(file).writerows(_sales(rows))


def _json_lines(folder: Path, rows: int) -> None:
    with (folder / "sales.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(dict(zip(COLUMNS, sale, strict=True))) + "\n" for sale in _sales(rows))


def _parquet(folder: Path, rows: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, sales = pa.schema([(name, pa.string()) for name in COLUMNS]), _sales(rows)
    with pq.ParquetWriter(folder / "sales.parquet", schema) as writer:
        while part := list(islice(sales, WRITTEN_AT_A_TIME)):
            columns = [pa.array(values) for values in zip(*part, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "csv": _csv,
    "csv.gz": _packed_csv,
    "jsonl": _json_lines,
    "parquet": _parquet,
}
