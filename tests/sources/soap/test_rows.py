"""What an answer holds becomes exact text: nested, repeated and derived types, attributes, decimals, times, nils."""

from __future__ import annotations

import json

import pytest

from streaming.sources.mapping import Mapper
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import ORDER, SOAP_12, Peer, Said, envelope, enveloped

C = 'xmlns:c="urn:common"'


def says(peer: Peer, body: str, soap: str = "1.1") -> None:
    kind = "text/xml" if soap == "1.1" else "application/soap+xml; charset=utf-8"
    peer.say = lambda _: Said(envelope(body) if soap == "1.1" else envelope(body, soap=SOAP_12), kind)


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
def test_sales_are_told_through_a_wsdl_with_imports(ledger: Peer, read: Read, soap: str) -> None:
    says(ledger, ORDER.format(id=1) + ORDER.format(id=2), soap)
    source = ledger.source(soap=soap)
    outcome = Mapper(source).map(read(source))
    assert not outcome.refused
    assert json.loads(outcome.accepted[0].payload) == {
        "source": "ledger",
        "sale_id": "1",
        "occurred_at": "2026-03-02T09:00:01Z",
        "country": "Germany",
        "city": "Köln",
        "salesman_id": "S1",
        "salesman": "Anna",
        "amount": "11.50",
        "currency": "EUR",
    }
    (post,) = ledger.posts
    kinds = {"1.1": "text/xml; charset=utf-8", "1.2": "application/soap+xml; charset=utf-8"}
    assert post.headers["Content-Type"].startswith(kinds[soap])
    assert "urn:ledger/ListSales" in (post.headers["Content-Type"] if soap == "1.2" else post.headers["SOAPAction"])
    assert {each.path for each in ledger.asked if each.method == "GET"} == {
        "/ledger.wsdl",
        "/parts/messages.wsdl",
        "/types/ledger.xsd",
        "/types/common.xsd",
    }


def test_numbers_are_those_that_the_service_wrote(ledger: Peer, read: Read) -> None:
    says(ledger, "".join(f'<Order id="{n}"><Total>{n}</Total><Rough>{n}</Rough></Order>' for n in ("0.1", "+007.10",
        "9007199254740993.01", "1.25E1", "12,5", "12.345")))  # fmt: skip
    rows = [row.fields or {} for row in read(ledger.source())]
    expected = ["0.1", "7.10", "9007199254740993.01", "12.5", "12,5", "12.345"]
    assert [row["Total"] for row in rows] == expected
    assert [row["Rough"] for row in rows] == expected


@pytest.mark.parametrize(
    ("told", "zone", "expected"),
    [
        ("2026-07-01T12:00:00Z", None, "2026-07-01T12:00:00Z"),
        ("2026-07-01T00:30:00.123456789+02:00", None, "2026-06-30T22:30:00.123456789Z"),
        ("2026-07-01T12:00:00", None, "2026-07-01T12:00:00"),
        ("2026-07-01T12:00:00", "Europe/Berlin", "2026-07-01T10:00:00Z"),
        ("2026-12-01T12:00:00", "Europe/Berlin", "2026-12-01T11:00:00Z"),
        ("2026-07-01T12:00:00-05:00", "Europe/Berlin", "2026-07-01T17:00:00Z"),
        ("2026-03-29T02:30:00", "Europe/Berlin", "2026-03-29T02:30:00"),
        ("2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00Z"),
        ("2026-07-01T24:00:00Z", None, "2026-07-02T00:00:00Z"),
        ("yesterday", "Europe/Berlin", "yesterday"),
    ],
)
def test_times_with_and_without_a_zone(ledger: Peer, read: Read, told: str, zone: str | None, expected: str) -> None:
    says(ledger, f'<Order id="1"><c:SoldAt {C}>{told}</c:SoldAt></Order>')
    (row,) = read(ledger.source(time_zone=zone))
    assert row.fields is not None
    assert row.fields["SoldAt"] == expected


def test_a_time_without_a_zone_is_quarantined_unless_the_definition_tells_one(ledger: Peer, read: Read) -> None:
    says(ledger, ORDER.format(id=1).replace("+01:00", ""))
    source = ledger.source()
    (refused,) = Mapper(source).map(read(source)).refused
    assert refused.field == "occurred_at"
    assert "2026-03-02T10:00:01" in refused.reason
    assert "Köln".encode() in refused.raw


def test_complex_types_lists_and_nils(ledger: Peer, read: Read) -> None:
    says(ledger, f"""
        <Order id="7">
          <c:SoldAt {C} xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/>
          <Seller no="S1"><c:Name {C}>Anna</c:Name><c:Chief no="S0" {C}><c:Name>Eve</c:Name></c:Chief></Seller>
          <Total currency="EUR"> 5 </Total><Void>1</Void>
          <Line no="01"><Price currency="EUR">2.00</Price></Line>
        </Order>""")  # fmt: skip
    (row,) = read(ledger.source())
    assert row.fields == {
        "@id": "7",
        "SoldAt": None,
        "Seller": {"Name": "Anna", "Chief": {"Name": "Eve"}, "Chief@no": "S0"},
        "Seller@no": "S1",
        "Total": "5",
        "Total@currency": "EUR",
        "Void": "true",
        "Line": [{"Price": "2.00", "Price@currency": "EUR"}],
        "Line@no": "1",
    }


def test_a_part_can_be_the_record_and_sees_what_encloses_it(ledger: Peer, read: Read) -> None:
    lines = "".join(f"<Line no='{n}'><Price>{n}.00</Price></Line>" for n in (1, 2))
    says(ledger, f'<currency>EUR</currency><Order id="a">{lines}</Order><Order id="b">{lines}</Order>')
    rows = [row.fields or {} for row in read(ledger.source(rows="Order.Line"))]
    assert [(row["Order"]["@id"], row["@no"], row["Price"]) for row in rows] == [
        ("a", "1", "1.00"), ("a", "2", "2.00"), ("b", "1", "1.00"), ("b", "2", "2.00"),
    ]  # fmt: skip
    assert rows[0]["ListSalesResponse"] == {"currency": "EUR"}


def test_one_bad_record_harms_no_other(ledger: Peer, read: Read) -> None:
    deep = "<x>" * 60 + "</x>" * 60
    says(ledger, ORDER.format(id=1) + f'<Order id="2">{deep}</Order><Order id="3"><what/></Order>' + ORDER.format(id=4))
    source = ledger.source()
    outcome = Mapper(source).map(read(source))
    assert [json.loads(each.payload)["sale_id"] for each in outcome.accepted] == ["1", "4"]
    assert [each.at for each in outcome.refused] == ["ListSales all, record 2", "ListSales all, record 3"]
    assert outcome.refused[0].reason == "nested deeper than 32 elements"


def test_references_of_encoded_messages_are_followed(ledger: Peer, read: Read) -> None:
    body = '<r:ListSalesResponse xmlns:r="urn:ledger"><Order href="#o1"/><Order href="#o1"/></r:ListSalesResponse>'
    ledger.say = lambda _: Said(enveloped(f'{body}<multiRef id="o1"><Total>3.10</Total></multiRef>'))
    assert [row.fields for row in read(ledger.source())] == [{"@id": "o1", "Total": "3.10"}] * 2


def test_a_type_that_the_element_names_is_known(ledger: Peer, read: Read) -> None:
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="http://www.w3.org/2001/XMLSchema"'
    says(ledger, f'<Order id="1"><Tag {xsi} xsi:type="x:decimal">+1.500</Tag></Order>')
    (row,) = read(ledger.source())
    assert row.fields == {"@id": "1", "Tag": ["1.50"]}
