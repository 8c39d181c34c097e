"""A definition is tried against the service before anything is taken: what would be read, and what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.settings import Settings
from streaming.sources.records import Finding
from streaming.sources.soap.check import check
from streaming.sources.soap.definition import SoapSource
from tests.sources.soap.peer import FIELDS, ORDER, SOAP_11, Peer, Said, envelope, enveloped
from tests.sources.soap.test_polls import BY_SEQUENCE, QUEUE, source
from tests.sources.soap.till import Till, fault

TILL = {
    "sale_id": "receipt",
    "occurred_at": "sold_at",
    "country": "place.country",
    "city": "place.city",
    "salesman_id": "seller_id",
    "amount": "total",
}


def found(of: SoapSource) -> list[Finding]:
    return list(check(of, Settings()))


def wrong(of: SoapSource) -> list[Finding]:
    return [each for each in found(of) if not each.ok]


def test_a_good_definition(till: Till) -> None:
    till.sell(9)
    told = found(source(till, "list_sales", poll=BY_SEQUENCE, fields=TILL))
    assert all(each.ok for each in told)
    text = "\n".join(each.what for each in told)
    assert "1 documents from 127.0.0.1" in text
    assert "SOAP 1.1, port Till" in text
    assert "the service answers after 0: 2 records" in text
    assert '"sale_id": "R-000002"' in text
    assert [call[0] for call in till.calls] == ["list_sales"]


def test_a_queue_is_not_emptied(till: Till) -> None:
    till.sell(9)
    told = found(source(till, "fetch", poll=QUEUE, message_id="message_id", fields=TILL))
    assert all(each.ok for each in told), told
    assert len(till.unconfirmed) == 9
    assert [call[0] for call in till.calls] == ["fetch"]


def test_every_field_that_is_not_in_the_wsdl_is_told(till: Till) -> None:
    poll = {**BY_SEQUENCE, "field": "numero"}
    told = wrong(source(till, "list_sales", poll=poll, message_id="uuid", fields={**TILL, "city": "town"}))
    assert [each.what for each in told[:3]] == [
        "city: town is not in the WSDL",
        "message_id: uuid is not in the WSDL",
        "poll.field: numero is not in the WSDL",
    ]
    assert "receipt" in told[0].todo


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"poll": {**BY_SEQUENCE, "argument": "later_than"}}, "has no argument later_than; valid: after, size"),
        ({"rows": "list_salesResult.sale"}, "the record list_salesResult.sale is not in the WSDL"),
        ({"request": {"count": 3}}, "not as the WSDL has it"),
        ({"operation": "list_nothing"}, "no such operation"),
        ({"security": {"username": {"user": "a", "password": {"env": "NOT_SET_AT_ALL"}}}}, "NOT_SET_AT_ALL is not set"),
        ({"address": "http://nowhere.example/", "hosts": []}, "nowhere.example"),
        ({"soap": "1.2"}, "no such port"),
    ],
)
def test_what_is_wrong_is_told(till: Till, more: dict[str, Any], text: str) -> None:
    till.sell(1)
    told = wrong(source(till, **{"operation": "list_sales", "poll": BY_SEQUENCE, "fields": TILL, **more}))
    assert any(text in each.what for each in told), told


def test_a_service_that_refuses(till: Till) -> None:
    till.faults = [fault("Client.Forbidden", "who are you")]
    (told,) = wrong(source(till, "list_sales", poll=BY_SEQUENCE, fields=TILL))
    assert "who are you" in told.what
    assert "faults" in told.todo


def test_a_record_that_would_be_quarantined(ledger: Peer) -> None:
    ledger.say = lambda _: Said(envelope(ORDER.format(id=1) + ORDER.format(id=2).replace("EUR", "EURO")))
    (told,) = wrong(ledger.source())
    assert told.what.startswith("ListSales all, record 2 would go to the quarantine: currency: received 'EURO'")


def test_a_float_in_the_wsdl_is_told(ledger: Peer) -> None:
    ledger.say = lambda _: Said(enveloped("<r/>", soap=SOAP_11))
    texts = [each.what for each in found(ledger.source(fields={**FIELDS, "amount": "Rough"}))]
    assert any("Rough is a double in the WSDL" in text for text in texts)


def test_an_open_password_is_told(ledger: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_PASSWORD", "x")
    username = {"username": {"user": "a", "password": {"env": "LEDGER_PASSWORD"}}}
    told = found(ledger.source(security=username, address="http://ledger.invalid/", limits={"seconds": 2}))
    assert any("use https" in each.todo for each in told)
