"""Headers of a definition are in each request, whether its WSDL declares them or not."""

from __future__ import annotations

import pytest

from tests.sources.soap.certificates import made
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import ORDER, SOAP_11, SOAP_12, Peer, Said, envelope

SESSION = b"""<xsd:element name="Session"><xsd:complexType><xsd:sequence>
<xsd:element name="Tenant" type="xsd:string"/><xsd:element name="Key" type="xsd:string"/>
</xsd:sequence></xsd:complexType></xsd:element></xsd:schema>"""
MESSAGE = b'<message name="SessionHeader"><part name="session" element="tns:Session"/></message>'
HEADER = b'<input><soap:header message="tns:SessionHeader" part="session" use="literal"/>'


def test_headers_that_the_wsdl_declares(ledger: Peer, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_KEY", "s3cr3t")
    schema, wsdl = ledger.documents["/types/ledger.xsd"].body, ledger.documents["/ledger.wsdl"].body
    ledger.documents["/types/ledger.xsd"] = Said(schema.replace(b"</xsd:schema>", SESSION))
    with_message = wsdl.replace(b'<binding name="Ledger11"', MESSAGE + b'<binding name="Ledger11"')
    ledger.documents["/ledger.wsdl"] = Said(with_message.replace(b"<input>", HEADER, 1))
    ledger.say = lambda _: Said(envelope(ORDER.format(id=1)))
    told = {"headers": {"session": {"Tenant": "7"}}, "secrets": {"headers.session.Key": {"env": "SESSION_KEY"}}}
    assert len(read(ledger.source(**told))) == 1
    session = ledger.posts[0].envelope.find("{*}Header/{urn:ledger}Session")
    assert [each.text for each in session] == ["7", "s3cr3t"]


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
def test_headers_that_the_wsdl_does_not_declare(
    ledger: Peer, read: Read, monkeypatch: pytest.MonkeyPatch, soap: str
) -> None:
    monkeypatch.setenv("TENANT_KEY", "s3cr3t <&>")
    ledger.say = lambda _: Said(envelope(ORDER.format(id=1), soap={"1.1": SOAP_11, "1.2": SOAP_12}[soap]))
    own = [
        {"element": "{urn:tenant}Tenant", "value": {"Id": "7", "Region": {"Name": "DE"}}, "must_understand": True},
        {"element": "{urn:tenant}Key", "secret": {"env": "TENANT_KEY"}},
        {"element": "Plain", "value": "text"},
    ]
    assert len(read(ledger.source(own_headers=own, soap=soap))) == 1
    header = ledger.posts[0].envelope.find("{*}Header")
    tenant = header.find("{urn:tenant}Tenant")
    assert tenant.findtext("{urn:tenant}Region/{urn:tenant}Name") == "DE"
    assert tenant.get(f"{{{ {'1.1': SOAP_11, '1.2': SOAP_12}[soap] }}}mustUnderstand") == "1"
    assert (header.findtext("{urn:tenant}Key"), header.findtext("Plain")) == ("s3cr3t <&>", "text")


def test_a_header_is_there_when_the_request_is_signed(
    ledger: Peer, read: Read, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pair = made(tmp_path_factory.mktemp("keys"), "ours")
    ledger.say = lambda _: Said(envelope(ORDER.format(id=1)))
    signature = {"key": {"file": str(pair.key)}, "certificate": str(pair.certificate)}
    own = [{"element": "{urn:tenant}Tenant", "value": "7"}]
    read(ledger.source(own_headers=own, security={"signature": signature, "timestamp_seconds": 60}))
    header = ledger.posts[0].envelope.find("{*}Header")
    assert sorted(each.tag.rpartition("}")[2] for each in header) == ["Security", "Tenant"]


@pytest.mark.parametrize("told", [{"element": "two words"}, {"element": "a", "value": "x", "secret": {"env": "X"}}])
def test_a_header_that_is_none_is_refused(ledger: Peer, told: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="own_headers"):
        ledger.source(own_headers=[told])
