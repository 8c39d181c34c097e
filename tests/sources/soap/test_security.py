"""WS-Security: requests carry a user, a time and a signature that a service can check; answers that are not signed, or
not signed by the service, or signed elsewhere than in their body, are refused."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xmlsec
from lxml import etree
from zeep.wsse.signature import BinarySignature, Signature

from runtime.errors import Permanent
from streaming.sources.soap.faults import RetryableFault
from streaming.sources.soap.security import WSSE, WSU
from tests.sources.soap.certificates import Pair, made
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import ORDER, SOAP_11, Peer, Said, envelope, enveloped

DS = "{http://www.w3.org/2000/09/xmldsig#}"
PASSWORD = "Geheim & Ü"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Our key."""
    return made(tmp_path_factory.mktemp("keys"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The service's key."""
    return made(tmp_path_factory.mktemp("keys"), "theirs")


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_PASSWORD", PASSWORD)


def security(asked: Any) -> Any:
    return asked.envelope.find(f"{{*}}Header/{{{WSSE}}}Security")


def user(digest: bool) -> dict[str, Any]:
    return {"username": {"user": "tide", "password": {"env": "LEDGER_PASSWORD"}, "digest": digest}}


def test_a_password_as_text(ledger: Peer, read: Read) -> None:
    read(ledger.source(security=user(digest=False)))
    token = security(ledger.posts[0]).find(f"{{{WSSE}}}UsernameToken")
    assert token.findtext(f"{{{WSSE}}}Username") == "tide"
    assert token.findtext(f"{{{WSSE}}}Password") == PASSWORD
    assert token.find(f"{{{WSSE}}}Password").get("Type").endswith("#PasswordText")
    assert security(ledger.posts[0]).get(f"{{{SOAP_11}}}mustUnderstand") == "1"


def test_a_password_as_digest_is_new_each_time(ledger: Peer, read: Read) -> None:
    source = ledger.source(security=user(digest=True))
    read(source)
    read(source)
    nonces = set()
    for post in ledger.posts:
        token = security(post).find(f"{{{WSSE}}}UsernameToken")
        nonce = base64.b64decode(token.findtext(f"{{{WSSE}}}Nonce"))
        created = token.findtext(f"{{{WSU}}}Created")
        expected = hashlib.sha1(nonce + created.encode() + PASSWORD.encode()).digest()
        assert base64.b64decode(token.findtext(f"{{{WSSE}}}Password")) == expected
        assert PASSWORD.encode() not in post.body
        nonces.add(nonce)
    assert len(nonces) == 2


def test_a_password_that_is_not_set_stops_the_source(ledger: Peer, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEDGER_PASSWORD")
    with pytest.raises(Permanent, match="LEDGER_PASSWORD is not set"):
        read(ledger.source(security=user(digest=False)))


@pytest.mark.parametrize("binary", [True, False])
def test_the_signature_holds_for_body_and_timestamp(ledger: Peer, read: Read, ours: Pair, binary: bool) -> None:
    signature = {"key": {"file": ours.key}, "certificate": ours.certificate, "binary_token": binary}
    told = {**user(digest=True), "signature": signature, "timestamp_seconds": 60}
    read(ledger.source(security=told, addressing={}))
    envelope_, header = ledger.posts[0].envelope, security(ledger.posts[0])
    reverified = etree.fromstring(ledger.posts[0].body)
    assert (header.find(f"{{{WSSE}}}BinarySecurityToken") is not None) == binary
    signed = {each.get("URI")[1:] for each in envelope_.iter(f"{DS}Reference")}
    assert signed == {
        envelope_.find("{*}Body").get(f"{{{WSU}}}Id"),
        header.find(f"{{{WSU}}}Timestamp").get(f"{{{WSU}}}Id"),
    }
    methods = {each.get("Algorithm") for each in envelope_.iter(f"{DS}SignatureMethod", f"{DS}DigestMethod")}
    assert methods == {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
    }
    verified(reverified, ours)
    reverified.find("{*}Body")[0].set("changed", "by another")
    with pytest.raises(xmlsec.Error):
        verified(reverified, ours)


def verified(root: Any, pair: Pair) -> None:
    """Checks the signature as a service would."""
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(pair.certificate), xmlsec.KeyFormat.CERT_PEM)
    for element in root.iter():
        if element.get(f"{{{WSU}}}Id"):
            context.register_id(element, "Id", WSU)
    context.verify(next(root.iter(f"{DS}Signature")))


def signed(pair: Pair, created: datetime | None = None, binary: bool = False, **how: Any) -> Any:
    """An answer that the service has signed."""
    at = created or datetime.now(UTC)
    stamp = (
        f'<w:Security xmlns:w="{WSSE}"><u:Timestamp xmlns:u="{WSU}"><u:Created>{at.isoformat()}</u:Created>'
        f"<u:Expires>{(at + timedelta(minutes=5)).isoformat()}</u:Expires></u:Timestamp></w:Security>"
    )
    root = etree.fromstring(envelope(ORDER.format(id=1), header=stamp))
    told = {"signature_method": xmlsec.Transform.RSA_SHA256, "digest_method": xmlsec.Transform.SHA256, **how}
    maker = BinarySignature if binary else Signature
    maker(str(pair.key), str(pair.certificate), **told).apply(root, {})
    return root


def says(peer: Peer, root: Any) -> None:
    peer.say = lambda _: Said(etree.tostring(root))


def wanted(peer: Peer, pair: Pair, **more: Any) -> Any:
    return peer.source(security={"answers": pair.certificate, **more})


@pytest.mark.parametrize("binary", [True, False])
def test_an_answer_that_the_service_signed_is_taken(ledger: Peer, read: Read, theirs: Pair, binary: bool) -> None:
    says(ledger, signed(theirs, binary=binary))
    assert len(read(wanted(ledger, theirs))) == 1


def unsigned(root: Any) -> None:
    header = root.find("{*}Header")
    header.remove(header[0])


def changed(root: Any) -> None:
    root.find(".//{*}Total").text = "9999.00"


def moved(root: Any) -> None:
    """The signed body is put aside, and another one stands where the answer is read."""
    body = root.find("{*}Body")
    other = copy.deepcopy(body)
    other.attrib.clear()
    other.find(".//{*}Total").text = "9999.00"
    root.replace(body, other)
    etree.SubElement(root.find("{*}Header"), "{urn:elsewhere}Aside").append(body)


def doubled(root: Any) -> None:
    """Two elements have the id that is signed."""
    moved(root)
    root.find("{*}Body").set(f"{{{WSU}}}Id", root.find(".//{urn:elsewhere}Aside")[0].get(f"{{{WSU}}}Id"))


def named(root: Any) -> None:
    """An xml:id makes libxml2 find another element."""
    moved(root)
    identity = root.find(".//{urn:elsewhere}Aside")[0].get(f"{{{WSU}}}Id")
    root.find("{*}Body").set("{http://www.w3.org/XML/1998/namespace}id", identity)


def without_its_time(root: Any) -> None:
    (reference, _) = [each for each in root.iter(f"{DS}Reference")][::-1]
    stamp = root.find(f".//{{{WSU}}}Timestamp")
    stamp.getparent().remove(stamp)
    assert reference is not None


@pytest.mark.parametrize("attack", [unsigned, changed, moved, doubled, named, without_its_time])
def test_an_answer_that_was_tampered_with_is_refused(
    ledger: Peer, read: Read, theirs: Pair, attack: Callable[[Any], None]
) -> None:
    root = signed(theirs)
    attack(root)
    says(ledger, root)
    with pytest.raises(Permanent, match="not signed as the definition wants it"):
        read(wanted(ledger, theirs))


def test_an_answer_that_another_signed_is_refused(ledger: Peer, read: Read, ours: Pair, theirs: Pair) -> None:
    says(ledger, signed(ours))
    with pytest.raises(Permanent, match="a signature that does not hold"):
        read(wanted(ledger, theirs))


@pytest.mark.parametrize("hours", [-2, 2])
def test_an_answer_of_another_time_is_refused(ledger: Peer, read: Read, theirs: Pair, hours: int) -> None:
    says(ledger, signed(theirs, datetime.now(UTC) + timedelta(hours=hours)))
    with pytest.raises(Permanent, match="a timestamp of"):
        read(wanted(ledger, theirs))


def test_sha1_is_refused_unless_the_definition_allows_it(ledger: Peer, read: Read, theirs: Pair) -> None:
    old = {"signature_method": xmlsec.Transform.RSA_SHA1, "digest_method": xmlsec.Transform.SHA1}
    says(ledger, signed(theirs, **old))
    with pytest.raises(Permanent, match="does not hold"):
        read(wanted(ledger, theirs))
    assert len(read(wanted(ledger, theirs, answers_sha1=True))) == 1


def test_a_key_that_is_none_stops_the_source(ledger: Peer, read: Read, ours: Pair, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key")
    signature = {"key": {"file": tmp_path / "key"}, "certificate": ours.certificate}
    with pytest.raises(Permanent, match="cannot sign") as raised:
        read(ledger.source(security={"signature": signature}))
    assert not re.search("no key", str(raised.value))


def test_basic_authentication_is_for_the_services_own_hosts(ledger: Peer, read: Read) -> None:
    read(ledger.source(http={"user": "tide", "password": {"env": "LEDGER_PASSWORD"}}))
    expected = "Basic " + base64.b64encode(f"tide:{PASSWORD}".encode()).decode()
    assert {each.headers.get("Authorization") for each in ledger.asked} == {expected}


def test_secrets_can_be_arguments(ledger: Peer, read: Read) -> None:
    read(
        ledger.source(
            request={"filter": {"region": ["DE", "AT"]}}, secrets={"request.filter.key": {"env": "LEDGER_PASSWORD"}}
        )
    )
    asked = ledger.posts[0].envelope.find(".//{urn:ledger}filter")
    assert [each.text for each in asked] == ["DE", "AT", PASSWORD]


def test_a_fault_that_is_not_signed_tells_what_is_wrong_but_not_that_there_is_nothing(
    ledger: Peer, read: Read, theirs: Pair
) -> None:
    fault = "<s:Fault><faultcode>s:Server.Busy</faultcode><faultstring>later</faultstring></s:Fault>"
    ledger.say = lambda _: Said(enveloped(fault), status=500)
    with pytest.raises(RetryableFault, match="later"):
        read(wanted(ledger, theirs))
    with pytest.raises(Permanent, match="not signed"):
        read(ledger.source(security={"answers": theirs.certificate}, faults=[{"code": "Server", "then": "empty"}]))
