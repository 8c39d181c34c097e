"""A definition is all that a source needs: it is read once its file is there, and as its file says from then on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from rankings.render.clickhouse import source_states
from runtime.errors import Permanent
from runtime.settings import Settings, settings
from streaming.clickhouse import connect
from streaming.sources import catalogue, state
from streaming.sources.keeper import Keeper
from streaming.sources.runner import STOPPED
from streaming.sources.state import State
from tests.sources.command import run, told
from tests.sources.log import committed
from tests.sources.soap import till as spyne
from tests.sources.test_mapping import PLAIN

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

SECONDS = 120.0


@pytest.fixture
def chosen(servers: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings with a folder of definitions that is the test's own; the platform brings none."""
    (tmp_path / "sources").mkdir()
    monkeypatch.setenv("TIDELAKE_SOURCES_DIR", str(tmp_path / "sources"))
    monkeypatch.setattr(catalogue, "OWN_FOLDER", tmp_path / "none")
    settings.cache_clear()
    yield settings()
    settings.cache_clear()


@pytest.fixture
def keeper(chosen: Settings) -> Iterator[Keeper]:
    """The keeper, which ends its processes with the test."""
    with closing(Keeper(chosen)) as made:
        yield made


def until(keeper: Keeper, reached: Callable[[], object]) -> None:
    """The keeper looks again and again until that is true."""
    give_up = time.monotonic() + SECONDS
    while True:
        with suppress(Permanent):
            keeper.look()
        if reached():
            return
        assert time.monotonic() < give_up, {name: each.process.poll() for name, each in keeper.children.items()}
        time.sleep(0.2)


class Drop:
    """A folder of sales, and the file that defines it as a source."""

    def __init__(self, chosen: Settings, folder: Path, name: str) -> None:
        self.chosen, self.folder, self.name = chosen, folder / "drop", name
        self.folder.mkdir()
        self.file = chosen.sources_dir / f"{name}.yaml"

    def define(self, **fields: Any) -> None:
        """Writes the definition."""
        told = {"name": self.name, "kind": "files", "folder": str(self.folder), "settle_seconds": 0, "fields": fields}
        self.file.write_text(yaml.safe_dump({**told, "every_seconds": 1}))

    def sell(self, number: int) -> None:
        """Drops a file with one sale."""
        row = {**PLAIN, "sale_id": str(number)}
        (self.folder / ".part").write_text(f"{','.join(row)}\n{','.join(row.values())}\n", encoding="utf-8")
        (self.folder / ".part").rename(self.folder / f"{number}.csv")

    def cities(self) -> list[str]:
        """The city of each sale in the log, as often as it came, in the order of the sales."""
        found = sorted(committed(self.chosen, "events.files", self.name), key=lambda each: str(each["sale_id"]))
        return [each["city"] for each in found]


def test_a_source_follows_its_file_and_its_operator(chosen: Settings, keeper: Keeper, tmp_path: Path) -> None:
    drop = Drop(chosen, tmp_path, "kept")
    drop.sell(1)
    drop.define()
    until(keeper, lambda: drop.cities() == ["Köln"])
    first = keeper.children["kept"].process
    os.kill(first.pid, signal.SIGKILL)
    drop.sell(2)
    until(keeper, lambda: drop.cities() == ["Köln"] * 2)

    drop.define(city={"sql": "nosuch(city)"})
    until(keeper, lambda: state.read(chosen)["kept"].state is State.STOPPED)
    stopped = keeper.children["kept"].process
    time.sleep(2.5)
    until(keeper, lambda: stopped.poll() == STOPPED)
    assert keeper.children["kept"].process is stopped, "what a person has to mend is not tried again"
    assert "nosuch" in str(state.read(chosen)["kept"].last_error)
    drop.define(city={"constant": "Bonn"})
    drop.sell(3)
    until(keeper, lambda: drop.cities() == ["Köln", "Köln", "Bonn"])

    good, running = drop.file.read_text(), keeper.children["kept"].process
    drop.file.write_text(good.replace("kind: files", "kind: fils"))
    with pytest.raises(Permanent, match=r"kept\.yaml is not valid"):
        keeper.look()
    drop.sell(4)
    until(keeper, lambda: len(drop.cities()) == 4)
    assert keeper.children["kept"].process is running, "it goes on as it was"
    drop.file.write_text(good)

    run("sources", "stop", "kept")
    until(keeper, lambda: not keeper.children)
    assert running.poll() is not None
    (rests,) = told("sources", "list")
    assert (rests["state"], rests["enabled"]) == ("stopped", False)
    assert (rests["last_error"], rests["next_read_at"]) == ("stopped by an operator", None)
    until(keeper, lambda: standing()["kept"] == ("stopped", "stopped by an operator"))
    drop.sell(5)
    run("sources", "start", "kept")
    until(keeper, lambda: len(drop.cities()) == 5)
    until(keeper, lambda: standing()["kept"] in (("waiting", ""), ("running", "")))
    last = keeper.children["kept"].process
    drop.file.unlink()
    until(keeper, lambda: not keeper.children)
    assert last.poll() is not None


def test_a_file_that_was_never_valid_is_told_and_the_others_go_on_being_told(
    chosen: Settings, keeper: Keeper, tmp_path: Path
) -> None:
    drop, broken = Drop(chosen, tmp_path, "whole"), chosen.sources_dir / "broken.yaml"
    drop.define()
    broken.write_text("name: broken\nkind: fils\n")
    until(keeper, lambda: {"whole", "broken"} <= standing().keys())
    now, error = standing()["broken"]
    assert now == "stopped"
    assert "broken.yaml is not valid" in error
    broken.unlink()
    until(keeper, lambda: "broken" not in standing())
    assert "whole" in standing()


def standing() -> dict[str, tuple[str, str]]:
    """State and last error of each source, as answers tell them."""
    with closing(connect()) as client:
        rows = client.query(source_states()).result_rows
        return {name: (now, error) for name, _, _, now, error, *_ in rows}


def test_from_a_wsdl_to_sales_in_the_log_and_out_of_quarantine(chosen: Settings, keeper: Keeper) -> None:
    """What a person does with a service that nobody has defined yet, by the commands alone."""
    with spyne.serving(spyne.Till()) as till:
        till.sell(3)
        till.sales[1].currency = "Gulden"
        run("sources", "scaffold", "--wsdl", till.url, "--name", "erp", "--operation", "list_sales", "--no-ask")
        assert "would go to the quarantine: currency" in run("sources", "check", "erp", code=1).stdout
        until(keeper, lambda: told("sources", "list")[0]["counts"] == {"read": 3, "accepted": 2, "quarantined": 1})
    (listed,) = told("sources", "list")
    assert (listed["name"], listed["missing_sales"]) == ("erp", 1)
    (record,) = told("quarantine", "list", "--source", "erp")["records"]
    assert (record["sale_id"], record["field"], record["state"]) == ("R-000002", "currency", "open")
    assert "Gulden" in run("quarantine", "show", record["id"]).stdout
    run("quarantine", "replay", record["id"], "--set", "currency=EUR", "--why", "the till is old")
    sales = committed(chosen, "events.soap", "erp")
    assert {each["sale_id"]: each["amount"] for each in sales} == {f"R-00000{n}": f"{n}.0{n}" for n in (1, 2, 3)}
    shown = told("quarantine", "show", record["id"])
    assert (shown["state"], shown["history"][-1]["why"]) == ("replayed", "the till is old")
    assert told("sources", "list")[0]["missing_sales"] == 0
