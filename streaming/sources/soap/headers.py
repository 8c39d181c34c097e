"""SOAP headers that a service wants and its WSDL does not declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streaming.sources.soap.definition import SoapSource
    from streaming.sources.soap.wire import Header


class HeadersPlugin:
    """Writes the definition's own headers into each request, before it is signed."""

    def __init__(self, source: SoapSource) -> None:
        self._headers = source.own_headers

    def egress(self, envelope: Any, http_headers: Any, _operation: Any, _options: Mapping[str, str]) -> Any:
        """Called by zeep with an envelope that is ready but for its security."""
        from zeep.wsdl.utils import get_or_create_header

        for each in self._headers:
            get_or_create_header(envelope).append(_element(each, envelope.nsmap[envelope.prefix]))
        return envelope, http_headers

    def ingress(self, envelope: Any, http_headers: Any, _operation: Any) -> Any:
        """zeep's other half, which is not used: answers are read without zeep."""
        return envelope, http_headers


def _element(told: Header, soap: str) -> Any:
    from lxml import etree

    made = etree.Element(told.element)
    if told.must_understand:
        made.set(f"{{{soap}}}mustUnderstand", "1")
    if told.secret is not None:
        made.text = told.secret.value().get_secret_value()
    _fill(made, told.value, etree.QName(told.element).namespace)
    return made


def _fill(element: Any, value: object, namespace: str | None) -> None:
    """Nested elements have the namespace of the header."""
    from lxml import etree

    if not isinstance(value, Mapping):
        element.text = str(value) if value else element.text
        return
    for name, inner in value.items():
        _fill(etree.SubElement(element, etree.QName(namespace, name)), inner, namespace)
