"""A SOAP service that tells as many sales as it is started with, page by page: `python -m bench.soap_service COUNT`.

It writes its port to standard output. Its pages are made of one template, so that what asks it is what is measured.
"""

from __future__ import annotations

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMESPACE = "urn:bench"

WSDL = """<?xml version="1.0" encoding="UTF-8"?>
<definitions name="Bench" targetNamespace="urn:bench" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:b="urn:bench"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:x="http://www.w3.org/2001/XMLSchema">
  <types><x:schema targetNamespace="urn:bench" elementFormDefault="qualified">
    <x:complexType name="Place"><x:sequence>
      <x:element name="country" type="x:string"/><x:element name="city" type="x:string"/>
    </x:sequence></x:complexType>
    <x:complexType name="Sale"><x:sequence>
      <x:element name="number" type="x:long"/><x:element name="soldAt" type="x:dateTime"/>
      <x:element name="place" type="b:Place"/><x:element name="seller" type="x:string"/>
      <x:element name="sellerName" type="x:string"/><x:element name="total" type="x:decimal"/>
      <x:element name="currency" type="x:string"/>
    </x:sequence></x:complexType>
    <x:element name="ListSales"><x:complexType><x:sequence>
      <x:element name="after" type="x:long"/><x:element name="size" type="x:int"/>
    </x:sequence></x:complexType></x:element>
    <x:element name="ListSalesResponse"><x:complexType><x:sequence>
      <x:element name="Sale" type="b:Sale" minOccurs="0" maxOccurs="unbounded"/>
      <x:element name="more" type="x:boolean"/>
    </x:sequence></x:complexType></x:element>
  </x:schema></types>
  <message name="In"><part name="parameters" element="b:ListSales"/></message>
  <message name="Out"><part name="parameters" element="b:ListSalesResponse"/></message>
  <portType name="Bench"><operation name="ListSales">
    <input message="b:In"/><output message="b:Out"/>
  </operation></portType>
  <binding name="Bench" type="b:Bench">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="ListSales"><soap:operation soapAction="ListSales"/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>
  </binding>
  <service name="Bench"><port name="Bench" binding="b:Bench"><soap:address location="{address}"/></port></service>
</definitions>
"""

SALE = (
    "<Sale><number>{n}</number><soldAt>2026-03-0{d}T{h:02}:{m:02}:00+01:00</soldAt>"
    "<place><country>Country {c:02}</country><city>City {c:02}-{k:02}</city></place>"
    "<seller>S{s:03}</seller><sellerName>Seller {s:03}</sellerName>"
    "<total>{e}.{f:02}</total><currency>EUR</currency></Sale>"
)

ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><ListSalesResponse xmlns="urn:bench">'
    "{sales}<more>{more}</more></ListSalesResponse></s:Body></s:Envelope>"
)


def sale(n: int) -> str:
    """The sale of that number, as XML."""
    return SALE.format(
        n=n, d=1 + n % 9, h=n % 24, m=n % 60, c=n % 20, k=n // 20 % 20, s=n % 400, e=1 + n % 997, f=n % 100
    )


def page(after: int, size: int, count: int) -> bytes:
    """The answer that holds the sales after a number."""
    last = min(after + size, count)
    sales = "".join(map(sale, range(after + 1, last + 1)))
    return ENVELOPE.format(sales=sales, more="true" if last < count else "false").encode()


def handler(count: int) -> type[BaseHTTPRequestHandler]:
    """What answers, over so many sales."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(WSDL.format(address=f"http://{self.headers['Host']}/").encode())

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            after, size = (int(re.search(rb":%s>(\d+)<" % name, asked)[1]) for name in (b"after", b"size"))  # type: ignore[index]
            self._answer(page(after, size, count))

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler


def main(count: int) -> None:
    """Serves until it is ended."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(count))
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
