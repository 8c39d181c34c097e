"""The keeper starts a job from its newest whole checkpoint; from nothing if there is none or a rebuild is asked for."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking, Sum
from rankings.render.clickhouse import ddl
from runtime.errors import Permanent
from runtime.settings import Settings
from streaming import keeper, rebuild
from streaming.alive import held_back
from streaming.jobs import live
from tests.stack_clickhouse.gateway import running

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LAG = timedelta(days=7)


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    """Settings whose checkpoints lie in a folder with a blank in its name."""
    return Settings(home=tmp_path, checkpoints=(tmp_path / "of flink").as_uri())


def checkpoint(folder: Path, run: str, number: int, age: int, *, whole: bool = True) -> Path:
    """A checkpoint as Flink leaves it; `_metadata` comes last."""
    made = folder / run / f"chk-{number}"
    made.mkdir(parents=True)
    (made / "state").touch()
    if whole:
        (made / "_metadata").touch()
        os.utime(made / "_metadata", (1_000_000 - age, 1_000_000 - age))
    return made


def test_the_newest_whole_checkpoint_of_any_run_counts(tmp_path: Path) -> None:
    folder = tmp_path / "job 1"
    checkpoint(folder, "run-a", 90, age=50)
    newest = checkpoint(folder, "run-b", 3, age=10)
    checkpoint(folder, "run-b", 2, age=20)
    checkpoint(folder, "run-b", 4, age=0, whole=False)
    assert keeper.last_checkpoint(folder.as_uri()) == newest.as_uri()


def test_without_a_whole_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert keeper.last_checkpoint((tmp_path / "never").as_uri()) is None
    checkpoint(tmp_path, "run", 1, age=0, whole=False)
    assert keeper.last_checkpoint(tmp_path.as_uri()) is None


def test_a_submission_names_the_checkpoint(chosen: Settings, tmp_path: Path) -> None:
    job = keeper.jobs(chosen)["lake"]
    assert keeper.submission("lake", job) == "lake"
    made = checkpoint(tmp_path / "of flink" / "lake", "run", 7, age=0)
    assert keeper.submission("lake", job) == f"lake={made.as_uri()}"


def test_another_plan_has_checkpoints_of_its_own(chosen: Settings) -> None:
    third = Ranking("top-countries", "Top countries", ("country",), (), Sum("amount"))
    identities = {
        live.identity(chosen),
        live.identity(chosen, (*RANKINGS, third)),
        live.identity(chosen, RANKINGS[:1]),
        live.identity(chosen.model_copy(update={"live_sums_ttl_hours": 48})),
        live.identity(chosen.model_copy(update={"flink_jars": "file:///a.jar;file:///tidelake-kernel-0123.jar"})),
        live.identity(chosen.model_copy(update={"business_time_zone": "Asia/Tokyo"})),
    }
    assert len(identities) == 6
    for same in ({"live_bundle_ms": 7}, {"kafka": "127.0.0.1:1"}):
        assert live.identity(chosen) == live.identity(chosen.model_copy(update=same))


def test_a_rebuild_drops_the_checkpoints_and_then_the_request(chosen: Settings, tmp_path: Path) -> None:
    job = live.job(chosen)
    folder = tmp_path / "of flink" / "live"
    checkpoint(folder / Path(job.checkpoints).name, "run", 7, age=0)
    checkpoint(folder / "an-earlier-plan", "run", 7, age=0)
    rebuild.request_file(chosen).touch()
    assert rebuild.requested(chosen)
    rebuild.fulfil(chosen)
    assert not rebuild.requested(chosen)
    assert list(folder.iterdir()) == []
    assert keeper.submission("live", job) == "live"


def test_a_rebuild_needs_a_log_that_was_not_compacted_since() -> None:
    rebuild.check_allowed(None, NOW, LAG)
    rebuild.check_allowed(NOW - LAG, NOW, LAG)
    with pytest.raises(Permanent, match="the log may have been compacted") as refused:
        rebuild.check_allowed(NOW - LAG - timedelta(seconds=1), NOW, LAG)
    assert "2026-02-22T00:00:00+00:00 or later" in str(refused.value)


def test_a_job_goes_on_from_what_it_is_told(chosen: Settings) -> None:
    assert replace(live.job(chosen), restore="file:///x") == live.job(chosen, "file:///x")


def test_the_lake_is_kept_up_where_live_may_not_begin(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lets live begin again is a publication, and that waits for the lake."""
    submitted: list[list[str]] = []

    def refused(*_: object) -> None:
        raise Permanent("the log may have been compacted")

    monkeypatch.setattr(keeper, "running", lambda _: {})
    monkeypatch.setattr(keeper, "connect", StringIO)
    monkeypatch.setattr(rebuild, "tell_in", lambda *_: None)
    monkeypatch.setattr(keeper, "_submit", submitted.append)
    monkeypatch.setattr(rebuild, "check_log", refused)
    with pytest.raises(Permanent):
        keeper.look(chosen)
    assert submitted == [["lake"]]
    keeper.look_and_tell(chosen)
    assert held_back(chosen).read_text() == "the log may have been compacted"
    monkeypatch.setattr(rebuild, "check_log", lambda *_: None)
    monkeypatch.setattr(rebuild, "check_zone", lambda *_: None)
    keeper.look_and_tell(chosen)
    assert submitted[-1] == ["lake", "live"]
    assert not held_back(chosen).exists()


@pytest.mark.servers
def test_live_does_not_tell_other_days_beside_those_that_answers_count_on(
    chosen: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = chosen.model_copy(update={"business_time_zone": "Asia/Tokyo"})
    at = NOW + timedelta(hours=1)
    with running(tmp_path_factory.mktemp("clickhouse")) as gateway, closing(gateway.client()) as clickhouse:
        for statement in ddl():
            clickhouse.command(statement)
        rebuild.check_zone(elsewhere, clickhouse)
        rebuild.tell_in(chosen, clickhouse, NOW)
        rebuild.tell_in(chosen, clickhouse, NOW)
        assert clickhouse.query("SELECT count() FROM live_zones").result_rows == [(1,)]
        rebuild.tell_in(elsewhere, clickhouse, NOW - timedelta(hours=1))
        assert rebuild.told_in(chosen, clickhouse) == "Asia/Tokyo"
        rebuild.tell_in(chosen, clickhouse, NOW)
        rebuild.check_zone(elsewhere, clickhouse)
        key = {"second": at, "business_day": at.date(), "currency": "EUR", "country": "Germany", "city": "Bonn"}
        row = {**key, "amount": 1, "sales": 1, "records": 1}
        clickhouse.insert(RANKINGS[0].live_table, [list(row.values())], column_names=list(row))
        with pytest.raises(Permanent, match=r"another business time zone.*received: 'Asia/Tokyo'.*reconcile --through"):
            rebuild.check_zone(elsewhere, clickhouse)
        rebuild.check_zone(chosen, clickhouse)
        names = ["version", "boundary", "versions", "rankings", "published_at"]
        clickhouse.insert("publications", [[1, at, [1], [], NOW]], column_names=names)
        with pytest.raises(Permanent, match="another business time zone"):
            rebuild.check_zone(elsewhere, clickhouse)
        clickhouse.insert("publications", [[2, at + timedelta(seconds=1), [2], [], at]], column_names=names)
        rebuild.check_zone(elsewhere, clickhouse)
