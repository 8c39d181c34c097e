"""A good record that the log takes later closes the refused records of its sale, and no other does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from streaming import quarantine
from streaming.quarantine.records import Wanted
from streaming.quarantine.replay import discard
from streaming.quarantine.settle import Settler
from tests.sources.quarantine.world import GOOD, World, bad, files_source, fresh, good, refused

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]


def settle(there: World) -> int:
    with Settler(there.settings, there.held) as settler:
        return settler.settle()


def test_a_later_good_record_closes_and_an_earlier_one_does_not(there: World) -> None:
    name = fresh("till")
    taken = there.produce("events.rest", good(name, "1"), bad(name, "1"), bad(name, "2"), good(name, " 2"))
    assert taken[0].timestamp() == taken[3].timestamp()
    ids = there.refuse(taken[1], taken[2])
    settle(there)
    assert there.states(*ids) == ["open", "superseded"]
    assert there.held.missing()[name] == 1
    (event,) = there.held.history(ids[1])
    assert (event.event, event.to.id, event.who) == ("superseded", f"events.rest/0/{taken[3].offset()}", "the log")
    there.produce("events.files", {"source": name, "sale_id": "1", "deleted": True}, partition=1)
    settle(there)
    assert there.states(*ids) == ["superseded", "superseded"]
    assert name not in there.held.missing()


def test_records_of_other_sales_and_bad_ones_close_nothing(there: World) -> None:
    name = fresh("till")
    ids = there.refuse(*there.produce("events.rest", bad(name, "1")))
    there.produce("events.rest", good(name, "2"), good(fresh("till"), "1"), bad(name, "1"), b"{", b"[1]", b"")
    settle(there)
    assert there.states(*ids) == ["open"]


def test_what_becomes_known_late_is_searched_for_from_its_own_time(there: World) -> None:
    name = fresh("till")
    with Settler(there.settings, there.held) as settler:
        first = there.refuse(*there.produce("events.rest", bad(name, "0")))
        settler.settle()
        taken = there.produce("events.rest", bad(name, "1"), good(name, "1"))
        settler.settle()
        late = there.refuse(taken[0])
        settler.settle()
    assert there.states(*first, *late) == ["open", "superseded"]


def test_a_later_process_goes_on_where_an_earlier_one_came_to(there: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name = fresh("till")
    ids = there.refuse(*there.produce("events.rest", bad(name, "1"), bad(name, "2")))
    settle(there)
    monkeypatch.setattr("streaming.quarantine.settle.LATE", timedelta())
    there.refuse(*there.produce("events.rest", bad(name, "3")))
    settle(there)
    reached, _ = there.held.settled()
    with Settler(there.settings, there.held) as settler:
        assert settler._next == reached
    there.produce("events.rest", good(name, "1"))
    settle(there)
    assert there.states(*ids) == ["superseded", "open"]


def test_the_good_record_of_the_same_transaction_that_came_before_closes_nothing(there: World) -> None:
    source = files_source(fresh("till"))
    quarantine.keep(source, refused(source, GOOD, {**GOOD, "amount": "x"}, {**GOOD, "sale_id": "8", "amount": "x"}))
    there.produce("events.files", good(source.name, "7"), good(source.name, "8"))
    settle(there)
    assert there.held.missing()[source.name] == 1


def test_a_source_that_tells_the_same_again_opens_it_again(there: World) -> None:
    source = files_source(fresh("till"))
    told = refused(source, {**GOOD, "amount": "x"})
    quarantine.keep(source, told)
    there.produce("events.files", good(source.name, "7"))
    settle(there)
    assert there.one(source.name).state == "superseded"
    quarantine.keep(source, told)
    assert there.one(source.name).state == "open"
    assert there.held.missing()[source.name] == 1


def test_nothing_is_read_while_no_sale_is_open(there: World) -> None:
    there.refuse(*there.produce("events.rest", bad(fresh("till"), "1")))
    discard(there.held, there.held.search(Wanted("open"), 100_000), "ann", "the end of the tests")
    with Settler(there.settings, there.held) as settler:
        assert settler.settle() == 0
        assert settler._next == {}
