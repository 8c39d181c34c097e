"""Records come out of every format exactly; a bad one is told with its place and harms no other."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.sources.files.drop import Drop

CSV = b'id,city\r\n1,K\xc3\xb6ln\r\n2,"Bonn, am\nRhein"\r\n'
FIELDS = [{"id": "1", "city": "Köln"}, {"id": "2", "city": "Bonn, am\nRhein"}]


def test_csv_with_its_lines(drop: Drop) -> None:
    drop.write("a.csv", b"\xef\xbb\xbf" + CSV + b"\n3,\n")
    rows = drop.read()
    assert [row.fields for row in rows] == [*FIELDS, {"id": "3", "city": None}]
    assert [row.at for row in rows] == ["a.csv:2", "a.csv:3", "a.csv:6"]
    assert rows[1].raw == b'2,"Bonn, am\nRhein"'


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("a.csv.gz", gzip.compress),
        ("a.csv.zst", zstandard.compress),
        ("A.CSV", bytes),
        ("two.csv.gz", lambda text: gzip.compress(text[:20]) + gzip.compress(text[20:])),
        ("two.csv.zst", lambda text: zstandard.compress(text[:20]) + zstandard.compress(text[20:])),
    ],
)
def test_packing_is_told_by_the_name(drop: Drop, name: str, packed: Any) -> None:
    drop.write(name, packed(CSV))
    assert drop.fields() == FIELDS


def test_format_and_packing_may_be_defined(drop: Drop) -> None:
    drop.told |= {"format": "csv", "compression": "gzip"}
    drop.write("export.2026", gzip.compress(CSV))
    assert drop.fields() == FIELDS


def test_csv_in_another_dialect(drop: Drop) -> None:
    drop.told["csv"] = {"delimiter": ";", "quote": "'", "columns": ["id", "city"], "null": "-", "skip_lines": 2}
    drop.told["encoding"] = "latin-1"
    drop.write("a.csv", b"Report\nof May\n1;'K\xf6ln; am Rhein'\n2;-\n")
    assert drop.fields() == [{"id": "1", "city": "Köln; am Rhein"}, {"id": "2", "city": None}]


def test_csv_with_escapes_and_without_quotes(drop: Drop) -> None:
    drop.told["csv"] = {"quote": "", "escape": "\\", "spaces": False}
    drop.write("a.csv", b'id, city\n1, K\\,1 "x"\n')
    assert drop.fields() == [{"id": "1", "city": 'K,1 "x"'}]


def test_tabs_separate_tsv(drop: Drop) -> None:
    drop.write("a.tsv.gz", gzip.compress(b"id\tcity\n1\tBonn, am Rhein\n"))
    assert drop.fields() == [{"id": "1", "city": "Bonn, am Rhein"}]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252", "shift_jis", "gb18030", "utf-8"])
def test_encodings(drop: Drop, encoding: str) -> None:
    city = "東京" if encoding in ("shift_jis", "gb18030") else "Zürich"
    drop.told["encoding"] = encoding
    drop.write("a.csv", f"id,city\n1,{city}\n2,Bonn\n".encode(encoding))
    drop.write("b.jsonl", f'{{"id": 3, "city": "{city}"}}\n'.encode(encoding))
    assert [each["city"] for each in drop.fields()] == [city, "Bonn", city]


def test_bad_records_of_csv(drop: Drop) -> None:
    drop.told["limits"] = {"line_bytes": 100}
    drop.write("a.csv", b'id,city\n1\n2,\xff\n3,"x"y\n4,' + b"x" * 500 + b"\n5,Bonn\n")
    rows = drop.read()
    assert [(row.at, row.problem) for row in rows] == [
        ("a.csv:2", "received 1 values, valid: 2, as many as columns"),
        ("a.csv:3", "received the byte 0xFF at character 3, valid: text in utf-8"),
        ("a.csv:4", "the line is no record of CSV: ',' expected after '\"'"),
        ("a.csv:5", "the line is no record of CSV: it is longer than 100 characters, or a quote is never closed"),
        ("a.csv:6", None),
    ]
    assert rows[1].raw == b"2,\xff"
    assert len(rows[3].raw) == 101
    assert (drop.fate("a.csv").rows, drop.fate("a.csv").bad) == (5, 4)


@pytest.mark.parametrize("count", [10, 1000])
def test_a_quote_that_is_never_closed_costs_its_line_alone(drop: Drop, count: int) -> None:
    drop.told["limits"] = {"line_bytes": 1000}
    drop.write("a.csv", b'id,city\n1,"open\n' + b"2,Bonn\n" * count)
    rows = drop.read()
    assert [row.at for row in rows if row.problem] == ["a.csv:2"]
    assert rows[0].raw == b'1,"open'
    assert len(rows) == count + 1


def test_json_lines_keep_decimals(drop: Drop) -> None:
    drop.write("a.jsonl", b'{"a": 0.1, "b": {"c": 12345678901234567890.01}}\n\n{"a": null}')
    rows = drop.read()
    exact = {"a": Decimal("0.1"), "b": {"c": Decimal("12345678901234567890.01")}}
    assert [(row.at, row.fields) for row in rows] == [("a.jsonl:1", exact), ("a.jsonl:3", {"a": None})]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"[1]", "received JSON of another kind"),
        (b"{", "it is not JSON"),
        (b'{"a": NaN}', "NaN is no value of JSON"),
        (b'{"a": "\xff"}', "received the byte 0xFF at character 8"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a": "' + b"x" * 200_000 + b'"}', "it is longer than 150,000 characters"),
        (b'{"a": 1E999999999}', "more than 400 digits"),
        (b'{"a": ' + b"9" * 5000 + b"}", "more than 400 digits"),
        (b'{"a": 1, "a": 2}', "a name stands twice"),
    ],
)
def test_bad_json_lines(drop: Drop, line: bytes, problem: str) -> None:
    drop.told["limits"] = {"line_bytes": 150_000}
    drop.write("a.jsonl", b'{"id": 1}\n' + line + b'\n{"id": 2}\n')
    rows = drop.read()
    assert [row.fields for row in rows] == [{"id": 1}, None, {"id": 2}]
    assert problem in (rows[1].problem or "")


def parquet(drop: Drop, name: str = "a.parquet", **columns: Any) -> None:
    pq.write_table(pa.table(columns), drop.folder / name, row_group_size=1000)


def test_parquet_keeps_types(drop: Drop) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    amounts = pa.array([Decimal("1.10"), None], pa.decimal128(18, 2))
    places = [{"city": "Köln"}, None]
    parquet(drop, id=["a", "b"], amount=amounts, at=[at, at], place=places, tags=[["x"], []])
    rows = drop.read()
    assert [row.fields for row in rows] == [
        {"id": "a", "amount": Decimal("1.10"), "at": at, "place": {"city": "Köln"}},
        {"id": "b", "amount": None, "at": at, "place": None},
    ]
    assert rows[1].at == "a.parquet:2"
    assert json.loads(rows[0].raw)["amount"] == "1.10"


def test_texts_that_are_too_long_cost_their_rows_alone(drop: Drop) -> None:
    drop.told["limits"] = {"line_bytes": 1000}
    parquet(drop, id=["1", "2", "3"], city=["a", "x" * 1001, None], country=["b", "b", "y" * 1000])
    rows = drop.read()
    assert [row.problem is None for row in rows] == [True, False, False]
    assert rows[0].fields == {"id": "1", "city": "a", "country": "b"}
    assert "more than 1,000 bytes" in (rows[1].problem or "")


def test_one_long_text_that_every_row_means_stays_one(drop: Drop) -> None:
    count = 100_000
    parquet(
        drop,
        id=[str(number) for number in range(count)],
        city=pa.DictionaryArray.from_arrays(pa.array([0] * count), ["x" * 2**20]),
    )
    before = pa.total_allocated_bytes()
    rows = [len(batch.rows) for batch in drop.batches(drop.reader())]
    assert sum(rows) == count
    assert pa.default_memory_pool().max_memory() - before < 2**27
    assert drop.fate("a.parquet").bad == count
