"""`tidelake quarantine` and `tidelake sources` say what is there, do what they are told, and refuse what is unclear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from runtime.cli import app
from runtime.errors import Permanent
from streaming import quarantine
from streaming.sources import state
from streaming.sources.state import SourceState, State
from tests.sources.command import run, told
from tests.sources.log import committed
from tests.sources.quarantine.world import GOOD, World, bad, files_source, fresh, good, refused

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

DEFINITION = """
name: {name}
kind: files
folder: {folder}
"""


@pytest.fixture
def name(there: World, tmp_path: Path) -> str:
    """A source that is defined in the user's folder."""
    made = fresh("till")
    folder = there.settings.sources_dir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{made}.yaml").write_text(DEFINITION.format(name=made, folder=tmp_path))
    return made


def fill(name: str, *rows: dict[str, Any]) -> None:
    source = files_source(name)
    quarantine.keep(source, refused(source, *rows))


def test_list_and_show(there: World, name: str) -> None:
    fill(name, {**GOOD, "amount": "\x1b[2J"}, {**GOOD, "sale_id": "8", "city": ""})
    listed = told("quarantine", "list", "--source", name)
    assert (listed["total"], listed["missing_sales"][name]) == (2, 2)
    assert {each["field"] for each in listed["records"]} == {"amount", "city"}
    assert told("quarantine", "list", "--source", name, "--field", "city")["total"] == 1
    assert told("quarantine", "list", "--source", name, "--state", "discarded")["total"] == 0
    assert f"{name} 2" in run("quarantine", "list", "--source", name).stdout.replace("\n", " ")
    (one,) = [each for each in listed["records"] if each["field"] == "amount"]
    assert (one["at"], one["times"], one["state"]) == ("sales.csv line 2", 1, "open")
    shown = run("quarantine", "show", one["id"][: len(name) + 15])
    assert "\x1b" not in shown.stdout
    assert "amount: received" in shown.stdout
    assert json.loads(run("quarantine", "show", one["id"], "--raw").stdout) == {**GOOD, "amount": "\x1b[2J"}


def test_replay_then_show_its_history(there: World, name: str) -> None:
    fill(name, {**GOOD, "amount": "x"}, {**GOOD, "sale_id": "8", "amount": "y"})
    first = told("quarantine", "list", "--source", name)["records"][0]
    assert "refused again" in run("quarantine", "replay", first["id"], code=1).stdout
    run("quarantine", "replay", first["id"], "--set", "amount=9.99", "--why", "asked the till", "--by", "ann")
    shown = told("quarantine", "show", first["id"])
    assert [(each["event"], each["who"]) for each in shown["history"]][1:] == [("sending", "ann"), ("replayed", "ann")]
    assert (shown["state"], shown["history"][-1]["why"]) == ("replayed", "asked the till")
    assert [each["amount"] for each in committed(there.settings, "events.files", name)] == ["9.99"]
    run("quarantine", "replay", "--all", "--source", name, "--set", "amount=1")
    assert told("quarantine", "list", "--source", name)["total"] == 0


def test_a_corrected_file_takes_the_place_of_the_record(there: World, name: str, tmp_path: Path) -> None:
    fill(name, {**GOOD, "amount": "x"})
    corrected = tmp_path / "corrected.json"
    corrected.write_text(json.dumps({**GOOD, "amount": "4.00"}))
    record = told("quarantine", "list", "--source", name)["records"][0]["id"]
    run("quarantine", "replay", record, "--payload", str(corrected))
    assert [each["amount"] for each in committed(there.settings, "events.files", name)] == ["4.00"]


def test_an_old_state_is_not_put_in_place_of_a_newer_one(there: World) -> None:
    name = fresh("till")
    taken = there.produce("events.rest", bad(name, "1"), good(name, "1"))
    (record,) = there.refuse(taken[0])
    done = run("quarantine", "replay", record, "--set", "amount=1", code=1)
    assert isinstance(done.exception, Permanent)
    assert f"{record} is superseded" in str(done.exception)
    run("quarantine", "replay", record, "--set", "amount=1", "--anyway")
    assert len(committed(there.settings, "events.rest", name)) == 3


def test_a_discard_needs_a_reason(there: World, name: str) -> None:
    fill(name, {**GOOD, "amount": "x"})
    record = told("quarantine", "list", "--source", name)["records"][0]["id"]
    assert "--why" in run("quarantine", "discard", record, code=2).output
    assert isinstance(run("quarantine", "discard", record, "--why", " ", code=1).exception, Permanent)
    run("quarantine", "discard", record, "--why", "a trial of the till")
    shown = told("quarantine", "show", record)
    assert (shown["state"], shown["history"][0]["why"]) == ("discarded", "a trial of the till")
    assert name not in there.held.missing()


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("replay",), "which records is not clear"),
        (("replay", "x", "--all"), "which records is not clear"),
        (("replay", "--all", "--payload", "/dev/null"), "--payload corrects one record"),
        (("replay", "x", "--set", "amount"), "a correction names a field"),
        (("show", "no-such-record"), "no record in quarantine has this name"),
        (("list", "--state", "lost"), "no such state"),
    ],
)
def test_what_is_not_clear_is_refused(there: World, arguments: tuple[str, ...], wrong: str) -> None:
    done = run("quarantine", *arguments, code=1)
    assert isinstance(done.exception, Permanent)
    assert wrong in str(done.exception)


def test_sources_are_listed_with_what_is_known_of_them(there: World, name: str) -> None:
    fill(name, {**GOOD, "amount": "x"})
    by_name = {each["name"]: each for each in told("sources")}
    assert by_name[name] == {**by_name[name], "kind": "files", "state": None, "missing_sales": 1, "counts": {}}
    counts = {"read": 12_345, "accepted": 12_344, "quarantined": 1}
    known = SourceState(
        name, "files", State.RETRYING, last_error="the folder is gone", counts=counts, detail={"lag_bytes": 6_000_000}
    )
    state.write(there.settings, known)
    (one,) = [each for each in told("sources", "list") if each["name"] == name]
    assert (one["state"], one["last_error"], one["counts"]) == ("retrying", known.last_error, counts)
    assert one["lag"] == "6,000,000 bytes"
    shown = CliRunner(env={"COLUMNS": "250"}).invoke(app(), ["sources"]).stdout
    assert "12,345" in shown
    assert "the folder is gone" in shown
    wrong = there.settings.sources_dir / "wrong.yaml"
    wrong.write_text("name: wrong\nkind: fils\n")
    done = CliRunner(env={"COLUMNS": "250"}).invoke(app(), ["sources"])
    wrong.unlink()
    assert (done.exit_code, name in done.stdout) == (1, True)
    assert f"the definition {wrong} is not valid" in str(done.exception)


def test_a_source_is_stopped_and_started(there: World, name: str) -> None:
    run("sources", "stop", name)
    assert not state.read(there.settings)[name].enabled
    run("sources", "start", name)
    assert state.read(there.settings)[name].enabled
    assert isinstance(run("sources", "stop", "no-such", code=1).exception, Permanent)


def test_a_definition_is_checked_against_the_real_thing(there: World, name: str, tmp_path: Path) -> None:
    (tmp_path / "sales.jsonl").write_text(json.dumps(GOOD) + "\n")
    checked = told("sources", "check", name)
    assert checked["ok"]
    assert all(each["ok"] for each in checked["findings"])
    assert "Köln" in run("sources", "check", name).stdout
    (there.settings.sources_dir / f"{name}.yaml").write_text(DEFINITION.format(name=name, folder=tmp_path / "gone"))
    checked = told("sources", "check", name, code=1)
    assert not checked["ok"]
    assert checked["findings"][-1]["todo"]
    assert "not ok" in run("sources", "check", name, code=1).stdout


def test_the_schema_of_a_definition_is_told() -> None:
    schema = json.loads(run("sources", "schema").stdout)
    assert {"FilesSource", "RestSource", "SoapSource", "PostgresSource"} <= set(schema["$defs"])
