"""`tidelake lineage` shows the way of an answer, as a tree and as JSON, and writes it to DataHub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from metadata import commands
from runtime.errors import Permanent
from runtime.settings import settings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:datahub")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path))
    settings.cache_clear()
    made = typer.Typer()
    made.callback()(lambda: None)
    commands.register(made)
    return made


def run(app: typer.Typer, *arguments: str) -> str:
    ended = CliRunner().invoke(app, ["lineage", *arguments])
    if ended.exception:
        raise ended.exception
    return ended.stdout


def test_the_tree_leads_from_the_answer_to_the_operational_table(app: typer.Typer) -> None:
    text = run(app, "top-sales-per-city")
    places = [text.index(name) for name in ("/v1/rankings/top-sales-per-city", "reconciled_top_sales_per_city")]
    places += [text.index(name) for name in ("lake.gold", "lake.silver.sales", "lake.bronze.log", "shop.public.sales")]
    assert places == sorted(places)
    assert "live_top_sales_per_city" in text


def test_json_is_a_graph(app: typer.Typer) -> None:
    found = json.loads(run(app, "top-salesman-in-country", "--json"))
    ids = {dataset["id"] for dataset in found["datasets"]}
    assert found["answer"] == "http:/v1/rankings/top-salesman-in-country"
    assert all({flow["from"], flow["to"]} <= ids for flow in found["flows"])
    assert {"from": "salesman_id", "to": "salesman_id"} in found["flows"][0]["columns"]


def test_a_definition_that_is_not_valid_is_left_out_and_told(app: typer.Typer, tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "fine.yaml").write_text("{name: fine, kind: files, folder: /srv/drops}")
    (folder / "odd.yaml").write_text("{name: odd, kind: files}")
    ended = CliRunner().invoke(app, ["lineage", "top-sales-per-city", "--json"])
    assert ended.exit_code == 0, ended.output
    assert {each["job"] for each in json.loads(ended.stdout)["flows"]} >= {"sources.fine", "sources.shop"}
    assert "the source odd is left out" in ended.stderr
    assert "folder" in ended.stderr


def test_emit_writes_to_datahub(app: typer.Typer, tmp_path: Path) -> None:
    run(app, "--emit")
    assert (tmp_path / "datahub" / "lite.sqlite").exists()


@pytest.mark.parametrize("arguments", [(), ("top-of-nothing",)])
def test_an_unknown_ranking_is_told_those_there_are(app: typer.Typer, arguments: tuple[str, ...]) -> None:
    with pytest.raises(Permanent, match="top-salesman-in-country"):
        run(app, *arguments)
