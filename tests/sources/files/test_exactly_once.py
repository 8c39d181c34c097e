"""A source of files, killed anywhere, brings each record once; on this machine and out of a bucket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from runtime.cli import app
from runtime.errors import Permanent, Retryable
from runtime.settings import Settings
from stack.ports import free_port
from streaming.sources.catalogue import DEFINITION
from streaming.sources.files.check import check
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.history import Fate, every
from streaming.sources.publisher import remembered
from tests import seaweedfs
from tests.sources.dying import one_reading, reading
from tests.sources.log import committed
from tests.sources.test_mapping import PLAIN

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

FILES, ROWS, BATCH = 3, 40, 15
FIELDS = {"sale_id": "id", "occurred_at": "at", "salesman_id": "who", "amount": "total"}


def definition(name: str, folder: str, **more: Any) -> FilesSource:
    told = {"name": name, "kind": "files", "folder": folder, "fields": FIELDS, "settle_seconds": 0, "batch_rows": BATCH}
    made = DEFINITION.validate_python({**told, **more})
    assert isinstance(made, FilesSource)
    return made


def define(chosen: Settings, source: FilesSource) -> None:
    """Where the command looks for it."""
    chosen.sources_dir.mkdir(parents=True, exist_ok=True)
    (chosen.sources_dir / f"{source.name}.yaml").write_text(source.model_dump_json(exclude_none=True), encoding="utf-8")


def write_files(folder: Path) -> list[str]:
    """Files of sales, and the ids of those that are good."""
    folder.mkdir(parents=True, exist_ok=True)
    good = []
    for number in range(FILES):
        lines = ["id,at,country,city,who,total,currency"]
        for row in range(ROWS):
            total = "much" if row == 7 else "1.50"
            good += [f"{number}-{row}"] if row != 7 else []
            lines.append(f"{number}-{row},{PLAIN['occurred_at']},Germany,Köln,DE-1,{total},EUR")
        (folder / f"{number}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sorted(good)


def read_once(_: Settings, source: FilesSource) -> None:
    one_reading(source)


def ids(chosen: Settings, name: str) -> list[str]:
    return sorted(each["sale_id"] for each in committed(chosen, "events.files", name))


def test_killed_anywhere_each_record_comes_once(servers: Settings, tmp_path: Path) -> None:
    """One process after the other goes on and is killed at another point, in files and between them."""
    source = definition("drop", str(tmp_path / "drop"))
    define(servers, source)
    good = write_files(tmp_path / "drop")
    for point in ("fetched:2", "quarantined:1", "produced:3", "committed:2"):
        assert reading(source, point) == -9
        assert len(ids(servers, source.name)) < len(good)
    read_once(servers, source)
    assert ids(servers, source.name) == good
    told = list(every(remembered(servers, source.name)))
    assert [(each.fate, each.rows, each.bad) for each in told] == [(Fate.TAKEN, ROWS, 1)] * FILES
    listed = CliRunner().invoke(app(), ["sources", "files", source.name, "--json"])
    assert [each["path"] for each in json.loads(listed.stdout)] == ["0.csv", "1.csv", "2.csv"]


def test_a_correction_in_a_later_file_updates_its_sale(servers: Settings, tmp_path: Path) -> None:
    source = definition("corrected", str(tmp_path / "drop"))
    write_files(tmp_path / "drop")
    read_once(servers, source)
    line = f"0-0,{PLAIN['occurred_at']},Germany,Köln,DE-1,9.99,EUR"
    (tmp_path / "drop" / "later.csv").write_text(f"id,at,country,city,who,total,currency\n{line}\n", encoding="utf-8")
    read_once(servers, source)
    states = [each["amount"] for each in committed(servers, "events.files", "corrected") if each["sale_id"] == "0-0"]
    assert states == ["1.50", "9.99"]


def test_a_check_says_what_it_would_do(servers: Settings, tmp_path: Path) -> None:
    source = definition("checked", str(tmp_path / "drop"))
    with pytest.raises(Retryable, match="the folder is not there"):
        list(check(source, servers))
    (tmp_path / "drop").mkdir()
    assert all(each.ok for each in check(source, servers))
    write_files(tmp_path / "drop")
    (tmp_path / "drop" / "link.csv").symlink_to("0.csv")
    found = list(check(source, servers))
    assert any("link.csv is refused" in each.what and not each.ok for each in found)
    assert sum('{"source": "checked"' in each.what for each in found) == 5
    (tmp_path / "drop" / "bad.csv").write_text("id,at,country,city,who,total,currency\n1,noon,a,b,c,1,EUR\n")
    assert any("1 of 1 records are refused: occurred_at" in each.what for each in check(source, servers))


def test_files_come_out_of_a_bucket(servers: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = write_files(tmp_path / "drop")
    (tmp_path / "weed").mkdir()
    monkeypatch.setenv("TILL_KEY", "any")
    with seaweedfs.running(tmp_path / "weed") as address:
        httpx.put(f"{address}/drops").raise_for_status()
        for path in sorted((tmp_path / "drop").iterdir()):
            httpx.put(f"{address}/drops/tills/{path.name}", content=path.read_bytes()).raise_for_status()
        key = {"env": "TILL_KEY"}
        access = {"endpoint": address, "region": "us-east-1", "access_key": key, "secret_key": key}
        source = definition("bucket", "s3://drops/tills", s3=access)
        read_once(servers, source)
        assert ids(servers, "bucket") == good
        read_once(servers, source)
        assert ids(servers, "bucket") == good
        assert list((servers.temporary_dir / "files").iterdir()) == []
        later = (tmp_path / "drop" / "1.csv").read_bytes().replace(b"\n1-", b"\nlater-")
        httpx.put(f"{address}/drops/tills/deep/later.csv.tmp", content=later).raise_for_status()
        httpx.put(f"{address}/drops/tills/1.csv", content=later).raise_for_status()
        read_once(servers, source)
        assert sorted(set(ids(servers, "bucket")) - set(good)) == sorted(
            f"later-{row}" for row in range(ROWS) if row != 7
        )
        _what_is_wrong_with_a_bucket(servers, source)


def _what_is_wrong_with_a_bucket(chosen: Settings, source: FilesSource) -> None:
    with pytest.raises(Permanent, match="there is no such bucket"):
        read_once(chosen, source.model_copy(update={"folder": "s3://nothing/tills"}))
    nowhere = source.s3.model_copy(update={"endpoint": f"http://127.0.0.1:{free_port(set())}"})
    with pytest.raises(Retryable, match="S3 does not give"):
        read_once(chosen, source.model_copy(update={"s3": nowhere}))
