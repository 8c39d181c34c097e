"""Tries a definition against the service, and says what it would do, before anything is taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runtime.errors import TidelakeError
from streaming.sources.mapping import Accepted, Mapper
from streaming.sources.records import Finding, Row
from streaming.sources.soap.polling import ByQueue, BySequence, ByTime
from streaming.sources.soap.polls import poll_of
from streaming.sources.soap.reader import asked
from streaming.sources.soap.service import Service
from streaming.sources.soap.shape import Shape

if TYPE_CHECKING:
    from runtime.settings import Settings
    from streaming.sources.soap.definition import SoapSource

SAMPLE = 5
LOOPBACK = ("localhost", "127.0.0.1", "::1")
INEXACT = ("float", "double")


def check(source: SoapSource, chosen: Settings) -> Iterator[Finding]:
    """What was found: the WSDL, the operation, its arguments and fields, and some records as sales.

    Nothing is remembered, and nothing is acknowledged to a queue.
    """
    try:
        with closing(Service(source)) as service:
            yield Finding(True, f"the WSDL is read: {_documents(service)}, SOAP {service.version}, port {service.port}")
            service.check_address()
            yield Finding(
                True, f"{source.operation} is asked at {service.address}", _open_secrets(source, service.address)
            )
            yield from _arguments(source, service)
            yield from _fields(source, service)
            yield from _sample(source, service)
    except TidelakeError as error:
        yield Finding(False, str(error), error.todo or "")


def _documents(service: Service) -> str:
    hosts = sorted({urlsplit(each).netloc or "files" for each in service.documents})
    return f"{len(service.documents)} documents from {', '.join(hosts)}"


def _open_secrets(source: SoapSource, address: str) -> str:
    """What to do where a password would be readable on its way."""
    username = source.security.username
    sent = source.http.user or source.secrets or (username and not username.digest)
    parts = urlsplit(address)
    if sent and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return "secrets go over the network in clear text: use https"
    return ""


def _arguments(source: SoapSource, service: Service) -> Iterator[Finding]:
    """The arguments of the first question, as the WSDL has them."""
    question = poll_of(source).question(None, datetime.now(UTC))
    arguments = question.arguments if question else {}
    asks = service.asks(source.operation)
    missing = [path for path in arguments if asks.children and not asks.has(path)]
    if missing:
        valid = ", ".join(asks.children) or "none"
        yield Finding(False, f"{source.operation} has no argument {', '.join(missing)}; valid: {valid}", "see `poll`")
        return
    service.message(source.operation, arguments)
    told = ", ".join(f"{path}={value}" for path, value in arguments.items())
    yield Finding(True, f"the request is made, with {told or 'nothing of its own'}")
    if isinstance(source.poll, ByQueue):
        service.message(source.poll.acknowledge.operation, {source.poll.acknowledge.argument: _id(source.poll)})
        yield Finding(
            True, f"messages are acknowledged with {source.poll.acknowledge.operation}, which is not done here"
        )


def _id(poll: ByQueue) -> str | list[str]:
    return "id" if poll.acknowledge.each else ["id"]


def _fields(source: SoapSource, service: Service) -> Iterator[Finding]:
    """The fields of a record that the definition names, as far as the schema tells of them."""
    answer = service.answers(source.operation)
    row = answer.at(source.rows)
    if source.attachment is not None:
        yield _found(f"the attachment {source.attachment.field}", answer.has(source.attachment.field), answer)
        return
    yield _found(f"the record {source.rows or '(the answer itself)'}", row is not None or not answer.children, answer)
    if row is None or not row.children:
        return
    for name, path in _named(source):
        if not row.has(path) and not _around(answer, source.rows, path):
            yield _found(f"{name}: {path}", False, row)
        elif (found := row.at(path)) and found.type in INEXACT and name == "amount":
            yield Finding(
                True, f"{path} is a {found.type} in the WSDL: the text that the service writes is taken, exactly"
            )


def _around(answer: Shape, rows: str, path: str) -> bool:
    """Whether a path leads from one of the elements that enclose a record, by that one's name; the outermost, which
    the body holds, has a name that the shape does not tell."""
    head, dot, rest = path.partition(".")
    names = rows.split(".")[:-1] if rows else []
    if head in names:
        enclosing = answer.at(".".join(names[: names.index(head) + 1]))
        return enclosing is not None and enclosing.has(rest)
    return bool(dot) and answer.has(rest)


def _named(source: SoapSource) -> Iterator[tuple[str, str]]:
    for name, mapping in source.fields.mapped().items():
        if mapping.field is not None:
            yield name, mapping.field
    if source.message_id:
        yield "message_id", source.message_id
    if isinstance(source.poll, BySequence) and source.poll.field:
        yield "poll.field", source.poll.field
    if isinstance(source.poll, ByTime) and source.poll.changed:
        yield "poll.changed", source.poll.changed


def _found(what: str, ok: bool, within: Shape) -> Finding:
    if ok:
        return Finding(True, f"{what} is in the WSDL")
    known = ", ".join((*within.children, *(f"@{name}" for name in within.attributes)))
    return Finding(False, f"{what} is not in the WSDL", f"valid there: {known}")


def _sample(source: SoapSource, service: Service) -> Iterator[Finding]:
    """The first records as sales."""
    question = poll_of(source).question(None, datetime.now(UTC))
    if question is None:
        yield Finding(True, "there is nothing to ask for yet")
        return
    rows = asked(service, question, 0).rows
    yield Finding(True, f"the service answers {question.told}: {len(rows)} records", "" if rows else "nothing to try")
    mapper = Mapper(source)
    for row in rows[:SAMPLE]:
        yield _mapped(mapper, row)


def _mapped(mapper: Mapper, row: Row) -> Finding:
    outcome = mapper.map([row])
    for accepted in outcome.accepted:
        return Finding(True, f"{row.at}: {_payload(accepted)}")
    (refused,) = outcome.refused
    return Finding(False, f"{row.at} would go to the quarantine: {refused.reason}", "see `fields` of the definition")


def _payload(accepted: Accepted) -> str:
    return accepted.payload.decode()
