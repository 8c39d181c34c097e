"""Records in attachments: inline, as MTOM parts and as SOAP attachments; damaged and huge ones are refused."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from runtime.errors import Permanent, Retryable, TidelakeError
from streaming.sources.mapping import Mapper
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import FIELDS, ORDER, Peer, Said, envelope

CSV = 'id;sold;amount\n1;2026-03-02T10:00:00Z;1.10\n2;short\n3;2026-03-02T10:00:00Z;"3\n.30"\n'
INCLUDE = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:{}"/>'


def multipart(root: bytes, *parts: tuple[str, bytes], encoding: str = "binary") -> Said:
    """An answer of MTOM: the envelope, then its parts by content id."""
    whole = (
        b"preamble\r\n--bound\r\nContent-Type: application/xop+xml; charset=UTF-8\r\nContent-ID: <root>\r\n\r\n" + root
    )
    for identity, content in parts:
        head = f"\r\n--bound\r\nContent-ID: <{identity}>\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        whole += head.encode() + content
    kind = 'multipart/related; type="application/xop+xml"; start="<root>"; boundary="bound"'
    return Said(whole + b"\r\n--bound--\r\n", kind)


def included(identity: str = "a@b") -> bytes:
    return envelope(f"<report>{INCLUDE.format(identity)}</report>")


def report(**more: object) -> dict[str, object]:
    return {"field": "report", "format": "csv", "delimiter": ";", **more}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("way", ["inline", "mtom", "mtom base64", "reference"])
def test_csv_by_every_way(ledger: Peer, read: Read, way: str, zipped: bool) -> None:
    content = gzip.compress(CSV.encode()) if zipped else CSV.encode()
    coded = base64.b64encode(content)
    answers = {
        "inline": Said(envelope(f"<report>{coded.decode()}</report>")),
        "mtom": multipart(included(), ("a@b", content)),
        "mtom base64": multipart(included(), ("a@b", coded), encoding="base64"),
        "reference": multipart(envelope("<report>cid:a%40b</report>"), ("a@b", content)),
    }
    ledger.say = lambda _: answers[way]
    rows = read(ledger.source(rows="", attachment=report(gzip=zipped)))
    assert [row.fields for row in rows] == [
        {"id": "1", "sold": "2026-03-02T10:00:00Z", "amount": "1.10"},
        None,
        {"id": "3", "sold": "2026-03-02T10:00:00Z", "amount": "3\n.30"},
    ]
    assert rows[1].problem == "received 2 values, valid: 3, as in the first line"
    assert rows[1].raw == b"2;short"


def test_bytes_at_the_ends_of_a_part_are_kept(ledger: Peer, read: Read) -> None:
    content = b"\r\n\n" + gzip.compress(b"id\n1\n") + b"\n\r\n"
    ledger.say = lambda _: multipart(included(), ("a@b", content))
    with pytest.raises(Retryable, match="is not gzip"):
        read(ledger.source(rows="", attachment=report(gzip=True)))
    (row,) = read(ledger.source(rows=""))
    assert row.fields == {"report": base64.b64encode(content).decode()}


def test_json_lines_keep_numbers_as_they_are_written(ledger: Peer, read: Read) -> None:
    lines = b'{"id": 7, "amount": 0.10, "place": {"city": "K\xc3\xb6ln"}}\n\nnonsense\n[1]\n'
    ledger.say = lambda _: multipart(included(), ("a@b", lines))
    rows = read(ledger.source(rows="", attachment={"field": "report", "format": "jsonl"}))
    assert rows[0].fields == {"id": "7", "amount": "0.10", "place": {"city": "Köln"}}
    assert [row.problem and row.problem.partition(":")[0] for row in rows] == [
        None, "not JSON", "received a JSON value, valid",
    ]  # fmt: skip


def test_xml_in_an_attachment(ledger: Peer, read: Read) -> None:
    orders = f"<file><orders>{ORDER.format(id=1)}{ORDER.format(id=2)}</orders></file>"
    ledger.say = lambda _: multipart(included(), ("a@b", orders.encode()))
    attachment = {"field": "report", "format": "xml", "rows": "orders.Order"}
    fields = {**FIELDS, "occurred_at": {"field": "SoldAt", "cast": "timestamptz"}}
    source = ledger.source(rows="", attachment=attachment, fields=fields)
    accepted = [json.loads(each.payload) for each in Mapper(source).map(read(source)).accepted]
    assert [(each["sale_id"], each["amount"], each["occurred_at"]) for each in accepted] == [
        ("1", "11.50", "2026-03-02T09:00:01.000000Z"),
        ("2", "12.50", "2026-03-02T09:00:02.000000Z"),
    ]


def test_an_answer_without_the_attachment_has_no_records(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: Said(envelope(""))
    assert read(ledger.source(rows="", attachment=report())) == []


@pytest.mark.parametrize(
    ("said", "error", "text"),
    [
        (multipart(included("other"), ("a@b", b"x")), Retryable, "refers to a part that it does not have"),
        (Said(multipart(included()).body[:-6], multipart(b"").content_type), Retryable, "before its last boundary"),
        (Said(b"x", "multipart/related"), Retryable, "has no boundary"),
        (Said(envelope("<report>?!</report>")), Retryable, "is not base64"),
        (multipart(included(), ("a@b", b"\xff\xfe\xfa")), Permanent, "cannot be decoded"),
        (multipart(included(), *((f"p{n}", b"") for n in range(1001))), Permanent, "too many parts"),
    ],
)
def test_a_damaged_answer(ledger: Peer, read: Read, said: Said, error: type[TidelakeError], text: str) -> None:
    ledger.say = lambda _: said
    with pytest.raises(error, match=text):
        read(ledger.source(rows="", attachment=report()))


def test_one_part_included_very_often_is_a_bomb(ledger: Peer, read: Read) -> None:
    root = envelope(f"<Tag>{INCLUDE.format('a')}</Tag>" * 1000)
    ledger.say = lambda _: multipart(root, ("a", b"x" * 100_000))
    with pytest.raises(Permanent, match="larger than allowed"):
        read(ledger.source(limits={"answer_bytes": 10_000_000}))


def test_a_small_gzip_that_holds_much_is_a_bomb(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: multipart(included(), ("a@b", gzip.compress(b"0" * 50_000_000)))
    with pytest.raises(Permanent, match="larger than allowed"):
        read(ledger.source(rows="", attachment=report(gzip=True), limits={"answer_bytes": 1_000_000}))


def test_gzip_of_several_members_is_read_to_its_end(ledger: Peer, read: Read) -> None:
    content = gzip.compress(b"id\n1\n") + gzip.compress(b"2\n")
    ledger.say = lambda _: multipart(included(), ("a@b", content))
    rows = read(ledger.source(rows="", attachment=report(gzip=True)))
    assert [row.fields for row in rows] == [{"id": "1"}, {"id": "2"}]
