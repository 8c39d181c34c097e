"""The clock does the night's work at its hour, catches up what was missed, tries again, and tells how it went."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from pydantic import SecretStr

from batch import nights
from runtime.errors import Permanent, Retryable
from runtime.settings import Settings
from stack import night
from tests import postgres


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of the test's own; in summer time the hour is 22:10 UTC."""
    made = Settings(home=tmp_path, business_time_zone="Europe/Berlin", nightly_at="00:10")
    monkeypatch.setattr(night, "settings", lambda: made)
    return made


@pytest.fixture
def scheduler() -> Iterator[Any]:
    """One that does not block."""
    made = BackgroundScheduler(timezone="UTC")
    yield made
    if made.running:
        made.shutdown(wait=False)


def command(code: int, text: str = "") -> tuple[str, ...]:
    """Says something and ends."""
    return ("sh", "-c", f"echo '{text}' >&2; exit {code}")


def ended(chosen: Settings) -> dict[str, Any]:
    """What the clock tells when its work has ended."""
    until = time.monotonic() + 10
    while "outcome" not in night.state(chosen):
        assert time.monotonic() < until
        time.sleep(0.02)
    return night.state(chosen)


def test_it_tells_when_it_will_work_next(chosen: Settings, scheduler: Any) -> None:
    with pytest.raises(Retryable, match="does not run yet"):
        night.check()
    night.clock(scheduler, chosen, command(0), missed=False)
    scheduler.start()
    told = night.state(chosen)
    following = datetime.fromisoformat(told["next"]).astimezone(UTC)
    assert following > datetime.now(UTC)
    assert (following.hour in (22, 23), following.minute) == (True, 10)
    assert told["pid"] == os.getpid()
    night.check()


@pytest.mark.parametrize(
    ("zone", "since", "found"),
    [
        ("Africa/Cairo", "2026-04-22T22:10Z", ["2026-04-23T22:10", "2026-04-24T21:10"]),  # 00:10 does not exist
        ("America/Havana", "2026-10-31T04:10Z", ["2026-11-01T04:10", "2026-11-02T05:10"]),  # 00:10 comes twice
        ("Europe/Berlin", "2026-03-28T10:00Z", ["2026-03-28T23:10", "2026-03-29T22:10"]),
    ],
)
def test_each_night_has_its_work_once_when_clocks_change(
    chosen: Settings, scheduler: Any, zone: str, since: str, found: list[str]
) -> None:
    night.clock(scheduler, chosen.model_copy(update={"business_time_zone": zone}), command(0), missed=False)
    trigger, last = scheduler.get_jobs()[0].trigger, datetime.fromisoformat(since)
    for each in found:
        last = trigger.get_next_fire_time(last, last)
        assert f"{last.astimezone(UTC):%Y-%m-%dT%H:%M}" == each


def test_a_missed_night_is_caught_up_at_once(chosen: Settings, scheduler: Any) -> None:
    night.clock(scheduler, chosen, command(0), missed=True)
    scheduler.start()
    assert ended(chosen)["outcome"] == "ok"
    night.check()


def test_a_failure_is_told_and_makes_the_clock_unhealthy(chosen: Settings, scheduler: Any) -> None:
    night.clock(scheduler, chosen, command(1, "the drift is over the limit"), missed=True)
    scheduler.start()
    assert ended(chosen)["outcome"] == "failed"
    with pytest.raises(Permanent, match=r"the drift is over the limit.*tidelake nightly"):
        night.check()


def test_what_can_succeed_later_is_tried_again(chosen: Settings, scheduler: Any) -> None:
    night.clock(scheduler, chosen, command(night.TRY_AGAIN, "a store is away"), missed=True)
    scheduler.start()
    told = ended(chosen)
    assert told["outcome"] == "to be tried again"
    again = scheduler.get_job("again").next_run_time
    assert 0 < (again - datetime.now(UTC)).total_seconds() <= 60 * night.RETRY_MINUTES
    night.check()


def test_a_night_that_is_killed_is_tried_again(chosen: Settings, scheduler: Any) -> None:
    night.clock(scheduler, chosen, ("sh", "-c", "echo at work >&2; kill -KILL $$"), missed=True)
    scheduler.start()
    told = ended(chosen)
    assert told["outcome"] == "to be tried again"
    assert scheduler.get_job("again")
    night.check()


def test_a_store_that_stays_away_makes_the_night_fail_and_it_is_tried_all_the_same(
    chosen: Settings, scheduler: Any
) -> None:
    night.clock(scheduler, chosen, command(night.TRY_AGAIN, "a store is away"), missed=False)
    tick = scheduler.get_jobs()[0].func
    for attempt in range(1, night.ATTEMPTS + 3):
        tick()
        assert night.state(chosen)["outcome"] == ("to be tried again" if attempt < night.ATTEMPTS else "failed")
        assert scheduler.get_job("again")


@pytest.mark.servers
def test_work_that_is_done_by_hand_makes_the_clock_healthy(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="seconds")
    night.state_file(chosen).write_text(
        json.dumps({"pid": os.getpid(), "next": at, "at": at, "outcome": "failed", "detail": "the drift"})
    )
    with postgres.running() as dsn:
        with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
            cursor.execute((files("rankings") / "sql" / "postgres_tables.sql").read_text())
        found = chosen.model_copy(update={"platform_dsn": SecretStr(dsn)})
        monkeypatch.setattr(night, "settings", lambda: found)
        with pytest.raises(ValueError, match="again"), nights.told(dsn):
            raise ValueError("again")
        with pytest.raises(Permanent, match="the drift"):
            night.check()
        with nights.told(dsn):
            pass
        night.check()


def test_the_clock_survives_a_start_without_what_it_told_before(chosen: Settings) -> None:
    night.state_file(chosen).write_text('{"pid": 999999999, "next": "2026-01-01T00:00:00+00:00", "outcome": "ok"}')
    with pytest.raises(Retryable):
        night.check()
