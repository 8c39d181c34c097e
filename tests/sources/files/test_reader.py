"""Every finished file is taken once, in order, and on from where it was left."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from runtime.errors import Retryable
from streaming.sources.files.history import Fate
from tests.sources.files.drop import Drop, numbered


def ids(*parts: range) -> list[str]:
    return [str(number) for part in parts for number in part]


def test_a_file_is_taken_once(drop: Drop) -> None:
    path = drop.write("a.csv", numbered(3))
    assert drop.ids() == ids(range(3))
    assert drop.ids() == []
    os.utime(path, ns=(1, 1))
    assert drop.ids() == []
    path.write_bytes(numbered(4))
    assert drop.ids() == ids(range(4))
    path.write_bytes(numbered(3))
    assert drop.ids() == ids(range(3))
    assert {(each.path, each.fate, each.rows) for each in drop.known()} == {
        ("a.csv", Fate.TAKEN, 3),
        ("a.csv", Fate.TAKEN, 4),
    }


def test_the_same_content_under_another_name_is_another_file(drop: Drop) -> None:
    drop.write("a.csv", numbered(3))
    drop.read()
    drop.write("b.csv", numbered(3))
    assert drop.ids() == ids(range(3))


def test_a_renamed_file_is_the_same(drop: Drop) -> None:
    path = drop.write("a.csv", numbered(3))
    drop.read()
    path.rename(drop.folder / "done-a.csv")
    assert drop.ids() == []
    assert [(each.path, each.fate, each.rows) for each in drop.known()] == [("done-a.csv", Fate.TAKEN, 3)]


def test_a_reading_that_was_cut_off_goes_on_behind_what_is_in_the_log(drop: Drop) -> None:
    drop.told["batch_rows"] = 10
    drop.write("a.csv", b"id\n" + b"".join(b"%d\n,\n" % number for number in range(50)))
    begun = drop.read(4)
    assert (drop.fate("a.csv").fate, drop.fate("a.csv").rows, drop.fate("a.csv").bad) == (Fate.PART, 40, 20)
    rest = drop.read()
    assert [row.at for row in begun + rest] == [f"a.csv:{line}" for line in range(2, 102)]
    assert [row.fields["id"] for row in begun + rest if row.fields] == ids(range(50))
    assert (drop.fate("a.csv").fate, drop.fate("a.csv").rows, drop.fate("a.csv").bad) == (Fate.TAKEN, 100, 50)


@pytest.mark.parametrize("done", [0, 1, 3, 7])
def test_parquet_goes_on_within_a_row_group(drop: Drop, done: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    drop.told["batch_rows"] = 7
    pq.write_table(pa.table({"id": list(range(100))}), drop.folder / "a.parquet", row_group_size=23)
    begun, rest = drop.read(done), drop.read()
    assert [row.fields["id"] for row in begun + rest if row.fields] == list(range(100))
    assert (len(begun), rest[0].at) == (7 * done, f"a.parquet:{7 * done + 1}")


def test_what_is_half_taken_comes_first_and_goes_on_under_a_new_name(drop: Drop) -> None:
    drop.told["batch_rows"] = 10
    path = drop.write("a.csv", numbered(30))
    drop.read(1)
    os.utime(drop.write("old.csv", numbered(1, first=99)), ns=(1, 1))
    assert drop.ids(1) == ids(range(10, 20))
    path.rename(drop.folder / "b.csv")
    assert sorted(drop.ids()) == sorted(["99", *ids(range(20, 30))])
    assert drop.fate("b.csv").rows == 30
    assert drop.known("a.csv") == []


def test_another_content_begins_anew(drop: Drop) -> None:
    drop.told["batch_rows"] = 10
    path = drop.write("a.csv", numbered(50))
    drop.read(2)
    path.write_bytes(numbered(30, first=100))
    assert drop.ids() == ids(range(100, 130))
    left, taken = drop.known("a.csv")
    assert (left.fate, left.rows, taken.fate, taken.rows) == (Fate.LEFT, 20, Fate.TAKEN, 30)


def test_a_half_taken_file_that_comes_back_goes_on(drop: Drop, tmp_path: Path) -> None:
    drop.told["batch_rows"] = 10
    path = drop.write("a.csv", numbered(50))
    drop.read(2)
    path.rename(tmp_path / "away")
    assert drop.ids() == []
    assert (drop.fate("a.csv").fate, drop.fate("a.csv").reason) == (
        Fate.LEFT, "it was taken away, or replaced, after 20 records",
    )  # fmt: skip
    (tmp_path / "away").rename(path)
    assert drop.ids() == ids(range(20, 50))


def test_a_half_taken_file_begins_anew_when_it_is_read_otherwise(drop: Drop) -> None:
    drop.told["batch_rows"] = 10
    drop.write("a.csv", numbered(30))
    drop.read(1)
    drop.told["csv"] = {"delimiter": ";"}
    assert drop.ids() == ids(range(30))


def test_files_are_taken_by_modification_then_name(drop: Drop) -> None:
    for number, name in ((2, "c"), (1, "d"), (3, "b"), (3, "a")):
        os.utime(drop.write(f"{name}.csv", f"id\n{name}\n".encode()), ns=(number, number))
    assert drop.ids() == ["d", "c", "a", "b"]


def test_unfinished_files_are_left_alone(drop: Drop) -> None:
    names = (".a.csv", "_a.csv", "a.csv.tmp", "a.csv.PART", "a.csv~", "a.csv.filepart", ".hidden/a.csv", "deep/a.csv")
    for name in names:
        drop.write(name, numbered(1))
    assert drop.read() == []
    assert drop.memory == {}


def test_a_file_settles_before_it_is_taken(drop: Drop) -> None:
    drop.told["settle_seconds"] = 1.0
    path, reader = drop.write("a.csv", numbered(3)), drop.reader()
    os.utime(path, ns=(1, 1))
    assert drop.read(reader=reader) == []
    began = time.monotonic()
    reader.wait(30)
    assert 0.5 < time.monotonic() - began < 10
    assert len(drop.read(reader=reader)) == 3


def test_folders_within_are_looked_into_if_told(drop: Drop) -> None:
    drop.told |= {"recursive": True, "names": "sales-*.csv"}
    drop.write("deep/er/sales-1.csv", numbered(1))
    drop.write("deep/other.csv", numbered(1))
    assert [row.at for row in drop.read()] == ["deep/er/sales-1.csv:2"]


def test_a_file_of_deletions_needs_the_key_alone(drop: Drop) -> None:
    drop.told["fields"] = {"deleted": "gone"}
    drop.write("a.csv", b"sale_id,gone\n1,true\n")
    assert drop.fields() == [{"sale_id": "1", "gone": "true"}]


def test_an_empty_file_has_no_records(drop: Drop) -> None:
    drop.write("a.csv", b"")
    drop.write("b.jsonl", b"\n")
    drop.write("c.csv", b"id\n")
    assert drop.read() == []
    assert [(each.fate, each.rows) for each in drop.known()] == [(Fate.TAKEN, 0)] * 3


def test_a_name_of_any_bytes(drop: Drop) -> None:
    name = os.fsdecode(b"a\xff\n.csv")
    drop.write(name, numbered(2))
    assert [row.at for row in drop.read()] == [r"a\udcff\n.csv:2", r"a\udcff\n.csv:3"]
    assert drop.fate(name).fate is Fate.TAKEN


def test_more_files_than_one_reading_takes(drop: Drop) -> None:
    drop.told["limits"] = {"files": 2}
    for number in range(5):
        drop.write(f"{number}.csv", numbered(1, first=number))
    reader = drop.reader()
    assert [len(drop.read(reader=reader)) for _ in range(4)] == [2, 2, 1, 0]


def test_what_is_gone_is_forgotten_in_time(drop: Drop) -> None:
    drop.write("a.csv", numbered(1)).rename(drop.write("b.csv", numbered(1)))
    drop.write("c.csv", numbered(1, first=1))
    drop.read()
    (drop.folder / "c.csv").unlink()
    drop.read()
    assert [each.path for each in drop.known()] == ["b.csv", "c.csv"]
    drop.told["remember_days"] = 1e-9
    drop.read()
    assert [each.path for each in drop.known()] == ["b.csv"]


def test_what_is_remembered_is_plain_json(drop: Drop) -> None:
    drop.write("a.csv", numbered(2))
    drop.read()
    (told,) = json.loads(json.dumps(drop.memory)).values()
    assert told | {"sha256": "", "stamp": "", "reading": "", "began": "", "ended": ""} == {
        "path": "a.csv", "sha256": "", "fate": "taken", "stamp": "", "size": 7, "turn": 1, "reading": "",
        "changed": (drop.folder / "a.csv").stat().st_mtime_ns, "began": "", "ended": "", "rows": 2, "bad": 0,
        "reason": "",
    }  # fmt: skip


def test_a_folder_that_is_not_there_is_waited_for(drop: Drop) -> None:
    drop.folder.rmdir()
    with pytest.raises(Retryable, match=r"the folder is not there.*make it, or mount it"):
        drop.read()


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"folder": "drop"}, "an absolute path"),
        ({"folder": "/drop/../etc"}, "without `..`"),
        ({"folder": "s3://"}, "s3://bucket/prefix"),
        ({"encoding": "utf-7"}, "valid: one of utf-8"),
        ({"encoding": "klingon"}, "valid: one of utf-8"),
        ({"csv": {"delimiter": "::"}}, "at most 1 character"),
        ({"format": "xlsx"}, "'csv', 'jsonl' or 'parquet'"),
        ({"s3": {"access_key": {"env": "A"}}}, "both or none"),
    ],
)
def test_definitions_that_are_not_valid(drop: Drop, told: dict[str, object], wrong: str) -> None:
    drop.told |= told
    with pytest.raises(ValidationError, match=wrong):
        drop.source()
