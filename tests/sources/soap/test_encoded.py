"""Old services: RPC with SOAP's encoding, whose arrays and references are read, and operations without an answer."""

from __future__ import annotations

from typing import Any

import pytest

from streaming.sources.soap.definition import SoapSource
from streaming.sources.soap.scaffold import Wanted, scaffold
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import Asked, Peer, Said, enveloped

SALE = '<item href="#s{n}"/>'
MEANT = '<multiRef id="s{n}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><id>{n}</id><total>1{n}.50E0</total></multiRef>'


def told(*numbers: int) -> Said:
    sales = "".join(SALE.format(n=n) for n in numbers)
    meant = "".join(MEANT.format(n=n) for n in numbers)
    return Said(
        enveloped(f'<e:ListSalesResponse xmlns:e="urn:encoded"><sales>{sales}</sales></e:ListSalesResponse>{meant}')
    )


def source(peer: Peer, **more: Any) -> SoapSource:
    return peer.source(wsdl=f"{peer.root}/encoded.wsdl", rows="sales.item", **more)


def test_arrays_and_references(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: told(1, 2)
    rows = read(source(ledger, request={"after": "0"}))
    assert [row.fields and (row.fields["id"], row.fields["total"]) for row in rows] == [("1", "11.50"), ("2", "12.50")]
    assert [each.path for each in ledger.asked if each.method == "GET"] == ["/encoded.wsdl"], "and nobody elsewhere"


@pytest.mark.parametrize("status", [200, 202, 204])
def test_an_operation_without_an_answer(ledger: Peer, read: Read, status: int) -> None:
    left = [1, 2]

    def say(asked: Asked) -> Said:
        if b"Confirm" in asked.body:
            left.clear()
            return Said(b"", status=status)
        return told(*left)

    ledger.say = say
    poll = {"by": "queue", "acknowledge": {"operation": "Confirm", "argument": "ids", "each": True}}
    assert len(read(source(ledger, poll=poll, message_id="id", request={"after": ""}))) == 2
    confirmed = [each.envelope.findtext(".//ids") for each in ledger.posts if b"Confirm" in each.body]
    assert confirmed == ["1", "2"]


def test_a_definition_of_it_is_proposed(ledger: Peer) -> None:
    fields = {"occurred_at": "=2026-01-01T00:00:00Z", "country": "=DE", "city": "=Berlin", "salesman_id": "=S",
              "currency": "=EUR"}  # fmt: skip
    wanted = Wanted("old", f"{ledger.root}/encoded.wsdl", rows="sales.item", fields=fields)
    found = scaffold(wanted, lambda what, choices, proposal: proposal, lambda what, proposal: proposal)
    assert (found["operation"], found["fields"]["amount"], found["fields"]["sale_id"]) == ("ListSales", "total", "id")
