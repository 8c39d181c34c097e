"""Business days are those of the business time zone, summer time included; only days that change are summed anew."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from batch.nightly import midnights
from rankings.catalogue import TOP_SALES_PER_CITY
from rankings.topics import EVENTS
from tests.batch.log import START, Log
from tests.batch.test_reconcile import assert_published
from tests.batch.world import World, published

BERLIN = ZoneInfo("Europe/Berlin")


class Till(Log):
    """A log of sales that are told one by one."""

    def tell(self, sale_id: str, occurred_at: str, amount: str, city: str = "Köln") -> None:
        """Adds a record of a sale."""
        fields = {"source": "till", "sale_id": sale_id, "occurred_at": occurred_at, "amount": amount, "currency": "EUR"}
        told = {**fields, "country": "Germany", "city": city, "salesman_id": "p1"}
        self._add(EVENTS[0], sale_id, json.dumps(told).encode())

    def closed(self, world: World, written: int) -> datetime:
        """Writes what came since to the lake; the boundary behind it."""
        self.now += timedelta(seconds=1)
        self.mark()
        world.write(self.records[written:])
        return self.now


@pytest.mark.servers
def test_summer_time_late_sales_and_moves_between_days(world: World) -> None:
    log = Till(seed=0)
    log.now = START + timedelta(days=60)
    for number, at in enumerate(
        ("2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z")
    ):
        log.tell(str(number), at, f"{10**number}.00")
    published(world, log.closed(world, 0))
    sums = {key[0]: amount for key, (amount, _) in world.published(TOP_SALES_PER_CITY).items()}
    assert sums == {
        date(2026, 3, 28): Decimal(1),
        date(2026, 3, 29): Decimal(110),
        date(2026, 3, 30): Decimal(1000),
    }
    written = len(log.records)
    log.tell("late", "2026-01-05T12:00:00Z", "5.00")
    log.tell("0", "2026-02-01T12:00:00Z", "1.00")
    log.tell("2", "2026-03-29T21:59:59Z", "100.00")  # says again what is known
    outcome = published(world, log.closed(world, written))
    assert outcome.certificate.days == [date(2026, 1, 5), date(2026, 2, 1), date(2026, 3, 28)]
    assert outcome.certificate.changed[TOP_SALES_PER_CITY.name] == 3
    assert_published(world, 2, log.before(log.now))


@pytest.mark.servers
def test_a_sale_is_found_again_whatever_its_key_looks_like(world: World) -> None:
    """Files tell their first and last key by 16 characters; each of these lies in a file of its own."""
    log = Till(seed=0)
    latin = ("0", "~", "a" * 16, "a" * 17, "z" * 200, "\xe9" * 16)
    beyond = ("\ud7ff" * 20, "\uffff", "\uffff" * 17, "\U0001f600" * 30, "\U0010ffff" * 20, "\ue000\U0001f600" * 12)
    for amount in ("1.00", "2.00"):
        first = len(log.records)
        for month, key in enumerate(latin + beyond, 1):
            log.tell(key, f"2025-{month:02}-15T12:00:00Z", amount)
        published(world, log.closed(world, first))
    assert_published(world, 2, log.before(log.now))


@pytest.mark.servers
def test_another_time_zone_has_other_days(world: World) -> None:
    log = Till(seed=0)
    log.tell("1", "2026-02-28T23:30:00Z", "1.00")
    published(world, log.closed(world, 0))
    world.settings = world.settings.model_copy(update={"business_time_zone": "America/St_Johns"})
    written = len(log.records)
    log.tell("2", "2026-02-01T12:00:00Z", "1.00")
    published(world, log.closed(world, written))
    assert_published(world, 2, log.before(log.now))


@pytest.mark.parametrize(
    ("since", "now", "found"),
    [
        (None, "2026-03-29T10:00:00", ["2026-03-28T23:00:00"]),
        ("2026-03-28T23:00:00", "2026-03-29T21:59:59", []),
        ("2026-03-28T23:00:00", "2026-03-29T22:00:00", ["2026-03-29T22:00:00"]),
        ("2026-10-24T21:59:59", "2026-10-26T12:00:00", ["2026-10-24T22:00:00", "2026-10-25T23:00:00"]),
    ],
)
def test_missed_midnights(since: str | None, now: str, found: list[str]) -> None:
    begins = datetime.fromisoformat(since).replace(tzinfo=UTC) if since else None
    told = midnights(begins, datetime.fromisoformat(now).replace(tzinfo=UTC), BERLIN)
    assert [f"{each:%Y-%m-%dT%H:%M:%S}" for each in told] == found


def test_a_month_of_nights_is_caught_up_at_most() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert len(midnights(datetime(2025, 1, 1, tzinfo=UTC), now, BERLIN)) == 31
