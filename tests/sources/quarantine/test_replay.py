"""A replayed record goes the normal way, once, in the order of its sale, and its history says where to."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from runtime.settings import settings
from streaming import quarantine
from streaming.quarantine.correct import Correction
from streaming.quarantine.records import Position, Wanted
from streaming.quarantine.replay import discard
from tests.sources.dying import in_a_process
from tests.sources.log import committed
from tests.sources.quarantine.world import GOOD, World, bad, files_source, fresh, good, refused, world

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

AS_IT_CAME = Correction()


def at(there: World, position: Position | None) -> Any:
    """The record of the log at a position."""
    assert position is not None
    consumer = Consumer({"bootstrap.servers": there.settings.kafka, "group.id": "t", "enable.auto.commit": False})
    consumer.assign([TopicPartition(position.topic, position.partition, position.offset)])
    message = consumer.poll(20)
    consumer.close()
    assert message and message.error() is None
    return message


def test_after_the_definition_is_mended_a_record_goes_through(there: World) -> None:
    name = fresh("till")
    before, after = files_source(name), files_source(name, amount={"sql": "replace(amount, ',', '.')"})
    quarantine.keep(before, refused(before, {**GOOD, "amount": "12,30"}))
    (done,) = there.replayer(after).replay([there.one(name)], AS_IT_CAME, "the mapping is mended")
    message = at(there, done.to)
    assert json.loads(message.value()) == {**GOOD, "source": name}
    assert (message.topic(), json.loads(message.key())) == ("events.files", [name, "7"])
    assert there.one(name).state == "replayed"
    assert name not in there.held.missing()
    sending, replayed = there.held.history(there.one(name).id)
    assert (sending.event, replayed.event, replayed.to) == ("sending", "replayed", done.to)
    assert (replayed.who, replayed.why) == ("ann@till", "the mapping is mended")
    assert json.loads(replayed.payload) == json.loads(message.value())


def test_fields_of_the_source_are_corrected_by_their_own_names(there: World) -> None:
    source = files_source(fresh("till"), amount="money.sum", sale_id="no")
    told = {**{name: value for name, value in GOOD.items() if name not in ("amount", "sale_id")}, "no": 5}
    quarantine.keep(source, refused(source, {**told, "money": {"sum": "x", "in": "EUR"}}))
    correction = Correction(values={"money.sum": "3.50", "city": "Bonn"})
    (done,) = there.replayer(source).replay([there.one(source.name)], correction, "")
    told = json.loads(at(there, done.to).value())
    assert (told["amount"], told["city"], told["sale_id"]) == ("3.50", "Bonn", "5")


def test_what_could_not_be_read_is_replaced_by_its_fields(there: World) -> None:
    source = files_source(fresh("till"))
    (one,) = refused(source, {**GOOD, "amount": "x"})
    quarantine.keep(source, [type(one)("line 1", "", "not UTF-8", b"\xff\xfe")])
    (still,) = there.replayer(source).replay([there.one(source.name)], AS_IT_CAME, "")
    assert still.to is None
    assert "give its fields as JSON with --payload" in still.wrong
    (done,) = there.replayer(source).replay([there.one(source.name)], Correction(json.dumps(GOOD).encode()), "")
    assert json.loads(at(there, done.to).value())["sale_id"] == "7"


def test_refused_again_it_stays_with_its_history(there: World) -> None:
    source = files_source(fresh("till"))
    quarantine.keep(source, refused(source, {**GOOD, "amount": "x"}))
    first = there.one(source.name)
    (still,) = there.replayer(source).replay([first], Correction(values={"amount": "y"}), "")
    assert still.to is None
    assert still.wrong.startswith("amount: received 'y', valid: ")
    found = there.one(source.name)
    assert (found.state, found.times, found.reason, found.first_seen) == ("open", 2, first.reason, first.first_seen)
    (event,) = there.held.history(found.id)
    assert (event.event, event.why, event.payload) == ("refused", still.wrong, b" amount=y")
    assert committed(there.settings, "events.files", source.name) == []


def test_a_record_of_the_log_goes_behind_those_of_its_sale(there: World) -> None:
    name = fresh("till")
    key = json.dumps([name, "1"]).encode()
    ids = there.refuse(*there.produce("events.rest", bad(name, "1"), bad(name, "2"), key=key, partition=1))
    one, two = there.held.records(ids)
    (done,) = there.replayer().replay([one], Correction(values={"amount": "1.50"}), "")
    assert done.to is not None
    assert (done.to.topic, done.to.partition, at(there, done.to).key()) == ("events.rest", 1, key)
    (other,) = there.replayer().replay([two], Correction(values={"amount": "1.50"}), "")
    assert json.loads(at(there, other.to).key()) == [name, "2"]
    (like,) = there.produce("events.rest", good(name, "2"), key=json.dumps([name, "2"]).encode(), partition=-1)
    assert other.to is not None
    assert like.partition() == other.to.partition


def test_a_tables_record_keeps_the_tables_key(there: World) -> None:
    name = fresh("till")
    (taken,) = there.produce("cdc.public.sales", bad(name, "1"), key=b'{"sale_id":"1"}', partition=1)
    (record,) = there.held.records(there.refuse(taken))
    (same,) = there.replayer().replay([record], Correction(values={"amount": "1"}), "")
    assert same.to is not None
    assert (same.to.partition, at(there, same.to).key()) == (1, b'{"sale_id":"1"}')
    values = {"amount": "1", "sale_id": "Nr ä"}
    (other,) = there.replayer().replay([record], Correction(values=values), "")
    assert at(there, other.to).key() == '{"sale_id":"Nr ä"}'.encode()


def test_a_replay_that_the_stream_refuses_is_in_quarantine_with_its_history(there: World) -> None:
    source = files_source(fresh("till"))
    quarantine.keep(source, refused(source, {**GOOD, "amount": "x"}))
    first = there.one(source.name)
    (done,) = there.replayer(source).replay([first], Correction(values={"amount": "1"}), "by hand")
    assert done.to is not None
    columns = ["topic", "partition", "offset", "log_time", "hop", "field", "reason", "payload"]
    row = [done.to.topic, done.to.partition, done.to.offset, done.to.log_time, "stream", "", "no", b"{}"]
    there.client.insert("quarantine", [row], column_names=columns)
    second = there.held.record(done.to.id)
    assert second.state == "open"
    assert there.held.origin(second.id) == first.id
    assert [each.event for each in there.held.history(second.id)] == ["sending", "replayed"]
    discard(there.held, [second], "bob", "it is a test")
    assert [(each.event, each.who) for each in there.held.history(second.id)][-1] == ("discarded", "bob")
    assert there.states(first.id, second.id) == ["replayed", "discarded"]


def test_many_at_once(there: World) -> None:
    source = files_source(fresh("till"))
    rows = [{**GOOD, "sale_id": str(number), "amount": "1,5"} for number in range(1500)]
    quarantine.keep(source, refused(source, *rows))
    mended = files_source(source.name, amount={"sql": "replace(amount, ',', '.')"})
    records = sorted(there.held.search(Wanted("open", source.name), 5000), key=lambda each: each.order_time)
    done = list(there.replayer(mended).replay(records, AS_IT_CAME, ""))
    assert all(each.to for each in done)
    assert len({each.to.id for each in done if each.to}) == 1500
    told = committed(there.settings, "events.files", source.name)
    assert sorted(int(each["sale_id"]) for each in told) == list(range(1500))
    assert there.held.count(Wanted("open", source.name)) == 0


def replay(name: str) -> None:
    """Has the one record of a source replayed, in whatever process this is."""
    with world(settings()) as there:
        list(there.replayer(files_source(name)).replay([there.one(name)], Correction(values={"amount": "1"}), ""))


@pytest.mark.parametrize(
    ("point", "then"), [("produced", ["sending", "unsent"]), ("committed", ["sending", "replayed"])]
)
def test_killed_on_the_way_it_is_sent_once_and_the_history_is_right(there: World, point: str, then: list[str]) -> None:
    source = files_source(fresh("till"))
    quarantine.keep(source, refused(source, {**GOOD, "amount": "x"}))
    assert in_a_process(point, replay, source.name) == -9
    assert there.one(source.name).state == "open"
    there.replayer()
    found = there.one(source.name)
    assert [each.event for each in there.held.history(found.id)] == then
    assert len(committed(there.settings, "events.files", source.name)) == (point == "committed")
    assert found.state == ("replayed" if point == "committed" else "open")
    assert there.held.unsettled() == []
    assert asdict(found)["times"] == 1
