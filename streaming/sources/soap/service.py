"""A SOAP service: its WSDL read by zeep, its answers read by ourselves."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, NoReturn
from zoneinfo import ZoneInfo

from runtime.errors import Permanent, Retryable
from streaming.sources.soap.addressing import AddressingPlugin, check_belongs
from streaming.sources.soap.faults import EmptyAnswer, error_for, told_by
from streaming.sources.soap.headers import HeadersPlugin
from streaming.sources.soap.multipart import included, unpacked
from streaming.sources.soap.rows import Answered
from streaming.sources.soap.security import Secured
from streaming.sources.soap.shape import ANYTHING, Shape, Shapes
from streaming.sources.soap.signed import check_signature
from streaming.sources.soap.transport import Transport, unanswered
from streaming.sources.soap.xml import local, parsed
from streaming.sources.web.caller import Answer as Reply

if TYPE_CHECKING:
    from streaming.sources.soap.definition import SoapSource

VERSIONS = {
    "http://schemas.xmlsoap.org/soap/envelope/": "1.1",
    "http://www.w3.org/2003/05/soap-envelope": "1.2",
}
"""The version of SOAP, by the namespace of an envelope."""

NOTHING = frozenset({200, 202, 204})
"""HTTP's codes of an operation that has no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered, without a fault.

    Attributes:
        body: what its body holds.
        parts: its attachments, by content id.
    """

    body: Answered
    parts: Mapping[str, bytes]


class _Typed(Mapping[str, Shape]):
    """The shapes of the schema's types, by namespace and local name; made when they are asked for."""

    def __init__(self, schema: Any, shapes: Shapes) -> None:
        self._schema, self._shapes = schema, shapes

    def __getitem__(self, name: str) -> Shape:
        found = self._schema.get_type(name, fail_silently=True)
        if found is None:
            raise KeyError(name)
        return self._shapes.of(found)

    def __iter__(self) -> Iterator[str]:
        return (str(each.qname) for each in self._schema.types)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Service:
    """A service, with what it needs to be asked.

    Args:
        source: its definition.
        any_operation: whether the definition's operation is not decided yet.

    Raises:
        Permanent: its WSDL is refused or not valid, or does not have what the definition names.
        Retryable: its WSDL cannot be had at present.
    """

    def __init__(self, source: SoapSource, any_operation: bool = False) -> None:
        self.source = source
        self._transport = Transport(source)
        self._addressing = AddressingPlugin(source)
        self._zone: tzinfo | None = ZoneInfo(source.time_zone) if source.time_zone else None
        self._shapes = Shapes()
        try:
            self._load(any_operation)
        except BaseException:
            self.close()
            raise

    def _load(self, any_operation: bool) -> None:
        with _told(self.source.wsdl):
            self.client = self._client()
            self._typed = _Typed(self.client.wsdl.types, self._shapes)
            self._port = self._chosen_port()
            self.address: str = self.source.address or self._port.binding_options["address"]
            self._proxy = self.client.create_service(self._port.binding.name, self.address)
        if not any_operation:
            self.operation(self.source.operation)

    @property
    def documents(self) -> tuple[str, ...]:
        """The addresses of the WSDL and of all that it imports."""
        return self._transport.documents

    @property
    def version(self) -> str:
        """The version of SOAP that is spoken."""
        return VERSIONS[self._port.binding.nsmap["soap-env"]]

    @property
    def port(self) -> str:
        """The port's name."""
        return str(self._port.name)

    def operations(self) -> dict[str, Any]:
        """The operations of the port, by name."""
        return dict(self._port.binding._operations)

    def operation(self, name: str) -> Any:
        """An operation of the port.

        Raises:
            Permanent: it has none of this name.
        """
        known = self.operations()
        if name not in known:
            raise Permanent("the WSDL has no such operation", received=name, valid=", ".join(sorted(known)))
        return known[name]

    def asks(self, name: str) -> Shape:
        """The shape of what an operation is asked with."""
        return self._shape(self.operation(name).input)

    def answers(self, name: str) -> Shape:
        """The shape of what an operation answers with: of the one element in the body."""
        return self._shape(self.operation(name).output)

    def _shape(self, message: Any) -> Shape:
        body = getattr(message, "body", None)
        return self._shapes.of(body.type) if body is not None else ANYTHING

    def check_address(self) -> None:
        """Raises:
        Permanent: the definition does not name the host that the WSDL sends requests to.
        """
        self._transport.check_host(self.address)

    def ask(self, operation: str, arguments: Mapping[str, Any], message_id: str) -> Answer:
        """Calls an operation.

        Args:
            operation: its name.
            arguments: besides those of the definition, by their path.
            message_id: of the question.

        Raises:
            RetryableFault: a fault that may heal.
            PermanentFault: a fault that does not.
            EmptyAnswer: a fault by which the service says that it has nothing.
            Retryable: it cannot be asked at present.
            Permanent: it cannot be asked so, or the answer is refused.
        """
        self._addressing.message_id = message_id
        with _told(f"the operation {operation}"):
            reply = getattr(self._proxy, operation)(**self._arguments(operation, arguments))
        return self._read(reply, operation, message_id)

    def message(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Makes the request without sending it.

        Raises:
            Permanent: the arguments do not fit the WSDL, or it cannot be signed.
        """
        with _told(f"the operation {operation}"):
            self.client.create_message(self._proxy, operation, **self._arguments(operation, arguments))

    def close(self) -> None:
        """Lets go of the connections."""
        self._transport.close()

    def _arguments(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        own = operation == self.source.operation
        told = {"request": copy.deepcopy(dict(self.source.request)) if own else {}}
        told["headers"] = copy.deepcopy(dict(self.source.headers))
        for path, value in arguments.items():
            put(told, f"request.{path}", value)
        for path, secret in self.source.secrets.items():
            if own or path.startswith("headers."):
                put(told, path, secret.value().get_secret_value())
        return {**told["request"], **({"_soapheaders": told["headers"]} if told["headers"] else {})}

    def _client(self) -> Any:
        from zeep import Client, Settings

        settings = Settings(
            strict=True,
            raw_response=True,
            forbid_dtd=True,
            forbid_entities=True,
            xml_huge_tree=False,
            force_https=False,
        )
        security = self.source.security
        return Client(
            self.source.wsdl if not self.source.is_local else str(self.source.wsdl_file),
            wsse=Secured(security) if security.says_something else None,
            transport=self._transport,
            plugins=[HeadersPlugin(self.source), self._addressing],
            settings=settings,
        )

    def _chosen_port(self) -> Any:
        services = self.client.wsdl.services
        names = [self.source.service] if self.source.service else list(services)
        found = [port for name in names if name in services for port in services[name].ports.values()]
        fitting = [port for port in found if self._fits(port)]
        if not fitting:
            known = [f"{each} ({', '.join(services[each].ports)})" for each in services]
            asked = f"service {self.source.service}, port {self.source.port}, SOAP {self.source.soap}"
            raise Permanent("the WSDL has no such port for SOAP", received=asked, valid="; ".join(known))
        return next((port for port in fitting if self.source.operation in port.binding._operations), fitting[0])

    def _fits(self, port: Any) -> bool:
        version = VERSIONS.get(getattr(port.binding, "nsmap", {}).get("soap-env", ""))
        return version is not None and self.source.port in (None, port.name) and self.source.soap in (None, version)

    def _read(self, reply: Reply, operation: str, message_id: str) -> Answer:
        limits, what = self.source.limits, f"the answer of {operation}"
        if reply.status in NOTHING and not reply.body.strip() and self.operation(operation).output is None:
            return Answer(Answered([], ANYTHING, self._typed, self._zone, limits), {})
        if not _is_soap(reply):
            raise unanswered(reply, self.address) if reply.status >= 400 else _no_soap(reply, what)
        packed = unpacked(reply.body, _kind(reply))
        envelope = parsed(packed.envelope, what, limits.markup)
        included(envelope, packed.parts, limits.answer_bytes)
        if VERSIONS.get(envelope.tag.rpartition("}")[0].removeprefix("{")) is None or local(envelope.tag) != "Envelope":
            raise _no_soap(reply, what)
        return self._answer(envelope, packed.parts, operation, reply, message_id)

    def _answer(
        self, envelope: Any, parts: Mapping[str, bytes], operation: str, reply: Reply, message_id: str
    ) -> Answer:
        body = envelope.find(f"{{{envelope.nsmap[envelope.prefix]}}}Body")
        fault = None if body is None else next((each for each in body if local(each.tag) == "Fault"), None)
        if fault is not None:
            self._raise(fault, envelope, message_id)
        if body is None or reply.status >= 400:
            raise unanswered(reply, self.address)
        self._check(envelope, message_id)
        shape = self.answers(operation)
        return Answer(Answered(body, shape, self._typed, self._zone, self.source.limits), parts)

    def _raise(self, fault: Any, envelope: Any, message_id: str) -> NoReturn:
        """Faults are mostly not signed, and still tell what is wrong; that there is nothing they have to prove."""
        error = error_for(told_by(fault), self.source.faults)
        if isinstance(error, EmptyAnswer):
            self._check(envelope, message_id)
        raise error

    def _check(self, envelope: Any, message_id: str) -> None:
        """Raises:
        Permanent: the service has not signed it as the definition wants it.
        Retryable: it belongs to another request.
        """
        if self.source.security.answers:
            check_signature(envelope, self.source.security, datetime.now(UTC))
        told = self.source.addressing
        check_belongs(envelope, message_id, told is not None and told.required)


def put(told: dict[str, Any], path: str, value: Any) -> None:
    """Sets a value at a dotted path, and makes what is missing on the way.

    >>> told = {"request": {"page": {"size": 5}}}
    >>> put(told, "request.page.number", 2)
    >>> told
    {'request': {'page': {'size': 5, 'number': 2}}}
    """
    *way, last = path.split(".")
    for name in way:
        told = told.setdefault(name, {})
    told[last] = value


def _kind(reply: Reply) -> str:
    return str(reply.headers.get("Content-Type", ""))


def _is_soap(reply: Reply) -> bool:
    kind = _kind(reply).partition(";")[0].strip().lower()
    return bool(reply.body) and kind in ("text/xml", "application/xml", "application/soap+xml", "multipart/related")


def _no_soap(reply: Reply, what: str) -> Retryable:
    received = f"HTTP {reply.status}, {_kind(reply) or 'no content type'}, {len(reply.body)} bytes"
    return Retryable(f"{what} is no SOAP", received=received, valid="an envelope of SOAP 1.1 or 1.2")


@contextmanager
def _told(what: str) -> Iterator[None]:
    """zeep's errors in our words; with what came in, each of them is one that a person has to mend."""
    from lxml.etree import LxmlError
    from zeep.exceptions import Error

    try:
        yield
    except (Error, LxmlError, TypeError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
        said = f"{type(error).__name__} {error}".strip()
        raise Permanent(f"{what} is not as the WSDL has it", received=said, todo="see docs/sources/soap.md") from error
    except RecursionError as error:
        raise Permanent(f"{what} is nested too deep", received="a schema that goes on without end") from error
