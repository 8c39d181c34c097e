"""Every file is taken once, whole, and whatever it holds; what cannot be taken is told with a reason."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from streaming.sources.catalogue import DEFINITION
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.history import Fate, Happened, every
from streaming.sources.files.reader import FilesReader
from streaming.sources.records import Row


class Drop:
    """A folder, its source, and what the source remembers."""

    def __init__(self, at: Path) -> None:
        self.folder = at / "drop"
        self.folder.mkdir()
        self.work = at / "work"
        self.memory: dict[str, Any] = {}
        self.told: dict[str, Any] = {"settle_seconds": 0}

    def source(self) -> FilesSource:
        made = DEFINITION.validate_python({"name": "till", "kind": "files", "folder": str(self.folder), **self.told})
        assert isinstance(made, FilesSource)
        return made

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def read(self, batches: int | None = None) -> list[Row]:
        """One reading, given up after some batches."""
        reader = FilesReader(self.source(), self.work)
        rows: list[Row] = []
        for batch in islice(reader.read(self.memory), batches):
            rows += batch.rows
            self.memory.update(batch.remember)
        reader.close()
        return rows

    def fate(self, path: str) -> Happened:
        return next(each for each in every(self.memory) if each.path == path)


@pytest.fixture
def drop(tmp_path: Path) -> Iterator[Drop]:
    made = Drop(tmp_path)
    yield made
    assert not made.work.exists(), "the copy of a file was left behind"


CSV = b'id,city\r\n1,K\xc3\xb6ln\r\n2,"Bonn, am\nRhein"\r\n'
FIELDS = [{"id": "1", "city": "Köln"}, {"id": "2", "city": "Bonn, am\nRhein"}]


def fields(rows: list[Row]) -> list[Any]:
    return [row.fields for row in rows]


def test_csv_with_its_lines(drop: Drop) -> None:
    drop.write("a.csv", b"\xef\xbb\xbf" + CSV + b"\n3,\n")
    rows = drop.read()
    assert fields(rows) == [*FIELDS, {"id": "3", "city": None}]
    assert [row.at for row in rows] == ["a.csv:2", "a.csv:3", "a.csv:6"]
    assert rows[1].raw == b'2,"Bonn, am\nRhein"\r\n'


@pytest.mark.parametrize(
    ("name", "packed"),
    [("a.csv.gz", gzip.compress), ("a.csv.zst", zstandard.compress), ("A.CSV", bytes)],
)
def test_compression_is_told_by_the_name(drop: Drop, name: str, packed: Any) -> None:
    drop.write(name, packed(CSV))
    assert fields(drop.read()) == FIELDS


def test_csv_in_another_dialect(drop: Drop) -> None:
    drop.told |= {
        "csv": {"delimiter": ";", "quote": "'", "columns": ["id", "city"], "null": "-"},
        "encoding": "latin-1",
    }
    drop.write("a.csv", b"1;'K\xf6ln; am Rhein'\n2;-\n")
    assert fields(drop.read()) == [{"id": "1", "city": "Köln; am Rhein"}, {"id": "2", "city": None}]


def test_json_lines_keep_decimals(drop: Drop) -> None:
    drop.write("a.jsonl", b'{"a": 0.1, "b": {"c": 12345678901234567890.01}}\n\n{"a": null}')
    rows = drop.read()
    assert fields(rows) == [{"a": Decimal("0.1"), "b": {"c": Decimal("12345678901234567890.01")}}, {"a": None}]
    assert [row.at for row in rows] == ["a.jsonl:1", "a.jsonl:3"]


def test_parquet_keeps_decimals(drop: Drop) -> None:
    table = pa.table({"id": [1, 2], "amount": pa.array([Decimal("1.10"), None], pa.decimal128(18, 2))})
    pq.write_table(table, drop.folder / "a.parquet")
    assert fields(drop.read()) == [{"id": 1, "amount": Decimal("1.10")}, {"id": 2, "amount": None}]


def test_bad_records_are_told_with_their_place_and_harm_no_other(drop: Drop) -> None:
    drop.told |= {"limits": {"line_bytes": 100}}
    drop.write("a.csv", b'id,city\n1\n2,\xff\n3,"x"y\n4,' + b"x" * 500 + b"\n5,Bonn\n")
    rows = drop.read()
    assert [(row.at, row.problem) for row in rows] == [
        ("a.csv:2", "received 1 fields, valid: 2"),
        ("a.csv:3", "byte 2 of the line is not utf-8"),
        ("a.csv:4", "no CSV: ',' expected after '\"'"),
        ("a.csv:5", "a line is longer than 100 bytes"),
        ("a.csv:6", None),
    ]
    assert rows[1].raw == b"2,\xff\n"
    assert (drop.fate("a.csv").rows, drop.fate("a.csv").bad) == (5, 4)


def test_bad_json_lines_are_told(drop: Drop) -> None:
    drop.told |= {"limits": {"line_bytes": 1000}}
    lines = [b"[1]", b"{", b'{"a": NaN}', b"\xff", b"[" * 900, b'{"a": "' + b"x" * 2000 + b'"}', b'{"a": 1}']
    drop.write("a.jsonl", b"\n".join(lines))
    rows = drop.read()
    assert [row.fields is None for row in rows] == [True] * 6 + [False]
    assert all(row.problem for row in rows[:6])


def test_a_quote_that_never_ends_stays_bounded(drop: Drop) -> None:
    drop.told |= {"limits": {"line_bytes": 1000}}
    drop.write("a.csv", b'id,city\n1,"open\n' + b"2,Bonn\n" * 1000)
    rows = drop.read()
    assert any("field larger than" in (row.problem or "") for row in rows)
    assert {"id": "2", "city": "Bonn"} in fields(rows)


def test_a_file_is_taken_once(drop: Drop) -> None:
    path = drop.write("a.csv", CSV)
    assert len(drop.read()) == 2
    assert drop.read() == []
    os.utime(path, ns=(1, 1))
    assert drop.read() == []
    path.write_bytes(CSV + b"3,Ulm\n")
    assert len(drop.read()) == 3
    drop.write("again.csv", CSV)
    assert len(drop.read()) == 2
    assert drop.fate("a.csv").fate is Fate.TAKEN


def test_a_reading_that_was_cut_off_goes_on_behind_what_is_in_the_log(drop: Drop) -> None:
    drop.told |= {"batch_rows": 10}
    drop.write("a.csv", b"id\n" + b"".join(b"%d\n" % n for n in range(95)))
    begun = drop.read(batches=4)
    assert drop.fate("a.csv").fate is Fate.PART
    rest = drop.read()
    assert [row.fields["id"] for row in begun + rest if row.fields] == [str(n) for n in range(95)]
    assert (drop.fate("a.csv").fate, drop.fate("a.csv").rows) == (Fate.TAKEN, 95)


def test_another_content_begins_anew(drop: Drop) -> None:
    drop.told |= {"batch_rows": 10}
    path = drop.write("a.csv", b"id\n" + b"1\n" * 50)
    drop.read(batches=2)
    path.write_bytes(b"id\n" + b"2\n" * 30)
    assert fields(drop.read()) == [{"id": "2"}] * 30


def test_files_are_taken_in_the_order_they_were_written(drop: Drop) -> None:
    for number, name in enumerate(("c", "a", "b")):
        os.utime(drop.write(f"{name}.csv", f"id\n{name}\n".encode()), ns=(number, number))
    os.utime(drop.write("0.csv", b"id\n0\n"), ns=(0, 0))
    assert [each["id"] for each in fields(drop.read())] == ["0", "c", "a", "b"]


def test_unfinished_files_are_left_alone(drop: Drop) -> None:
    for name in (".a.csv", "_a.csv", "a.csv.tmp", "a.csv.part", "a.csv~", ".hidden/a.csv", "deep/a.csv"):
        drop.write(name, CSV)
    assert drop.read() == []
    assert drop.memory == {}
    drop.told |= {"settle_seconds": 3600}
    drop.write("fresh.csv", CSV)
    assert drop.read() == []


def test_folders_within_are_looked_into_if_told(drop: Drop) -> None:
    drop.told |= {"recursive": True, "names": "sales-*.csv"}
    drop.write("deep/er/sales-1.csv", CSV)
    drop.write("deep/other.csv", CSV)
    assert [row.at for row in drop.read()] == ["deep/er/sales-1.csv:2", "deep/er/sales-1.csv:3"]


def test_links_and_other_things_are_refused(drop: Drop, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_bytes(CSV)
    (drop.folder / "link.csv").symlink_to(outside)
    (drop.folder / "folder").symlink_to(tmp_path)
    os.mkfifo(drop.folder / "pipe.csv")
    drop.told |= {"recursive": True}
    assert drop.read() == []
    assert drop.fate("link.csv").reason == "a link; links are not followed"
    assert drop.fate("pipe.csv").reason == "no plain file"
    assert len(list(every(drop.memory))) == 3


@pytest.mark.parametrize(
    ("name", "content", "limits", "reason"),
    [
        ("a.csv", b"id\n" + b"1\n" * 999, {"file_bytes": 100}, "it has 2001 bytes, valid: at most 100"),
        ("a.csv.gz", gzip.compress(b"id\n" + b"1\n" * 10**6), {"content_bytes": 10**5}, "content is more than 100000"),
        ("a.csv.zst", zstandard.compress(b"x" * 10**7), {"content_bytes": 10**5}, "content is more than 100000"),
        ("a.csv.gz", gzip.compress(CSV)[:-6], {}, "cannot be decompressed"),
        ("a.csv.gz", b"no gzip", {}, "cannot be decompressed"),
        ("a.csv.zst", b"no zstd", {}, "cannot be decompressed"),
        ("a.parquet", b"no parquet", {}, "no whole Parquet file"),
        ("a.csv", b"id,id\n1,2\n", {}, "names are missing or stand twice"),
        ("a.xlsx", b"PK", {}, "neither its name nor the definition tells its format"),
        ("a.csv", b"id\n" + b"1\n" * 20, {"rows": 10}, "more than 10 records"),
    ],
)
def test_files_that_are_refused(drop: Drop, name: str, content: bytes, limits: dict[str, int], reason: str) -> None:
    drop.told |= {"limits": limits, "batch_rows": 5}
    drop.write(name, content)
    drop.write("z.csv", b"id\n7\n")
    rows = drop.read()
    assert (drop.fate(name).fate, reason in drop.fate(name).reason) == (Fate.REFUSED, True), drop.fate(name)
    assert {"id": "7"} in fields(rows)
    drop.read()
    assert drop.fate(name).rows == len(rows) - 1


def test_a_file_that_changes_while_it_is_read_waits(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    from streaming.sources.files import folder as folders

    path, copied = drop.write("a.csv", CSV), folders._copied

    def changing(*arguments: Any) -> str:
        digest = copied(*arguments)
        path.write_bytes(CSV + b"3,Ulm\n")
        return digest

    monkeypatch.setattr(folders, "_copied", changing)
    assert drop.read() == []
    assert drop.fate("a.csv").reason == "it changed while it was read"
    monkeypatch.setattr(folders, "_copied", copied)
    assert len(drop.read()) == 3
    assert drop.fate("a.csv").fate is Fate.TAKEN


def test_a_file_that_is_gone_before_it_is_read_is_told(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    from streaming.sources.files import folder as folders

    path, listed = drop.write("a.csv", CSV), folders._Local.entries

    def vanishing(of: folders._Local) -> Iterator[folders.Entry]:
        yield from list(listed(of))
        path.unlink()

    monkeypatch.setattr(folders._Local, "entries", vanishing)
    assert drop.read() == []
    assert (drop.fate("a.csv").fate, drop.fate("a.csv").reason) == (Fate.UNREADABLE, "No such file or directory")


def test_an_empty_file_has_no_records(drop: Drop) -> None:
    drop.write("a.csv", b"")
    drop.write("b.jsonl", b"\n")
    assert drop.read() == []
    assert {each.fate for each in every(drop.memory)} == {Fate.TAKEN}


def test_a_reader_wakes_when_a_file_comes(drop: Drop) -> None:
    import threading
    import time

    reader = FilesReader(drop.source(), drop.work)
    threading.Timer(0.5, drop.write, ("a.csv", CSV)).start()
    began = time.monotonic()
    reader.wait(30)
    assert time.monotonic() - began < 20
    reader.close()


def test_what_happened_is_plain_json(drop: Drop) -> None:
    drop.write("a.csv", CSV)
    drop.read()
    told = json.loads(json.dumps(drop.memory))
    assert told["file:a.csv"] | {"when": ""} == {
        "path": "a.csv", "fate": "taken", "size": len(CSV), "changed": (drop.folder / "a.csv").stat().st_mtime_ns,
        "sha256": told["file:a.csv"]["sha256"], "rows": 2, "bad": 0, "reason": "", "when": "",
    }  # fmt: skip
