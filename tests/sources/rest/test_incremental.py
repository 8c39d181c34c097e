"""Only what has changed is asked for, with an overlap, and nothing that becomes visible within it is missed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from runtime.errors import Permanent
from streaming.sources.rest.parts import Since
from streaming.sources.rest.since import asked as parameter
from streaming.sources.rest.since import read
from tests.sources.rest.service import HttpService, Shop, sale
from tests.sources.rest.world import SINCE, World, defined, ids, numbers


def asked(service: HttpService) -> list[str | None]:
    """The parameter of every request since the last call."""
    found = [each.query.get("since") for each in service.asked]
    service.asked.clear()
    return found


def test_the_next_reading_asks_from_the_highest_change_less_the_overlap(service: HttpService) -> None:
    world = World(defined(service, since={**SINCE, "overlap": 2.5}))
    assert ids(world.read()) == numbers(1, 10)
    assert set(asked(service)) == {None}
    service.shop.sales.append(sale(11))
    assert ids(world.read()) == ["s11"]
    assert set(asked(service)) == {"2026-01-01T00:00:07.500000Z"}


def test_the_first_reading_begins_where_the_definition_says(service: HttpService) -> None:
    world = World(defined(service, since={**SINCE, "start": "2026-01-01T00:00:08Z"}))
    assert ids(world.read()) == numbers(8, 10)


def test_a_record_that_becomes_visible_late_is_found_within_the_overlap(service: HttpService) -> None:
    world = World(defined(service, since={**SINCE, "overlap": 5}))
    world.read()
    service.shop.sales += [sale(11), sale(12, after=6.5), sale(13, after=4.5)]
    service.shop.sales.sort(key=lambda each: json.loads(each)["changed_at"])
    assert ids(world.read()) == ["s12", "s11"]


def test_an_interrupted_reading_goes_on_with_its_own_beginning(service: HttpService) -> None:
    world = World(defined(service, since={**SINCE, "overlap": 1, "start": "2026-01-01T00:00:03Z"}))
    world.read(kill_at=2)
    asked(service)
    world.read()
    assert set(asked(service)) == {"2026-01-01T00:00:03Z"}
    assert ids(world.rows) == numbers(3, 10)


def test_a_change_back_within_the_overlap_is_published(service: HttpService) -> None:
    world, shop = World(defined(service, since={**SINCE, "overlap": 100})), service.shop
    world.read()
    for city in ("Bonn", "Köln", "Köln"):
        shop.sales[2] = sale(3, city=city, after=20)
        world.read()
    cities = [row.fields["city"] for row in world.rows if row.fields and row.fields["sale_id"] == "s3"]
    assert cities == ["Köln", "Bonn", "Köln"]


def test_a_record_from_the_future_does_not_hide_those_of_today(service: HttpService) -> None:
    world = World(defined(service, since=SINCE))
    service.shop.sales = [sale(1, after=10 * 365 * 86400)]
    began = datetime.now(UTC)
    world.read()
    asked(service)
    world.read()
    (said,) = set(asked(service))
    assert said is not None
    assert began - timedelta(seconds=1) < datetime.fromisoformat(said) <= datetime.now(UTC)


def test_what_is_remembered_of_contents_is_bounded_by_the_overlap(service: HttpService) -> None:
    service.shop.sales = [sale(number) for number in range(1, 101)]
    world = World(defined(service, since={**SINCE, "overlap": 10}))
    world.read()
    kept = [value for name, value in world.memory.items() if name.startswith("seen/")]
    assert 10 <= sum(len(each["of"]) for each in kept) <= 10 + service.shop.size
    assert ids(world.read()) == []


def test_what_is_remembered_of_contents_is_bounded_by_the_limit(service: HttpService) -> None:
    service.shop.sales = [sale(number) for number in range(1, 101)]
    world = World(defined(service, limits={"remembered": 10}))
    assert ids(world.read()) == numbers(1, 100)
    assert sum(len(value["of"]) for name, value in world.memory.items() if name.startswith("seen/")) <= 10
    assert set(ids(world.read())) <= set(numbers(1, 100))


def test_a_path_that_leads_to_no_change_stops_the_source(service: HttpService) -> None:
    world = World(defined(service, since={**SINCE, "field": "altered_at"}))
    with pytest.raises(Permanent, match="altered_at"):
        world.read()


def test_another_question_begins_anew_and_another_mapping_takes_unchanged_records_again(service: HttpService) -> None:
    world = World(defined(service))
    world.read()
    world.source = defined(service, fields={"city": {"constant": "Bonn"}})
    assert len(world.read()) == 10
    assert world.read() == []
    world.source = defined(service, fields={"city": {"constant": "Bonn"}}, since=SINCE)
    assert len(world.read()) == 10
    assert world.read() == []
    world.source = defined(service, fields={"city": {"constant": "Bonn"}}, since={**SINCE, "overlap": 1})
    assert world.read() == []


@pytest.mark.parametrize(
    ("form", "reached", "value"),
    [
        ("iso", "1767225600", "2025-12-31T23:59:50.000000Z"),
        ("iso", "5", "1970-01-01T00:00:00.000000Z"),
        ("epoch_seconds", "1767225600.9", "1767225590"),
        ("epoch_ms", "1767225600.1239", "1767225590123"),
        ("number", "12345678901234567890", "12345678901234567880"),
    ],
)
def test_the_parameter_is_never_later_than_what_was_reached_less_the_overlap(
    form: str, reached: str, value: str
) -> None:
    since = Since.model_validate({"param": "since", "field": "at", "form": form, "overlap": 10})
    assert parameter(since, reached) == value


@pytest.mark.parametrize(
    ("form", "value", "found"),
    [
        ("iso", "2026-01-01T01:00:00+01:00", "1767225600"),
        ("iso", "2026-01-01T00:00:00", "1767225600"),
        ("iso", "2026-01-01T00:00:00.1234567Z", "1767225600.123456"),
        ("iso", 5, None),
        ("epoch_seconds", "1767225600", "1767225600"),
        ("epoch_ms", 1767225600123, "1767225600.123"),
        ("number", Decimal("7.5"), "7.5"),
        ("number", True, None),
        ("number", "NaN", None),
        ("number", None, None),
    ],
)
def test_times_and_numbers_of_change_are_read_exactly(form: str, value: Any, found: str | None) -> None:
    assert read(form, value) == (None if found is None else Decimal(found))


def test_a_number_of_change_leads_on_as_a_time_does(service: HttpService) -> None:
    shop = Shop()
    shop.sales = [f'{{"sale_id": "s{number}", "version": {number}}}' for number in range(1, 4)]
    shop.wanted = lambda query: shop.sales[max(0, int(query.get("since", "0"))) :]  # type: ignore[method-assign]
    service.handlers["/pages"] = shop.pages
    since = {"param": "since", "field": "version", "form": "number", "overlap": 0}
    world = World(defined(service, "pages", since=since))
    world.read()
    asked(service)
    world.read()
    assert set(asked(service)) == {"3"}
