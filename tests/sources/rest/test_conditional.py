"""A page that the service calls unchanged is not read again, and what could have changed unnoticed is."""

from __future__ import annotations

import pytest

from runtime.errors import Retryable
from tests.sources.rest.service import Answer, Asked, Handler, HttpService, sale
from tests.sources.rest.world import World, defined, ids, numbers

LONG_AGO, JUST_THEN = "Sun, 01 Mar 2026 10:00:00 GMT", "Sun, 01 Mar 2026 11:59:59 GMT"
NOW = "Sun, 01 Mar 2026 12:00:00 GMT"


def tagged(handler: Handler) -> Handler:
    """The handler with entity tags, and 304 for those who know them."""

    def answer(asked: Asked) -> Answer:
        told = handler(asked)
        etag = f'W/"{hash(told.body)}"'
        if asked.headers.get("if-none-match") == etag:
            return Answer(status=304, headers={"ETag": etag})
        told.headers["ETag"] = etag
        return told

    return answer


@pytest.mark.parametrize("path", ["cursor", "pages", "link", "next_url"])
def test_unchanged_pages_are_not_sent_again_and_changed_ones_are_found_behind_them(
    service: HttpService, path: str
) -> None:
    service.handlers[f"/{path}"] = tagged(service.handlers[f"/{path}"])
    world = World(defined(service, path, limits={"remembered": 0}))
    world.read()
    assert ids(world.read()) == []
    service.shop.sales[8] = sale(9, amount="1.00")
    assert ids(world.read()) == ["s9", "s10"]


def test_an_unchanged_service_leaves_the_memory_as_it_is(service: HttpService) -> None:
    service.handlers["/pages"] = tagged(service.handlers["/pages"])
    service.shop.sales = service.shop.sales[:3]
    world = World(defined(service, "cursor", url=f"{service.url}/pages", records="", paging={"kind": "none"}))
    world.read()
    before, batches = dict(world.memory), world.batches
    assert world.read() == []
    assert (world.memory, world.batches) == (before, batches)


def test_a_reader_that_is_killed_does_not_take_unread_pages_for_read(service: HttpService) -> None:
    service.handlers["/cursor"] = tagged(service.handlers["/cursor"])
    for kill_at in range(5):
        world = World(defined(service, limits={"remembered": 0}))
        world.read(kill_at)
        world.read()
        assert sorted(ids(world.rows)) == sorted(numbers(1, 10)), kill_at


def test_another_mapping_reads_what_has_not_changed(service: HttpService) -> None:
    service.handlers["/cursor"] = tagged(service.handlers["/cursor"])
    world = World(defined(service))
    world.read()
    world.source = defined(service, fields={"city": {"constant": "Bonn"}})
    assert ids(world.read()) == numbers(1, 10)


@pytest.mark.parametrize(("modified", "sent"), [(LONG_AGO, True), (JUST_THEN, False)])
def test_a_time_of_change_counts_only_if_no_later_change_can_have_it(
    service: HttpService, modified: str, sent: bool
) -> None:
    told = {"Last-Modified": modified, "Date": NOW}
    service.plan("/pages", Answer(f"[{sale(1)}]", headers=told), Answer("[]"))
    source = defined(service, "pages", paging={"kind": "none"})
    world = World(source)
    world.read()
    service.plan("/pages", Answer(status=304) if sent else Answer(f"[{sale(2)}]"))
    service.plan("/pages", Answer("[]"))
    service.asked.clear()
    service._planned["/pages"].popleft()
    world.read()
    assert service.asked[0].headers.get("if-modified-since") == (modified if sent else None)


def test_nothing_has_changed_is_no_answer_to_an_unconditional_request(service: HttpService) -> None:
    service.plan("/cursor", Answer(status=304))
    with pytest.raises(Retryable, match="was not asked"):
        World(defined(service)).read()
