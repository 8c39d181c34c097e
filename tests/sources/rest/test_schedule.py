"""A source is read at the times of its definition, whenever its process is started."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from runtime.settings import Settings
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.reader import RestReader
from streaming.sources.runner import Runner
from tests.sources.rest.service import HttpService
from tests.sources.rest.world import World, defined

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def waited(source: RestSource, monkeypatch: pytest.MonkeyPatch) -> float:
    """How long the process of a source waits for its next reading."""
    slept: list[float] = []
    monkeypatch.setattr("streaming.sources.runner.time.sleep", slept.append)
    Runner(Settings(), source, lambda: RestReader(source), lambda _: None).wait()
    (seconds,) = slept
    return seconds


def test_without_a_cron_it_is_read_again_after_the_seconds(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = defined(service, every_seconds=7)
    assert source.next_reading(NOON) == NOON + timedelta(seconds=7)
    assert 6 < waited(source, monkeypatch) <= 7


def test_a_cron_is_meant_in_its_time_zone(service: HttpService) -> None:
    source = defined(service, cron="30 2 * * *", time_zone="America/St_Johns")
    assert source.next_reading(NOON) == datetime(2026, 3, 2, 2, 30, tzinfo=ZoneInfo("America/St_Johns"))


def test_a_cron_wins_over_the_seconds(service: HttpService, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 <= waited(defined(service, cron="* * * * *", every_seconds=9999), monkeypatch) <= 60


def test_a_process_that_is_started_between_two_times_waits_for_the_next(service: HttpService) -> None:
    world = World(defined(service, cron="0 3 1 1 *"))
    assert len(world.read()) == 10
    service.asked.clear()
    assert world.read() == [] and service.asked == []
    world.memory["position"]["read_at"] = "2020-06-01T00:00:00+00:00"
    world.read()
    assert service.asked


def test_half_a_reading_goes_on_at_once(service: HttpService) -> None:
    world = World(defined(service, cron="0 3 1 1 *"))
    world.read(kill_at=2)
    world.read()
    assert len(world.rows) == 10


@pytest.mark.parametrize(
    "told", [{"cron": "every day"}, {"cron": "61 * * * *"}, {"cron": "0 3 * * *", "time_zone": "Mars/Olympus"}]
)
def test_a_schedule_that_is_not_valid_is_refused(service: HttpService, told: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"Wrong number of fields|61|time_zone: received"):
        defined(service, **told)
