"""Every way of paging gives each record once and in order, wherever the reading was ended in between."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.rest.service import Answer, HttpService, sale
from tests.sources.rest.world import CURSOR, PATHS, World, defined, ids, numbers


@pytest.mark.parametrize("path", PATHS)
def test_all_pages_are_read_in_order(service: HttpService, path: str) -> None:
    assert ids(World(defined(service, path)).read()) == numbers(1, 10)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_read_again_unchanged_is_not_published_again(service: HttpService, path: str) -> None:
    world = World(defined(service, path))
    world.read()
    service.shop.sales.append(sale(11))
    assert ids(world.read()) == ["s11"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("batch_rows", [3, 5000])
@pytest.mark.parametrize("remembered", [0, 100])
def test_a_reader_that_is_killed_before_any_batch_is_published_loses_and_repeats_nothing(
    service: HttpService, path: str, batch_rows: int, remembered: int
) -> None:
    limits = {"batch_rows": batch_rows, "remembered": remembered}
    for kill_at in range(8):
        world = World(defined(service, path, limits=limits))
        world.read(kill_at)
        world.read()
        assert sorted(ids(world.rows)[:10]) == sorted(numbers(1, 10)), kill_at
        assert len(world.rows) == 10 or (remembered == 0 and kill_at > 3), kill_at


def test_killed_at_every_batch_again_and_again_it_still_ends(service: HttpService) -> None:
    world = World(defined(service, "cursor", limits={"batch_rows": 1, "remembered": 0}))
    for _ in range(40):
        world.read(kill_at=1)
        if world.memory.get("position", {}).get("unfinished", True) is None:
            break
    assert ids(world.rows) == numbers(1, 10)


def test_a_page_that_has_changed_since_half_of_it_was_taken_is_taken_from_its_beginning(service: HttpService) -> None:
    world = World(defined(service, "cursor", limits={"batch_rows": 3}))
    world.read(kill_at=2)
    assert ids(world.rows) == numbers(1, 3)
    service.shop.sales.insert(0, sale(99))
    assert ids(world.read())[:2] == ["s99", "s4"]


def test_a_feed_goes_on_where_it_ended_and_asks_for_nothing_older(service: HttpService) -> None:
    world = World(defined(service, "feed"))
    world.read()
    service.shop.sales += [sale(3, amount="1.00"), sale(11)]
    service.asked.clear()
    assert ids(world.read()) == ["s3", "s11"]
    assert [each.query["cursor"] for each in service.asked] == ["10"]


def test_a_feed_without_a_word_about_more_ends_where_the_cursor_stays(service: HttpService) -> None:
    world = World(defined(service, "feed", paging={**CURSOR, "next": "next", "lasting": True}))
    assert ids(world.read()) == numbers(1, 10)
    assert ids(world.read()) == []


def test_an_empty_page_in_the_middle_ends_no_reading_by_cursor(service: HttpService) -> None:
    service.plan("/cursor", Answer('{"data": {"items": []}, "meta": {"next": 4}}'))
    assert ids(World(defined(service)).read()) == numbers(5, 10)


@pytest.mark.parametrize("body", ['{"data": {"items": null}}', '{"data": {"items": []}, "meta": {"next": ""}}'])
def test_nothing_there_is_an_empty_reading(service: HttpService, body: str) -> None:
    service.plan("/cursor", Answer(body))
    assert World(defined(service)).read() == []


def test_an_answer_without_content_is_an_empty_page(service: HttpService) -> None:
    service.plan("/pages", Answer(status=204, kind=""))
    assert World(defined(service, "pages")).read() == []


def test_a_service_may_give_fewer_records_than_asked_for(service: HttpService) -> None:
    World(defined(service, "pages")).read()
    assert {each.query["per_page"] for each in service.asked} == {"100"}
    assert [each.query["page"] for each in service.asked] == ["1", "2", "3", "4"]


def test_a_status_may_stand_for_the_end_but_not_for_the_first_page(service: HttpService) -> None:
    paging = {**PATHS["pages"]["paging"], "end_statuses": [404]}
    service.handlers["/pages"] = lambda asked: Answer(
        f"[{sale(int(asked.query['page']))}]", status=200 if int(asked.query["page"]) < 4 else 404
    )
    assert ids(World(defined(service, "pages", paging=paging)).read()) == numbers(1, 3)
    service.plan("/pages", Answer(status=404))
    with pytest.raises(Exception, match="HTTP 404"):
        World(defined(service, "pages", paging=paging)).read()


def test_parameters_stay_on_every_page(service: HttpService) -> None:
    World(defined(service, "cursor", params={"status": "done & paid"})).read()
    assert {each.query["status"] for each in service.asked} == {"done & paid"}


def test_a_place_that_the_service_has_forgotten_lets_the_reading_begin_anew(service: HttpService) -> None:
    world = World(defined(service, "cursor"))
    world.read(kill_at=3)
    assert len(world.rows) == 8
    service.plan("/cursor", Answer(status=410))
    assert ids(world.read()) == ["s9", "s10"]
    assert "cursor" not in service.asked[-3].query


@pytest.mark.parametrize(
    "paging",
    [{"kind": "page", "param": "page", "size": 5}, {"kind": "cursor", "next": "a..b", "param": "c"}, {"kind": "other"}],
)
def test_a_paging_that_is_not_valid_is_refused(service: HttpService, paging: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="paging"):
        defined(service, "pages", paging=paging)
