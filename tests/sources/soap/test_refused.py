"""What reaches out, blows up or is too much is refused, in a WSDL and in an answer, within memory and time."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.memory import forget_peak, peak_mib
from runtime.errors import Permanent, Retryable
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import ORDER, SOAP_11, WSDL, Peer, Said, envelope, serving
from tests.sources.soap.peer import ledger as with_ledger

LAUGHS = "".join(f"""<!ENTITY l{n} "{f"&l{n - 1};" * 10}">""" for n in range(1, 30))
DOCTYPES = {
    "billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
    "external entity": '<!DOCTYPE x [<!ENTITY l29 SYSTEM "file:///etc/passwd">]>',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:1/x">%e;]>',
    "external subset": '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
    "empty": "<!DOCTYPE x>",
    "quadratic": f"""<!DOCTYPE x [<!ENTITY l29 "{"a" * 100_000}">]>""",
}


def answered(peer: Peer, content: bytes, kind: str = "text/xml") -> None:
    peer.say = lambda _: Said(content, kind)


@pytest.mark.parametrize("name", DOCTYPES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_in_an_answer(ledger: Peer, read: Read, name: str, encoding: str) -> None:
    text = DOCTYPES[name] + envelope("<Order id='1'><Tag>&l29;</Tag></Order>").decode()
    answered(ledger, f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding))
    began = time.monotonic()
    with pytest.raises(Permanent, match=re.escape("a document type (DTD)")):
        read(ledger.source())
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", DOCTYPES)
@pytest.mark.parametrize("path", ["/ledger.wsdl", "/parts/messages.wsdl", "/types/common.xsd"])
def test_document_types_in_a_wsdl_and_what_it_imports(ledger: Peer, read: Read, name: str, path: str) -> None:
    old = ledger.documents[path].body.decode()
    ledger.documents[path] = Said(old.replace("?>", "?>" + DOCTYPES[name], 1).encode())
    with pytest.raises(Permanent, match=re.escape("a document type (DTD)")):
        read(ledger.source())
    assert not ledger.posts


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (envelope("<a>" * 20_000 + "</a>" * 20_000), "Excessive depth"),
        (envelope("<a/>" * 100_000), "at most 50000"),
        (envelope("<a " + " ".join(f'b{n}=""' for n in range(60_000)) + "/>"), "at most 50000"),
        (b"<?xml version='1.0' encoding='utf-7'?><a/>", "the encoding utf-7"),
        ("<?xml version='1.0' encoding='cp037'?><a/>".encode("cp037"), "encoding|is not XML"),
    ],
    ids=["deep", "many", "attributes", "utf-7", "ebcdic"],
)
def test_bombs_of_markup(ledger: Peer, read: Read, content: bytes, text: str) -> None:
    answered(ledger, content)
    with pytest.raises((Permanent, Retryable), match=text):
        read(ledger.source(limits={"markup": 50_000}))


def test_references_that_lead_to_ever_more_references_are_a_bomb(ledger: Peer, read: Read) -> None:
    tens = (f"""<i href="#r{n}"/>""" * 10 for n in range(1, 13))
    steps = "".join(f'<m id="r{n}">{ten}</m>' for n, ten in enumerate(tens))
    body = f'<r><Order href="#r0"/></r>{steps}<m id="r12">x</m>'
    answered(ledger, f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body>{body}</s:Body></s:Envelope>'.encode())
    with pytest.raises(Permanent, match="when its references are followed"):
        read(ledger.source(limits={"markup": 100_000}))


def test_a_reference_to_itself_ends(ledger: Peer, read: Read) -> None:
    body = '<r><Order href="#a"/></r><m id="a"><i href="#a"/></m>'
    answered(ledger, f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body>{body}</s:Body></s:Envelope>'.encode())
    (row,) = read(ledger.source())
    assert row.problem == "nested deeper than 32 elements"


def test_huge_answers(ledger: Peer, read: Read) -> None:
    answered(ledger, envelope(f"<Order id='1'><Tag>{'x' * 2_000_000}</Tag></Order>"))
    with pytest.raises(Permanent, match="at most 1000000 bytes"):
        read(ledger.source(limits={"answer_bytes": 1_000_000}))


def test_compressed_answers_are_read_and_bombs_of_them_are_not(ledger: Peer, read: Read) -> None:
    packed = gzip.compress(envelope(ORDER.format(id=1)))
    ledger.say = lambda _: Said(packed, headers={"Content-Encoding": "gzip"})
    assert len(read(ledger.source())) == 1
    bomb = gzip.compress(b"<" * 100_000_000, compresslevel=1)
    ledger.say = lambda _: Said(bomb, headers={"Content-Encoding": "gzip"})
    forget_peak()
    before = peak_mib()
    with pytest.raises(Permanent, match="at most 1000000 bytes"):
        read(ledger.source(limits={"answer_bytes": 1_000_000}))
    assert peak_mib() - before < 50


def test_other_codings_are_refused(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: Said(b"x", headers={"Content-Encoding": "br"})
    with pytest.raises(Permanent, match=r"compressed in a way.*'br'"):
        read(ledger.source())


def test_too_many_records_in_one_answer(ledger: Peer, read: Read) -> None:
    answered(ledger, envelope("<Order id='1'/>" * 11))
    with pytest.raises(Permanent, match="more than 10"):
        read(ledger.source(limits={"rows": 10}))


def test_a_service_that_answers_byte_by_byte_is_not_waited_for(ledger: Peer, read: Read) -> None:
    with slow() as port:
        began = time.monotonic()
        with pytest.raises(Retryable, match="within the time limit"):
            read(ledger.source(address=f"http://127.0.0.1:{port}/", limits={"seconds": 1}))
        assert time.monotonic() - began < 5


class slow:  # noqa: N801 - used as a context
    """A server that sends one byte of its answer every tenth of a second."""

    def __enter__(self) -> int:
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._drip, daemon=True).start()
        port: int = self._listening.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _drip(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n")
            try:
                for _ in range(200):
                    connection.sendall(b"<")
                    time.sleep(0.1)
            except OSError:
                return


@pytest.fixture
def elsewhere() -> object:
    """A second server, which a definition of the first does not name."""
    with serving(Peer()) as peer:
        with_ledger(peer)
        yield peer


def includes(peer: Peer, other: str) -> None:
    path = "/parts/messages.wsdl"
    peer.documents[path] = Said(peer.documents[path].body.replace(b"../types/ledger.xsd", other.encode()))


@pytest.mark.parametrize("attack", ["import", "redirected import", "address", "redirected answer", "file"])
def test_only_hosts_that_the_definition_names_are_asked(ledger: Peer, elsewhere: Peer, read: Read, attack: str) -> None:
    to = {"Location": f"{elsewhere.root}/types/ledger.xsd"}
    attacks: dict[str, Callable[[], None]] = {
        "import": lambda: includes(ledger, f"{elsewhere.root}/types/ledger.xsd"),
        "file": lambda: includes(ledger, f"file://{WSDL}/types/ledger.xsd"),
        "redirected import": lambda: ledger.documents.update({"/types/ledger.xsd": Said(b"", status=302, headers=to)}),
        "address": lambda: ledger.documents.update({"/ledger.wsdl": elsewhere.documents["/ledger.wsdl"]}),
        "redirected answer": lambda: setattr(ledger, "say", lambda _: Said(b"", status=307, headers=to)),
    }
    attacks[attack]()
    with pytest.raises(Permanent, match=r"does not name|an address that is none"):
        read(ledger.source())
    assert not elsewhere.asked


def test_hosts_that_it_names_are_asked_but_not_with_its_password(
    ledger: Peer, elsewhere: Peer, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_PASSWORD", "x")
    includes(ledger, f"{elsewhere.root}/types/ledger.xsd")
    ledger.say = lambda _: Said(b"", status=308, headers={"Location": f"{elsewhere.root}/moved"})
    elsewhere.say = lambda _: Said(envelope(ORDER.format(id=1)))
    http = {"user": "tide", "password": {"env": "LEDGER_PASSWORD"}}
    rows = read(ledger.source(hosts=[f"127.0.0.1:{elsewhere.port}"], http=http))
    assert len(rows) == 1
    assert all("Authorization" in each.headers for each in ledger.asked)
    assert not any("Authorization" in each.headers for each in elsewhere.asked)
    assert elsewhere.posts[0].body == ledger.posts[0].body


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_lose_the_request_is_not_followed(ledger: Peer, read: Read, status: int) -> None:
    ledger.say = lambda _: Said(b"", status=status, headers={"Location": "/other"})
    with pytest.raises(Permanent, match="would lose the request"):
        read(ledger.source())


def test_redirects_without_end(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: Said(b"", status=307, headers={"Location": "/service"})
    with pytest.raises(Permanent, match=r"too many redirects.*at most 5"):
        read(ledger.source())
    assert len(ledger.posts) == 6


def test_limits_of_a_wsdl(ledger: Peer, read: Read) -> None:
    with pytest.raises(Permanent, match="more than 2 documents"):
        read(ledger.source(limits={"wsdl_documents": 2}))
    with pytest.raises(Permanent, match="at most 500 bytes"):
        read(ledger.source(limits={"wsdl_bytes": 500}))


def test_imports_in_a_circle_end(ledger: Peer, read: Read) -> None:
    path = "/types/common.xsd"
    circle = b'<xsd:import namespace="urn:ledger" schemaLocation="ledger.xsd"/><xsd:complexType name="Document">'
    old = ledger.documents[path].body
    ledger.documents[path] = Said(old.replace(b'<xsd:complexType name="Document">', circle))
    answered(ledger, envelope(ORDER.format(id=1)))
    assert len(read(ledger.source())) == 1


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("tns:Order", "tns:Odrer", "not as the WSDL has it"),
        ("urn:common", "urn:uncommon", "not as the WSDL has it"),
    ],
)
def test_a_wsdl_that_is_not_valid(ledger: Peer, read: Read, old: str, new: str, text: str) -> None:
    path = "/types/ledger.xsd"
    ledger.documents[path] = Said(ledger.documents[path].body.replace(old.encode(), new.encode()))
    with pytest.raises(Permanent, match=text):
        read(ledger.source())


def test_a_port_without_an_address(ledger: Peer, read: Read) -> None:
    old = ledger.documents["/ledger.wsdl"].body
    ledger.documents["/ledger.wsdl"] = Said(
        old.replace(f'<soap:address location="{ledger.root}/service"/>'.encode(), b"")
    )
    with pytest.raises(Permanent, match="not as the WSDL has it"):
        read(ledger.source())


def test_arguments_that_the_wsdl_does_not_have(ledger: Peer, read: Read) -> None:
    with pytest.raises(Permanent, match="not as the WSDL has it"):
        read(ledger.source(request={"until": "now"}))


def test_an_operation_that_the_wsdl_does_not_have(ledger: Peer, read: Read) -> None:
    with pytest.raises(Permanent, match="valid: ListSales"):
        read(ledger.source(operation="ListOrders"))
    with pytest.raises(Permanent, match="no such port"):
        read(ledger.source(port="Newest"))


def test_a_wsdl_in_files_reads_none_from_elsewhere(ledger: Peer, read: Read, tmp_path: Path) -> None:
    for name, said in ledger.documents.items():
        path = tmp_path / "wsdl" / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(said.body)
    answered(ledger, envelope(ORDER.format(id=1)))
    local = ledger.source(wsdl=str(tmp_path / "wsdl/ledger.wsdl"), address=f"{ledger.root}/service")
    assert len(read(local)) == 1
    (tmp_path / "wsdl/types/ledger.xsd").rename(tmp_path / "ledger.xsd")
    (tmp_path / "wsdl/types/ledger.xsd").symlink_to(tmp_path / "ledger.xsd")
    with pytest.raises(Permanent, match="imports a file from elsewhere"):
        read(local)
