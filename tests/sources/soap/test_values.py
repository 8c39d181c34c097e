"""Numbers and times keep their exact value, whatever form they come in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as some

from streaming.sources.soap.values import LONGEST, boolean, instant, number, time

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe")


@given(some.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_a_decimal_keeps_its_value(value: Decimal) -> None:
    told = number(str(value))
    assert Decimal(told) == value
    assert "E" not in told or abs(value.adjusted()) >= LONGEST


@given(some.text(max_size=200))
def test_what_is_no_number_stays_as_it_came(text: str) -> None:
    told = number(text)
    assert told == text.strip() or re.fullmatch(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?", text.strip())
    assert boolean(text) in (text.strip(), "true", "false")


@given(some.datetimes(datetime(1971, 1, 2), datetime(2099, 12, 30)), some.integers(-14 * 60, 14 * 60))
def test_a_time_with_a_zone_is_the_same_instant_in_utc(local: datetime, minutes: int) -> None:
    at = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    told = time(at.isoformat(), None)
    assert told.endswith("Z")
    assert datetime.fromisoformat(told) == at


@given(some.datetimes(datetime(1971, 1, 2), datetime(2099, 12, 30)), some.sampled_from(ZONES))
def test_a_time_without_a_zone_is_that_of_the_clock_there_or_none(local: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    at = instant(local.isoformat(), zone)
    if at is None:
        leapt = local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        assert leapt != local, "only a time that the clock leaps over"
        assert time(local.isoformat(), zone) == local.isoformat()
    else:
        assert at.astimezone(zone).replace(tzinfo=None) == local
