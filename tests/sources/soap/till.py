"""A real SOAP service (spyne) that tells the sales of a till: by sequence, by time and page, and as a queue."""

# spyne has no types: every class of its models is Any.
# mypy: disable-error-code="misc, untyped-decorator"

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal as Exact
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from spyne import (
    Application,
    Array,
    Boolean,
    ComplexModel,
    DateTime,
    Decimal,
    Fault,
    Integer,
    ServiceBase,
    Unicode,
    rpc,
)
from spyne.model.fault import Fault as SpyneFault
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication

NAMESPACE = "urn:till"
CITIES = ("Berlin", "Köln", "Hamburg", "München & Umland")
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


class Place(ComplexModel):
    """Where a sale was."""

    __namespace__ = NAMESPACE
    country = Unicode
    city = Unicode


class Line(ComplexModel):
    """One article of a sale."""

    __namespace__ = NAMESPACE
    article = Unicode
    price = Decimal


class Sale(ComplexModel):
    """A sale as the till tells it."""

    __namespace__ = NAMESPACE
    number = Integer
    message_id = Unicode
    receipt = Unicode
    sold_at = DateTime
    changed_at = DateTime
    place = Place
    seller_id = Unicode
    seller_name = Unicode
    total = Decimal
    currency = Unicode
    cancelled = Boolean
    lines = Array(Line)


class Page(ComplexModel):
    """Some sales."""

    __namespace__ = NAMESPACE
    sales = Array(Sale)
    more = Boolean
    token = Unicode


@dataclass
class Till:
    """What the service holds, and what it was asked.

    Attributes:
        sales: in the order of their numbers.
        unconfirmed: what the queue still gives, by message id.
        faults: raised by the next calls, one each.
        calls: the names and arguments of all calls.
    """

    sales: list[Sale] = field(default_factory=list)
    unconfirmed: dict[str, Sale] = field(default_factory=dict)
    faults: list[SpyneFault] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    url: str = ""

    def sell(self, count: int) -> None:
        """Adds so many sales."""
        for _ in range(count):
            sale = sold(len(self.sales) + 1)
            self.sales.append(sale)
            self.unconfirmed[sale.message_id] = sale

    def asked(self, *call: Any) -> None:
        """Notes a call; fails if that is wanted."""
        self.calls.append(call)
        if self.faults:
            raise self.faults.pop(0)


def sold(number: int) -> Sale:
    """The sale of that number."""
    return Sale(
        number=number,
        message_id=f"urn:message:{number}",
        receipt=f"R-{number:06}",
        sold_at=BEGIN + timedelta(minutes=number),
        changed_at=BEGIN + timedelta(minutes=number),
        place=Place(country="Germany", city=CITIES[number % len(CITIES)]),
        seller_id=f"S{number % 7}",
        seller_name=f"Seller {number % 7}",
        total=Exact(number * 101) / 100,
        currency="EUR",
        cancelled=False,
        lines=[Line(article="A", price=Exact(number)), Line(article="B", price=Exact("0.01") * number)],
    )


def service(till: Till) -> type[ServiceBase]:
    """The operations over a till."""

    class TillService(ServiceBase):
        @rpc(Integer, Integer, _returns=Page)
        def list_sales(ctx: Any, after: int, size: int) -> Page:  # noqa: N805 - spyne hands the context over
            till.asked("list_sales", after, size)
            found = [each for each in till.sales if each.number > after]
            return Page(sales=found[:size], more=len(found) > size)

        @rpc(DateTime, DateTime, Integer, Integer, _returns=Page)
        def list_changes(ctx: Any, since: datetime, until: datetime, page: int, size: int) -> Page:  # noqa: N805
            till.asked("list_changes", since, until, page)
            found = [each for each in till.sales if since <= _aware(each.changed_at) < until]
            return Page(sales=found[(page - 1) * size : page * size], more=len(found) > page * size)

        @rpc(Unicode, _returns=Page)
        def list_all(ctx: Any, token: str | None) -> Page:  # noqa: N805
            till.asked("list_all", token)
            begin = int((token or "t0")[1:])
            following = f"t{begin + 2}" if begin + 2 < len(till.sales) else None
            return Page(sales=till.sales[begin : begin + 2], token=following)

        @rpc(Integer, _returns=Array(Sale))
        def fetch(ctx: Any, size: int) -> list[Sale]:  # noqa: N805
            till.asked("fetch", size)
            return list(till.unconfirmed.values())[:size]

        @rpc(Array(Unicode))
        def confirm(ctx: Any, ids: list[str]) -> None:  # noqa: N805
            till.asked("confirm", tuple(ids))
            for each in ids:
                till.unconfirmed.pop(each, None)

    return TillService


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def fault(code: str, text: str) -> SpyneFault:
    """A fault for the next call."""
    return Fault(code, text)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving(till: Till) -> Iterator[Till]:
    """The till's service on a free port; `till.url` is the address of its WSDL."""
    application = Application(
        [service(till)], NAMESPACE, name="Till", in_protocol=Soap11(validator="lxml"), out_protocol=Soap11()
    )
    server = make_server("127.0.0.1", 0, WsgiApplication(application), server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    till.url = f"http://127.0.0.1:{server.server_port}/?wsdl"
    try:
        yield till
    finally:
        server.shutdown()
        server.server_close()
