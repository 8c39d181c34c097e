"""What a source over SOAP is defined by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from streaming.sources.definition import Secret, Source
from streaming.sources.fields import Part
from streaming.sources.soap.polling import ByQueue, BySequence, ByTime, Pages, Whole
from streaming.sources.soap.wire import Addressing, FaultRule, Header, Http, Limits, Security

ARGUMENT = r"^[^.\s]+(\.[^.\s]+)*$"

Polling = Annotated[Whole | BySequence | ByTime | ByQueue, Field(discriminator="by")]


class Attachment(Part):
    """Records that lie in an attachment of the answer, or in base64 in one of its elements.

    Attributes:
        field: the path of the element that holds or refers to it.
        format: what it is written in.
        gzip: whether it is compressed so.
        rows: in XML, the path of the repeated element below its root.
        encoding: of CSV and JSON lines.
        delimiter: of CSV.
    """

    field: str = Field(pattern=ARGUMENT)
    format: Literal["csv", "jsonl", "xml"]
    gzip: bool = False
    rows: str = ""
    encoding: str = "utf-8"
    delimiter: str = Field(",", min_length=1, max_length=1)


class SoapSource(Source):
    """A service whose operation answers with sales.

    Paths are local names of elements joined by dots, below the element that the answer's body holds; `name@attribute`
    is an attribute.

    Attributes:
        wsdl: the address of its WSDL, or a file.
        hosts: the hosts (and ports, where they are not the scheme's own) that may be asked, for the WSDL, for what it
            imports, and for the service; the WSDL's own and that of `address` are always among them.
        service: its name in the WSDL; the first one unless told.
        port: its name in the WSDL; the first one of this SOAP version unless told.
        soap: the version of SOAP; that of the port unless told.
        address: where the service answers, where that is not what the WSDL says.
        operation: what is called.
        request: its arguments, nested as the WSDL has them.
        headers: the SOAP headers that the WSDL declares for it.
        own_headers: SOAP headers that the WSDL does not declare, of every request.
        secrets: arguments that are secret, by their path, which begins with `request.` or `headers.`.
        rows: the path of the repeated element that is a record; empty where the answer itself is one.
        attachment: where the records lie in an attachment.
        poll: how it is asked for what is new.
        pages: how one question is answered in pages.
        more: the path of a boolean in the answer: whether there is more.
        message_id: the path of a record's message id; a record whose id was taken before is left out.
        remember_ids: how many ids are remembered, the oldest forgotten first.
        time_zone: of an xsd:dateTime that tells none; without it such a time is refused.
        security: WS-Security.
        addressing: WS-Addressing; switched on by the WSDL too.
        http: how the service is reached.
        faults: what a fault means, the first rule that fits; see `FaultRule`.
        limits: what an answer and a WSDL may not exceed.
    """

    kind: Literal["soap"]
    wsdl: str
    hosts: tuple[str, ...] = ()
    service: str | None = None
    port: str | None = None
    soap: Literal["1.1", "1.2"] | None = None
    address: str | None = None
    operation: str
    request: Mapping[str, Any] = {}
    headers: Mapping[str, Any] = {}
    own_headers: tuple[Header, ...] = ()
    secrets: Mapping[str, Secret] = {}
    rows: str = ""
    attachment: Attachment | None = None
    poll: Polling = Whole()
    pages: Pages | None = None
    more: str | None = None
    message_id: str | None = None
    remember_ids: int = Field(100_000, ge=1)
    time_zone: str | None = None
    security: Security = Security()
    addressing: Addressing | None = None
    http: Http = Http()
    faults: tuple[FaultRule, ...] = ()
    limits: Limits = Limits()

    own_topic: ClassVar[str] = "events.soap"
    steady: ClassVar[bool] = False

    @field_validator("request", "headers")
    @classmethod
    def _exact(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        if any(isinstance(each, float) for each in _leaves(value)):
            raise ValueError("received a number with a point, valid: the same in quotes, as it is exact only so")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        try:
            return name and ZoneInfo(name).key
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(f"received {name!r}, valid: an IANA name such as Europe/Berlin") from error

    @model_validator(mode="after")
    def _fits(self) -> SoapSource:
        if isinstance(self.poll, ByQueue) and self.message_id is None:
            raise ValueError("poll by queue: message_id is missing, valid: the path of what is acknowledged")
        if isinstance(self.poll, BySequence | ByQueue) and self.pages is not None:
            raise ValueError(f"pages: poll by {self.poll.by} goes on by itself, valid: by whole or by time")
        for path in self.secrets:
            if path.partition(".")[0] not in ("request", "headers") or "." not in path:
                raise ValueError(f"secrets: received {path!r}, valid: request.… or headers.…")
        return self

    @property
    def is_local(self) -> bool:
        """Whether the WSDL is a file."""
        return urlsplit(self.wsdl).scheme not in ("http", "https")

    @property
    def wsdl_file(self) -> Path:
        """The WSDL's file, where it is one."""
        return Path(self.wsdl.removeprefix("file://")).expanduser().absolute()

    @property
    def origin(self) -> tuple[str, str]:
        """The operation."""
        return "soap", f"{self.wsdl}#{self.operation}"


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    else:
        yield value
