"""The clock does the night's work at its hour, catches up what was missed, tries again, and tells how it went."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from runtime.errors import Permanent, Retryable
from runtime.settings import Settings
from stack import night


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


def test_the_clock_survives_a_start_without_what_it_told_before(chosen: Settings) -> None:
    night.state_file(chosen).write_text('{"pid": 999999999, "next": "2026-01-01T00:00:00+00:00", "outcome": "ok"}')
    with pytest.raises(Retryable):
        night.check()
