"""What is new is asked for by sequence, by time, as a queue or as a whole; a failure anywhere neither skips a sale nor
takes one twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from runtime.errors import Permanent, Retryable
from streaming.sources.records import Row
from streaming.sources.soap.definition import SoapSource
from streaming.sources.soap.reader import SoapReader
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import Asked, Peer, Said, envelope
from tests.sources.soap.till import BEGIN, Till, fault

BY_SEQUENCE = {"by": "sequence", "argument": "after", "field": "number"}


def source(till: Till, operation: str, **more: Any) -> SoapSource:
    told = {"kind": "soap", "name": "till", "wsdl": till.url, "operation": operation, "request": {"size": 2}}
    rows = "fetchResult.Sale" if operation == "fetch" else f"{operation}Result.sales.Sale"
    return SoapSource.model_validate({**told, "rows": rows, **more})


def receipts(rows: list[Row]) -> list[int]:
    return [int(row.fields["receipt"].removeprefix("R-")) for row in rows if row.fields]


@pytest.mark.parametrize(
    ("more", "calls"),
    [({}, [0, 2, 4, 5]), ({"more": "list_salesResult.more"}, [0, 2, 4]), ({"size": 2}, [0, 2, 4])],
)
def test_by_sequence_to_the_end_and_on_from_there(
    till: Till, read: Read, more: dict[str, Any], calls: list[int]
) -> None:
    till.sell(5)
    size = {"size": more.pop("size")} if "size" in more else {}
    memory: dict[str, Any] = {}
    told = source(till, "list_sales", poll={**BY_SEQUENCE, **size}, **more)
    assert receipts(read(told, memory)) == [1, 2, 3, 4, 5]
    assert [call[1] for call in till.calls] == calls
    till.sell(1)
    assert receipts(read(told, memory)) == [6]
    assert memory["position"] == {"last": 6}


def test_a_failure_in_the_middle_goes_on_from_the_last_batch(till: Till, read: Read) -> None:
    till.sell(5)
    memory: dict[str, Any] = {}
    reader = SoapReader(source(till, "list_sales", poll=BY_SEQUENCE))
    readings = reader.read({})
    first = next(readings)
    memory.update(first.remember)
    till.faults = [fault("Server", "down")]
    with pytest.raises(Retryable):
        next(readings)
    reader.close()
    assert receipts(list(first.rows)) == [1, 2]
    assert receipts(read(source(till, "list_sales", poll=BY_SEQUENCE), memory)) == [3, 4, 5]


def orders(*numbers: object, more: str = "") -> Said:
    return Said(envelope("".join(f'<Order id="{each}"/>' for each in numbers) + more))


def test_an_inclusive_service_is_asked_for_the_next_number(ledger: Peer, read: Read) -> None:
    says = iter([orders(1, 2), orders()])
    ledger.say = lambda _: next(says)
    read(ledger.source(poll={"by": "sequence", "argument": "after", "field": "@id", "inclusive": True}))
    assert [each.envelope.findtext(".//{urn:ledger}after") for each in ledger.posts] == ["1", "3"]


def test_what_the_service_repeats_is_left_out(ledger: Peer, read: Read) -> None:
    says = iter([orders(1, 2), orders(2, 3), orders(3)])
    ledger.say = lambda _: next(says)
    memory: dict[str, Any] = {}
    rows = read(ledger.source(poll={"by": "sequence", "argument": "after", "field": "@id"}), memory)
    assert [row.fields and row.fields["@id"] for row in rows] == ["1", "2", "3"]
    assert memory["left_out"] == 2


def test_a_service_that_does_not_go_on_stops_the_source(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: orders(1, 2)
    told = ledger.source(poll={"by": "sequence", "argument": "after", "field": "@id", "start": 7})
    with pytest.raises(Permanent, match="does not go on after the number"):
        read(told)


def test_a_record_without_a_number_is_quarantined_and_harms_no_other(ledger: Peer, read: Read) -> None:
    says = iter([orders("1", "one", "2"), orders()])
    ledger.say = lambda _: next(says)
    rows = read(ledger.source(poll={"by": "sequence", "argument": "after", "field": "@id"}))
    assert [row.problem for row in rows] == [None, "@id: received 'one', valid: a whole number", None]
    assert rows[1].at == "ListSales after 0, record 2"


def test_by_a_token_that_the_answer_tells(ledger: Peer, read: Read) -> None:
    says = {
        "": orders(1, more="<next>b</next>"),
        "b": orders(2, more="<next>c</next>"),
        "c": orders(more="<next>c</next>"),
    }
    ledger.say = lambda asked: says[asked.envelope.findtext(".//{urn:ledger}after") or ""]
    memory: dict[str, Any] = {}
    told = ledger.source(poll={"by": "sequence", "argument": "after", "next": "next", "start": ""})
    assert len(read(told, memory)) == 2
    assert memory["position"] == {"last": "c"}
    says["c"] = orders(3, more="<next>d</next>")
    says["d"] = orders()
    assert len(read(told, memory)) == 1


def by_time(**more: Any) -> dict[str, Any]:
    return {"by": "time", "since": "since", "until": "until", "start": BEGIN, "window_seconds": 180, **more}


PAGES = {"argument": "page", "size": 2}


def test_by_time_span_after_span_page_after_page(till: Till, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, BEGIN + timedelta(minutes=7))
    till.sell(10)
    memory: dict[str, Any] = {}
    told = source(till, "list_changes", poll=by_time(delay_seconds=0), pages=PAGES)
    assert receipts(read(told, memory)) == [1, 2, 3, 4, 5, 6]
    minutes = [tuple(int((at - BEGIN).total_seconds() / 60) for at in call[1:3]) + call[3:] for call in till.calls]
    assert minutes == [(0, 3, 1), (0, 3, 2), (3, 6, 1), (3, 6, 2), (6, 7, 1)]
    assert read(told, memory) == []
    clock(monkeypatch, BEGIN + timedelta(minutes=11))
    assert receipts(read(told, memory)) == [7, 8, 9, 10]


def clock(patched: pytest.MonkeyPatch, now: datetime) -> None:
    """What time it is for the reader."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now

    patched.setattr("streaming.sources.soap.reader.datetime", Clock)


def test_a_page_in_the_middle_of_a_span_is_gone_on_from(
    till: Till, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(monkeypatch, BEGIN + timedelta(minutes=6))
    till.sell(5)
    told = source(till, "list_changes", poll=by_time(window_seconds=3600, delay_seconds=0), pages=PAGES)
    reader = SoapReader(told)
    readings = reader.read({})
    memory = {**next(readings).remember, **next(readings).remember}
    reader.close()
    clock(monkeypatch, BEGIN + timedelta(minutes=30))
    till.calls.clear()
    assert receipts(read(told, dict(memory))) == [5]
    assert till.calls[0][1:] == (BEGIN, BEGIN + timedelta(minutes=6), 3), "the span does not move while it is read"


def test_the_overlap_takes_late_records_and_leaves_the_others_out(
    till: Till, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(monkeypatch, BEGIN + timedelta(minutes=5))
    till.sell(4)
    late = till.sales.pop(1)
    poll = by_time(overlap_seconds=600, delay_seconds=0, window_seconds=3600, changed="changed_at")
    memory: dict[str, Any] = {}
    told = source(till, "list_changes", poll=poll, pages={"argument": "page", "size": 2})
    assert receipts(read(told, memory)) == [1, 3, 4]
    till.sales.insert(1, late)
    till.sell(1)
    clock(monkeypatch, BEGIN + timedelta(minutes=7))
    assert sorted(receipts(read(told, memory))) == [2, 5]
    assert memory["left_out"] == 3


def test_a_sale_that_changes_to_and_fro_is_told_each_time(
    till: Till, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.sell(1)
    poll = by_time(overlap_seconds=3600, delay_seconds=0, window_seconds=7200, changed="changed_at")
    memory: dict[str, Any] = {}
    told = source(till, "list_changes", poll=poll, pages=PAGES)
    totals = []
    for minute, total in ((2, 10), (4, 20), (6, 10), (8, 10)):
        clock(monkeypatch, BEGIN + timedelta(minutes=minute))
        if minute < 8:
            till.sales[0].total, till.sales[0].changed_at = total, BEGIN + timedelta(minutes=minute - 1)
        totals.append([row.fields and row.fields["total"] for row in read(told, memory)])
    assert totals == [["10"], ["20"], ["10"], []]


def test_without_an_end_the_service_answers_to_its_present(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: orders(1)
    poll = {"by": "time", "since": "after", "start": datetime(2026, 1, 1, tzinfo=UTC), "written": "local"}
    memory: dict[str, Any] = {}
    assert len(read(ledger.source(poll=poll, time_zone="Europe/Berlin"), memory)) == 1
    assert ledger.posts[0].envelope.findtext(".//{urn:ledger}after") == "2026-01-01T01:00:00"
    assert len(ledger.posts) == 1
    assert datetime.fromisoformat(memory["position"]["since"]) > datetime.now(UTC) - timedelta(seconds=60)


def test_the_whole_by_tokens(till: Till, read: Read) -> None:
    till.sell(5)
    pages = {"by": "token", "argument": "token", "next": "list_allResult.token"}
    memory: dict[str, Any] = {}
    told = source(till, "list_all", pages=pages, request={})
    assert receipts(read(told, memory)) == [1, 2, 3, 4, 5]
    assert [call[1] for call in till.calls] == [None, "t2", "t4"]
    assert receipts(read(told, memory)) == [1, 2, 3, 4, 5], "all of it at each reading"
    by_id = source(till, "list_all", pages=pages, request={}, message_id="message_id")
    assert receipts(read(by_id, memory)) == [1, 2, 3, 4, 5]
    assert receipts(read(by_id, memory)) == [], "but for messages that were taken"


def test_a_page_that_leads_to_itself(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: orders(1, more="<next>x</next>")
    with pytest.raises(Permanent, match="the same page again and again"):
        read(ledger.source(pages={"by": "token", "argument": "after", "next": "next"}))


def test_a_service_that_does_not_know_pages(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: orders(1, 2)
    with pytest.raises(Permanent, match="the same page again and again"):
        read(ledger.source(pages={"argument": "after"}))
    assert len(ledger.posts) == 2


def test_pages_by_offset(ledger: Peer, read: Read) -> None:
    says = {"0": orders(1, 2), "2": orders(3), "3": orders()}
    ledger.say = lambda asked: says[asked.envelope.findtext(".//{urn:ledger}after") or ""]
    assert len(read(ledger.source(pages={"by": "offset", "argument": "after", "first": 0}))) == 3


QUEUE = {"by": "queue", "acknowledge": {"operation": "confirm", "argument": "ids.string"}}


def queue(till: Till, **more: Any) -> SoapSource:
    return source(till, "fetch", poll=QUEUE, message_id="message_id", **more)


def test_a_queue_is_emptied(till: Till, read: Read) -> None:
    till.sell(5)
    assert receipts(read(queue(till))) == [1, 2, 3, 4, 5]
    assert not till.unconfirmed
    assert [call[0] for call in till.calls] == ["fetch", "confirm"] * 3 + ["fetch"]


def test_nothing_is_acknowledged_before_it_is_published(till: Till) -> None:
    till.sell(2)
    reader = SoapReader(queue(till))
    next(reader.read({}))
    reader.close()
    assert len(till.unconfirmed) == 2


def test_messages_that_are_given_again_are_left_out_and_acknowledged_again(till: Till, read: Read) -> None:
    till.sell(3)
    reader = SoapReader(queue(till))
    memory = dict(next(reader.read({})).remember)
    reader.close()
    assert receipts(read(queue(till), memory)) == [3]
    assert not till.unconfirmed
    assert memory["left_out"] == 2


def test_an_acknowledgement_that_fails_is_made_again(till: Till, read: Read) -> None:
    till.sell(2)
    reader = SoapReader(queue(till))
    readings = reader.read({})
    memory = dict(next(readings).remember)
    till.faults = [fault("Server", "not now")]
    with pytest.raises(Retryable, match="not now"):
        next(readings)
    reader.close()
    assert receipts(read(queue(till), memory)) == []
    assert not till.unconfirmed


def test_a_queue_that_does_not_listen(ledger: Peer, read: Read) -> None:
    def say(asked: Asked) -> Said:
        return orders(1)

    ledger.say = say
    poll = {"by": "queue", "acknowledge": {"operation": "ListSales", "argument": "after", "each": True}}
    memory: dict[str, Any] = {}
    with pytest.raises(Retryable, match="gives again what was acknowledged"):
        read(ledger.source(poll=poll, message_id="@id"), memory)
    assert [each.envelope.findtext(".//{urn:ledger}after") for each in ledger.posts] == [None, "1", None]


def test_a_message_twice_in_one_answer_is_one(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: orders(1, 2, 1)
    assert len(read(ledger.source(message_id="@id"))) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"request": {"after": 1.5}},
        {"poll": {"by": "sequence", "argument": "after"}},
        {"poll": {"by": "sequence", "argument": "after", "field": "@id", "start": "x"}},
        {"poll": QUEUE},
        {"poll": BY_SEQUENCE, "pages": PAGES},
        {"pages": {"by": "token", "argument": "after"}},
        {"time_zone": "Mars/Olympus"},
        {"secrets": {"filter.key": {"env": "X"}}},
        {"http": {"user": "x"}},
        {"poll": {"by": "time", "since": "after", "start": "2026-01-01T00:00:00"}},
    ],
)
def test_definitions_that_are_not_valid(ledger: Peer, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ledger.source(**wrong)
