"""Pages that would go on for ever end the reading with a clear error."""

from __future__ import annotations

import itertools

import pytest

from runtime.errors import Permanent, Retryable
from tests.sources.rest.service import Answer, Asked, HttpService, sale
from tests.sources.rest.world import World, defined, ids


def page(number: int, following: object) -> Answer:
    """A page by cursor."""
    return Answer(f'{{"data": {{"items": [{sale(number)}]}}, "meta": {{"next": "{following}"}}}}')


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_cursors_that_come_round_are_noticed(service: HttpService, length: int) -> None:
    pages = itertools.count()

    def circle(asked: Asked) -> Answer:
        return page(next(pages), (int(asked.query.get("cursor", -1)) + 1) % length)

    service.handlers["/cursor"] = circle
    with pytest.raises(Permanent, match="repeat for ever: an address"):
        World(defined(service)).read()
    assert next(pages) <= 5 * length + 2


def test_a_circle_is_noticed_across_restarts(service: HttpService) -> None:
    pages = itertools.count()
    service.handlers["/cursor"] = lambda asked: page(next(pages), (int(asked.query.get("cursor", -1)) + 1) % 3)
    world = World(defined(service))
    with pytest.raises(Permanent, match="repeat for ever"):
        for _ in range(30):
            world.read(kill_at=1 if world.memory else 2)
    assert next(pages) < 30


def test_a_service_that_does_not_know_the_page_parameter_is_noticed(service: HttpService) -> None:
    service.handlers["/pages"] = lambda _: Answer(f"[{sale(1)}, {sale(2)}]")
    world = World(defined(service, "pages"))
    with pytest.raises(Permanent, match="3 pages in a row hold the same records"):
        world.read()
    assert ids(world.rows) == ["s1", "s2"]


def test_a_service_that_makes_ever_new_cursors_for_the_same_page_is_noticed(service: HttpService) -> None:
    fresh = itertools.count()
    service.handlers["/cursor"] = lambda _: page(1, f"at-{next(fresh)}")
    with pytest.raises(Permanent, match="same records"):
        World(defined(service)).read()


def test_there_is_a_most_of_pages(service: HttpService) -> None:
    fresh = itertools.count()
    service.handlers["/cursor"] = lambda _: page(next(fresh), f"at-{next(fresh)}")
    with pytest.raises(Permanent, match=r"too many pages.*at most 20"):
        World(defined(service, limits={"pages": 20})).read()


def test_a_feed_may_tell_the_same_change_twice(service: HttpService) -> None:
    service.shop.sales, service.shop.size = [sale(1), sale(1), sale(2)], 1
    assert ids(World(defined(service, "feed")).read()) == ["s1", "s2"]


def test_a_reading_that_takes_too_long_ends_and_the_next_goes_on(service: HttpService) -> None:
    world = World(defined(service, limits={"reading_seconds": 1e-9}))
    for _ in range(3):
        with pytest.raises(Retryable, match="longer than allowed"):
            world.read()
    assert service.asked == []
