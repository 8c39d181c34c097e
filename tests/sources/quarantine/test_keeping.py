"""Every refused record is kept once, whoever refuses it: where it stood, as it came, what was wrong, how often."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rankings.render import forget
from rankings.spelling import in_json
from streaming import quarantine
from streaming.quarantine.keeping import TRANSACTION, identity
from streaming.quarantine.records import Event, Wanted
from streaming.sources.definition import Source
from tests.sources.quarantine.world import GOOD, World, bad, files_source, fresh, just_now, refused

servers = [pytest.mark.servers, pytest.mark.timeout(300)]


class Moving(Source):
    """A source in which the same record stands elsewhere the next time."""

    steady = False


def test_the_name_of_a_record_is_its_source_and_what_came() -> None:
    steady, moving = files_source("till"), Moving(name="till", kind="moving")
    assert identity(steady, "line 1", b"x").startswith("till/")
    assert len({identity(steady, at, raw) for at in ("line 1", "line 2") for raw in (b"x", b"y")}) == 4
    assert identity(moving, "page 1", b"x") == identity(moving, "page 2", b"x") != identity(moving, "page 1", b"y")


def test_what_was_refused_tells_its_sale_and_its_place_among_good_ones() -> None:
    rows = [GOOD, {**GOOD, "amount": "x"}, {**GOOD, "sale_id": "8", "amount": "x"}, {**GOOD, "sale_id": " 8\n"}]
    told = refused(files_source("till"), *rows, {**GOOD, "sale_id": "9", "city": ""}, {**GOOD, "sale_id": "\x00"})
    assert [(each.sale_id, each.after_good, each.field) for each in told] == [
        ("7", True, "amount"),
        ("8", False, "amount"),
        ("9", False, "city"),
        ("", False, "sale_id"),
    ]
    assert told[0].fields == {**GOOD, "amount": "x"}


class TestKept:
    pytestmark = servers

    def test_a_record_that_its_source_refuses(self, there: World) -> None:
        source = files_source(fresh("till"))
        quarantine.keep(source, refused(source, {**GOOD, "amount": "12,30"}))
        found = there.one(source.name)
        assert (found.source, found.sale_id, found.hops, found.topic) == (source.name, "7", ("source",), "events.files")
        assert (found.at, found.field, found.state, found.times) == ("sales.csv line 2", "amount", "open", 1)
        assert found.reason.startswith("amount: received '12,30', valid: a decimal")
        assert b'"amount": "12,30"' in found.payload
        assert just_now(found.first_seen)
        assert there.held.missing()[source.name] == 1

    def test_read_again_it_is_counted_and_no_second_one(self, there: World) -> None:
        source = files_source(fresh("till"))
        for _ in range(3):
            quarantine.keep(source, refused(source, {**GOOD, "amount": "x"}, {**GOOD, "sale_id": "8", "amount": "y"}))
        found = there.held.search(Wanted("open", source.name), 10)
        assert sorted((each.sale_id, each.times) for each in found) == [("7", 3), ("8", 3)]
        assert all(each.first_seen <= each.last_seen for each in found)
        assert there.held.missing()[source.name] == 2

    def test_bytes_stay_bytes(self, there: World) -> None:
        source = files_source(fresh("till"))
        (one,) = refused(source, {**GOOD, "amount": "x"})
        raw = bytes(range(256))
        quarantine.keep(source, [type(one)("line 1", "", "not UTF-8", raw)])
        found = there.one(source.name)
        assert (found.payload, found.fields, found.sale_id, found.field) == (raw, "", "", "")

    def test_one_behind_a_good_record_of_its_batch_outlives_that_record(self, there: World) -> None:
        source = files_source(fresh("till"))
        quarantine.keep(source, refused(source, GOOD, {**GOOD, "amount": "x"}))
        found = there.one(source.name)
        assert found.order_time - found.log_time > TRANSACTION - timedelta(seconds=1)

    def test_the_order_of_a_batch_is_kept(self, there: World) -> None:
        source = files_source(fresh("till"))
        quarantine.keep(source, refused(source, *({**GOOD, "amount": f"x{at}"} for at in range(50))))
        found = sorted(there.held.search(Wanted("open", source.name), 100), key=lambda each: each.order_time)
        assert [each.at for each in found] == [f"sales.csv line {at}" for at in range(2, 52)]
        assert there.held.missing()[source.name] == 1

    def test_stream_and_batch_refuse_one_record(self, there: World) -> None:
        name = fresh("till")
        taken = there.produce("events.rest", bad(name, " Caf\u0065\u0301 "), {"source": name, "amount": "1"}, b"{")
        ids = there.refuse(*taken)
        assert there.refuse(*taken, hop="batch") == ids
        first, second, third = there.held.records(ids)
        assert (first.hops, first.times, first.source) == (("batch", "stream"), 2, name)
        assert (first.sale_id, second.sale_id, third.sale_id) == ("Caf\u00e9", "", "")
        assert (second.source, third.source) == (name, "events.rest")
        assert (first.at, first.offset, first.key) == (ids[0], taken[0].offset(), b"k")
        assert there.held.missing()[name] == 2

    def test_what_has_to_be_forgotten_is_gone_from_everywhere(self, there: World) -> None:
        source, person = files_source(fresh("till")), fresh("Żaneta")
        rows = [{**GOOD, "amount": "x", "city": person}, {**GOOD, "sale_id": "8", "amount": "y"}]
        quarantine.keep(source, refused(source, *rows))
        gone, other = sorted(there.held.search(Wanted("open", source.name), 10), key=lambda each: each.sale_id)
        now = gone.last_seen
        there.held.note([(gone, Event(gone.id, now, "refused", "ann", "no", payload=b"1"))])
        there.held.note([(other, Event(other.id, now, "refused", "ann", f'of "{person}"', payload=b"2"))])
        for statement in forget.delete_refused_in_clickhouse(of_sale=False):
            there.client.command(statement, parameters={"text": in_json(person, "salesman_id")})
        assert there.held.search(Wanted("", source.name), 10) == [other]
        assert there.held.missing()[source.name] == 1
        assert there.held.history(gone.id) == []
        assert [(each.why, each.payload) for each in there.held.history(other.id)] == [("", b"")]

    def test_one_sale_refused_at_several_places_is_one_that_may_be_missing(self, there: World) -> None:
        name = fresh("till")
        there.refuse(*there.produce("events.rest", bad(name, "7"), bad(name, "7", amount=2)))
        there.refuse(*there.produce("events.files", bad(name, "7"), bad(name, "8")))
        source = files_source(name)
        quarantine.keep(source, refused(source, {**GOOD, "amount": "x"}))
        assert there.held.missing()[name] == 2
