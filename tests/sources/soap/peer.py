"""A real HTTP server whose answers a test writes itself, byte for byte: what no well-behaved service would send."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lxml import etree

from streaming.sources.soap.definition import SoapSource

WSDL = Path(__file__).parent / "wsdl"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"

ORDER = """
<Order id="{id}">
  <c:SoldAt xmlns:c="urn:common">2026-03-02T10:00:0{id}+01:00</c:SoldAt>
  <Place xmlns:c="urn:common"><c:Country>Germany</c:Country><c:City>Köln</c:City></Place>
  <Seller no="S{id}" xmlns:c="urn:common"><c:Name>Anna</c:Name></Seller>
  <Total currency="EUR">1{id}.50</Total>
</Order>
"""

FIELDS = {
    "sale_id": "@id",
    "occurred_at": "SoldAt",
    "country": "Place.Country",
    "city": "Place.City",
    "salesman_id": "Seller@no",
    "salesman": "Seller.Name",
    "amount": "Total",
    "currency": "Total@currency",
}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def envelope(self) -> Any:
        """Its envelope."""
        return etree.fromstring(self.body)


@dataclass(frozen=True)
class Said:
    """An answer, byte for byte."""

    body: bytes
    content_type: str = "text/xml; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Peer:
    """The server: documents by path, and what it says to a POST.

    Attributes:
        documents: what a GET of a path is answered with.
        say: makes the answer to a POST.
        asked: every request, in order.
    """

    documents: dict[str, Said] = field(default_factory=dict)
    say: Callable[[Asked], Said] = lambda _: Said(envelope(""))
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def root(self) -> str:
        """The server's own address."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def answer(self, asked: Asked) -> Said:
        """What it says to a request."""
        self.asked.append(asked)
        if asked.method == "POST":
            return self.say(asked)
        return self.documents.get(asked.path, Said(b"nothing here", "text/plain", 404))

    @property
    def posts(self) -> list[Asked]:
        """The requests with an envelope."""
        return [each for each in self.asked if each.method == "POST"]

    def source(self, **more: Any) -> SoapSource:
        """A definition of it."""
        told = {
            "kind": "soap",
            "name": "ledger",
            "wsdl": f"{self.root}/ledger.wsdl",
            "operation": "ListSales",
            "rows": "Order",
            "fields": FIELDS,
        }
        return SoapSource.model_validate({**told, **more})


def ledger(peer: Peer) -> None:
    """Has it serve the ledger's WSDL, with its imports, beside its service."""
    for path in WSDL.rglob("*.*"):
        content = path.read_bytes().replace(b"ADDRESS", f"{peer.root}/service".encode())
        peer.documents[f"/{path.relative_to(WSDL)}"] = Said(content)


def envelope(body: str, header: str = "", soap: str = SOAP_11) -> bytes:
    """An envelope around what the operation answers with."""
    inner = f'<ListSalesResponse xmlns="urn:ledger">{body}</ListSalesResponse>'
    return enveloped(inner, header, soap)


def enveloped(inner: str, header: str = "", soap: str = SOAP_11) -> bytes:
    """An envelope around anything."""
    text = f'<s:Envelope xmlns:s="{soap}"><s:Header>{header}</s:Header><s:Body>{inner}</s:Body></s:Envelope>'
    return text.encode()


@contextmanager
def serving(peer: Peer, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """The server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = peer.answer(Asked(self.command, self.path, dict(self.headers), body))
            self.send_response(said.status)
            self.send_header("Content-Type", said.content_type)
            self.send_header("Content-Length", str(len(said.body)))
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        peer.scheme = "https"
    peer.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
