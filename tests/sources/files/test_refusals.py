"""What cannot be taken as a whole has a defined outcome with a reason, and harms no other file."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from streaming.sources.files.history import Fate
from streaming.sources.files.store import Opened, Seen
from tests.sources.files.drop import Drop, numbered

CSV = numbered(3)


def parquet(rows: int, **more: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": [str(number) for number in range(rows)]}), sink, row_group_size=10, **more)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def spoiled(content: bytes) -> bytes:
    """With other bytes at the beginning of the data."""
    return content[:4] + b"\xff" * 60 + content[64:]


@pytest.mark.parametrize(
    ("name", "content", "limits", "reason"),
    [
        ("a.csv", numbered(500), {"file_bytes": 100}, "received 1,893 bytes, valid: at most 100"),
        ("a.csv.gz", gzip.compress(numbered(10**5)), {"content_bytes": 10**5}, "more than 100,000 bytes once it is"),
        ("a.csv.gz", gzip.compress(b"id\n" * 10**7), {}, "more than 200 times as large"),
        ("a.csv.zst", zstandard.compress(b"x" * 10**7), {}, "more than 200 times as large"),
        ("a.parquet", parquet(1000), {"content_bytes": 100}, "bytes once it is unpacked, valid: 100"),
        ("a.csv", numbered(20), {"rows": 10}, "more than 10 lines"),
        ("a.parquet", parquet(20), {"rows": 10}, "received 20 rows, valid: at most 10"),
        ("a.csv.gz", gzip.compress(CSV)[:-6], {}, "it is no whole gzip file"),
        ("a.csv.zst", zstandard.compress(CSV)[:-2], {}, "it is no whole zstd file"),
        ("a.csv.gz", gzip.compress(CSV) + b"more", {}, "it is no whole gzip file"),
        ("a.csv.gz", b"no gzip", {}, "it is no whole gzip file"),
        ("a.csv.zst", b"no zstd", {}, "it is no whole zstd file"),
        ("a.csv.zst", b"", {}, "received nothing, valid: a whole zstd file"),
        ("a.parquet", b"no parquet", {}, "it cannot be read as Parquet"),
        ("a.parquet", parquet(100)[:-9], {}, "it cannot be read as Parquet"),
        ("a.parquet.gz", gzip.compress(parquet(10)), {}, "Parquet, which packs its own pages"),
        ("a.csv", gzip.compress(CSV), {}, "is zero, valid: text in utf-8"),
        ("a.csv", CSV.decode().encode("utf-16"), {}, "it begins with the mark of utf-16"),
        ("a.csv", b"id,id\n1,2\n", {}, "received a column twice"),
        ("a.csv", b"city\nBonn\n", {}, "the columns id are missing, received: city"),
        ("a.csv", b'id,"city\n' + b"1,2\n" * 10, {}, "its header cannot be read"),
        ("a.xlsx", b"PK", {}, "its name tells no format"),
    ],
)
def test_files_that_are_refused(drop: Drop, name: str, content: bytes, limits: dict[str, int], reason: str) -> None:
    drop.told["limits"] = limits
    drop.write(name, content)
    drop.write("z.csv", b"id\n7\n")
    rows = drop.read()
    assert (drop.fate(name).fate, drop.fate(name).rows) == (Fate.REFUSED, 0)
    assert reason in drop.fate(name).reason
    assert [(row.at, row.fields) for row in rows] == [(name, None), ("z.csv:2", {"id": "7"})]
    assert rows[0].problem == f"the file is refused: {drop.fate(name).reason}"
    assert drop.read() == []


def test_a_wide_encoding_that_breaks_off_is_refused(drop: Drop) -> None:
    drop.told["encoding"] = "utf-16-le"
    drop.write("a.csv", "id\n1\n2\n".encode("utf-16-le") + b"\x00\xd8\n\x00")
    drop.read()
    assert drop.fate("a.csv").reason.startswith("it is not utf-16-le")


def test_what_is_broken_further_on_keeps_what_came_before(drop: Drop) -> None:
    content = parquet(1000, compression="none", use_dictionary=False)
    middle = content.index(b"\x03\x00\x00\x00505")
    drop.told["batch_rows"] = 100
    drop.write("a.parquet", content[: middle - 60] + b"\xff" * 60 + content[middle:])
    rows = drop.read()
    known = drop.fate("a.parquet")
    assert known.fate is Fate.REFUSED
    assert known.reason.startswith("it cannot be read as Parquet")
    good = [row.fields["id"] for row in rows if row.fields is not None]
    assert good == [str(number) for number in range(len(good))]
    assert (len(good), rows[-1].at, known.rows, known.bad) == (500, "a.parquet", 500, 1)


def test_a_refused_file_is_tried_again_when_the_definition_changes(drop: Drop) -> None:
    drop.told["limits"] = {"rows": 2}
    drop.write("a.csv", CSV)
    assert drop.ids() == []
    drop.told["limits"] = {"rows": 20}
    assert drop.ids() == ["0", "1", "2"]
    assert [each.fate for each in drop.known("a.csv")] == [Fate.TAKEN]


def test_links_pipes_and_other_things_are_refused(drop: Drop, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_bytes(CSV)
    (drop.folder / "link.csv").symlink_to(outside)
    (drop.folder / "folder").symlink_to(tmp_path)
    os.mkfifo(drop.folder / "pipe.csv")
    drop.told |= {"recursive": True}
    assert drop.ids() == []
    assert drop.fate("link.csv").reason.startswith("received a symbolic link, valid: a regular file")
    assert drop.fate("folder").reason.startswith("received a symbolic link")
    assert drop.fate("pipe.csv").reason.startswith("received a pipe")


def test_a_link_that_takes_a_folders_place_leads_nowhere(drop: Drop, tmp_path: Path) -> None:
    drop.told |= {"recursive": True}
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.csv").write_bytes(CSV)
    drop.write("in/a.csv", CSV)
    reader, looked = drop.reader(), drop.reader()._place.look()
    (drop.folder / "in").rename(tmp_path / "in")
    (drop.folder / "in").symlink_to(tmp_path / "outside")
    reader._place.look = lambda: looked  # type: ignore[method-assign]
    assert [row.fields for row in drop.read(reader=reader)] == [None]
    assert "a symbolic link is on the way" in drop.fate("in/a.csv").reason


PROGRAM = """
import os, sys
from pathlib import Path
from typing import Any
from tests.sources.files.drop import Drop
os.setgid(65534); os.setuid(65534)
drop = Drop.__new__(Drop)
drop.folder, drop.memory = Path(sys.argv[1]), {}
drop.told = {"settle_seconds": 0, "recursive": True, "fields": eval(sys.argv[2])}
def told(ids):
    print(ids, sorted((each.path, each.fate.value, each.reason) for each in drop.known()))
told(drop.ids())
told(drop.ids())
print(len(list(drop.batches(drop.reader()))))
sys.stdin.readline()
print("ready", flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not read")
def test_what_may_not_be_read_is_told_and_tried_again(drop: Drop) -> None:
    for folder in (drop.folder, *drop.folder.parents):
        if folder != Path("/") and folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o055)
    drop.write("a.csv", CSV).chmod(0)
    drop.write("closed/b.csv", CSV)
    (drop.folder / "closed").chmod(0o700)
    command = [sys.executable, "-c", PROGRAM, str(drop.folder), repr(drop.told["fields"])]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TIDELAKE_HOME": str(drop.folder.parent / "none")}
    done = subprocess.run(command, env=environment, input="\n", capture_output=True, text=True, check=False, timeout=60)
    if "PermissionError" in done.stderr and "import" in done.stderr:
        pytest.skip("another user may not read the program itself")
    may_not = "may not be read; grant it to the platform's user"
    known = [("a.csv", "unreadable", f"it {may_not}"), ("closed/", "refused", f"the folder {may_not}")]
    lines = [line for line in done.stdout.splitlines() if line.startswith(("[]", "0", "1"))]
    assert lines == [f"[] {known}", f"[] {known}", "0"], done.stderr


def changing(drop: Drop, monkeypatch: pytest.MonkeyPatch, at: int, change: bytes) -> None:
    """The file changes when it is looked at for that time to see whether it is steady."""
    from streaming.sources.files import folder as folders

    opened, looks = folders.Folder.open, iter(range(1, 100))

    from contextlib import contextmanager

    @contextmanager
    def opening(self: folders.Folder, seen: Seen):  # type: ignore[no-untyped-def]
        with opened(self, seen) as file:

            def is_steady() -> bool:
                if next(looks) == at:
                    with (drop.folder / seen.name).open("ab") as more:
                        more.write(change)
                return file.is_steady()

            yield Opened(file.file, is_steady)

    monkeypatch.setattr(folders.Folder, "open", opening)


def test_a_file_that_changes_while_it_is_looked_at_waits(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    drop.write("a.csv", CSV)
    changing(drop, monkeypatch, at=1, change=b"3\n")
    reader = drop.reader()
    assert drop.read(reader=reader) == []
    assert drop.known() == []
    assert drop.read(reader=reader) != []
    assert (drop.fate("a.csv").fate, drop.fate("a.csv").rows) == (Fate.TAKEN, 4)


def test_a_file_that_changes_while_it_is_taken_is_taken_anew(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    drop.told["batch_rows"] = 10
    drop.write("a.csv", numbered(50))
    changing(drop, monkeypatch, at=4, change=b"more\n")
    assert drop.ids() == [str(number) for number in range(20)]
    left = drop.fate("a.csv")
    assert (left.fate, left.rows, left.reason[:33]) == (Fate.LEFT, 20, "it changed while it was read, aft")
    assert drop.ids() == [*(str(number) for number in range(50)), "more"]
    assert [each.fate for each in drop.known("a.csv")] == [Fate.LEFT, Fate.TAKEN]


def test_a_file_that_is_gone_before_it_is_opened_leaves_nothing(drop: Drop) -> None:
    path = drop.write("a.csv", CSV)
    reader, looked = drop.reader(), drop.reader()._place.look()
    path.unlink()
    reader._place.look = lambda: looked  # type: ignore[method-assign]
    assert (drop.read(reader=reader), drop.known()) == ([], [])
