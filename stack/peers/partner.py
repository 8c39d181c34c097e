"""A partner whose sales are read over SOAP 1.1: an operation that gives what changed after a number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from stack.peers.ledger import Ledger, told

SOURCE = "partner"
NAMESPACE = "urn:example:partner:sales"


def app(ledger: Ledger) -> Any:
    """The service as a WSGI application; its WSDL is at `?wsdl`."""
    from spyne import Application, Array, ComplexModel, DateTime, Integer, ServiceBase, Unicode, rpc
    from spyne import Decimal as Money
    from spyne.protocol.soap import Soap11
    from spyne.server.wsgi import WsgiApplication

    class SaleOut(ComplexModel):  # type: ignore[misc]
        __namespace__ = NAMESPACE
        number = Integer
        id = Unicode
        at = DateTime(timezone=True)
        country = Unicode
        town = Unicode
        seller = Unicode
        name = Unicode
        total = Money
        currency = Unicode

    class Sales(ServiceBase):  # type: ignore[misc]
        @rpc(Integer, Integer, _returns=Array(SaleOut))  # type: ignore[untyped-decorator]
        def changed_after(ctx: Any, number: int, most: int) -> Any:  # noqa: N805 - spyne's context
            return [
                SaleOut(number=at, **{**told(sale), "at": sale.occurred_at, "total": Decimal(sale.amount)})
                for at, sale in ledger.after(number, most)
            ]

    return WsgiApplication(Application([Sales], NAMESPACE, in_protocol=Soap11(validator="lxml"), out_protocol=Soap11()))
