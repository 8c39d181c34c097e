"""WS-Addressing: which request an answer belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from runtime.errors import Retryable

if TYPE_CHECKING:
    from streaming.sources.soap.definition import SoapSource

WSA = "http://www.w3.org/2005/08/addressing"
ANONYMOUS = f"{WSA}/anonymous"


def message_id(source: str, *parts: object) -> str:
    """The id of a question. The same question has the same id when it is asked again after a failure, by another
    process too, so that a service that knows its messages answers it once.

    >>> message_id("erp", "ListSales", 7) == message_id("erp", "ListSales", 7) != message_id("erp", "ListSales", 8)
    True
    """
    return f"urn:uuid:{uuid5(NAMESPACE_URL, repr((source, *parts)))}"


class AddressingPlugin:
    """Writes the headers of a request, in place of those that zeep writes where the WSDL asks for them.

    Attributes:
        message_id: that of the next request.
    """

    def __init__(self, source: SoapSource) -> None:
        self._source = source
        self.message_id = ""

    def egress(self, envelope: Any, http_headers: Any, operation: Any, binding_options: Mapping[str, str]) -> Any:
        """Called by zeep with an envelope that is ready but for its security."""
        told = self._source.addressing
        by_wsdl = operation.abstract.wsa_action
        if told is None and not by_wsdl:
            return envelope, http_headers
        header = _header(envelope)
        for old in header.findall(f"{{{WSA}}}*"):
            header.remove(old)
        action = (told and told.action) or by_wsdl or operation.soapaction
        _write(header, action, self.message_id, (told and told.to) or binding_options["address"])
        return envelope, http_headers

    def ingress(self, envelope: Any, http_headers: Any, _operation: Any) -> Any:
        """zeep's other half, which is not used: answers are read without zeep."""
        return envelope, http_headers


def _header(envelope: Any) -> Any:
    from zeep.wsdl.utils import get_or_create_header

    return get_or_create_header(envelope)


def _write(header: Any, action: str | None, identity: str, to: str) -> None:
    from lxml.builder import ElementMaker

    make = ElementMaker(namespace=WSA, nsmap={"wsa": WSA})
    header.extend(
        [
            make.Action(action or ""),
            make.MessageID(identity),
            make.To(to),
            make.ReplyTo(make.Address(ANONYMOUS)),
        ]
    )


def check_belongs(envelope: Any, asked: str, required: bool) -> None:
    """Raises:
    Retryable: the answer belongs to another request, or has to tell and does not.
    """
    told = envelope.find(f"{{*}}Header/{{{WSA}}}RelatesTo")
    if told is None:
        if required:
            raise Retryable("an answer does not tell which request it belongs to", valid="wsa:RelatesTo")
        return
    if (told.text or "").strip() != asked:
        raise Retryable("an answer belongs to another request", received=told.text, valid=asked)
