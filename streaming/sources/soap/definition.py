"""What a source over SOAP is defined by."""

from __future__ import annotations

from typing import ClassVar, Literal

from streaming.sources.definition import Source


class SoapSource(Source):
    """A service whose operation answers with sales.

    Attributes:
        wsdl: the address of its WSDL.
        operation: what is called.
    """

    kind: Literal["soap"]
    wsdl: str
    operation: str

    own_topic: ClassVar[str] = "events.soap"

    @property
    def origin(self) -> tuple[str, str]:
        """The operation."""
        return "soap", f"{self.wsdl}#{self.operation}"
