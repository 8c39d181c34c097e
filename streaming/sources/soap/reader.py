"""Reads a SOAP service: question after question, each answer published before the next is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from runtime.errors import Permanent, Retryable
from streaming.sources.records import Batch, Memory, Row
from streaming.sources.soap.addressing import message_id
from streaming.sources.soap.attachments import Entry, entries
from streaming.sources.soap.faults import EmptyAnswer
from streaming.sources.soap.polling import ByQueue, ByTime
from streaming.sources.soap.polls import Answer, Question, Step, poll_of
from streaming.sources.soap.seen import Seen, digest
from streaming.sources.soap.service import Answer as Told
from streaming.sources.soap.service import Service
from streaming.sources.soap.xml import TODO
from streaming.sources.text import at_path, text

if TYPE_CHECKING:
    from runtime.settings import Settings
    from streaming.sources.soap.definition import SoapSource

POSITION, TURN, LEFT_OUT = "position", "turn", "left_out"
"""What is remembered: where the service was read to, how many questions were answered, how many records were left out
as they had been taken before."""

log = structlog.get_logger()


def reader(source: SoapSource, chosen: Settings) -> SoapReader:
    """What reads this source."""
    return SoapReader(source)


class SoapReader:
    """Reads one service; its WSDL is loaded at the first reading."""

    def __init__(self, source: SoapSource) -> None:
        self._source = source
        self._service: Service | None = None

    def read(self, memory: Memory) -> Iterator[Batch]:
        """From where `memory` says to the service's present end; a batch is what one answer holds.

        Every answer makes a batch, an empty one too: the next question then has a message id of its own, while one
        that is asked again after a failure keeps its id.

        Raises:
            Retryable: the service cannot be asked at present.
            Permanent: the definition or the service has to be changed.
        """
        service, mine = self._opened(), dict(memory)
        poll, seen = poll_of(self._source), Seen(mine, self._source.remember_ids)
        acknowledged: set[str] = set()
        before: list[bytes] = []
        # The present that a reading goes to stands still, or a slow service would never be read to its end.
        present = datetime.now(UTC)
        while (question := poll.question(mine.get(POSITION), present)) is not None:
            answer = asked(service, question, int(mine.get(TURN, 0)))
            before = _page(question, answer, before)
            step = poll.step(question, answer)
            batch = self._batch(step, seen, mine)
            yield batch
            mine.update(batch.remember)
            self._acknowledge(service, answer.rows, acknowledged)
            if step.over:
                return

    def _batch(self, step: Step, seen: Seen, mine: Memory) -> Batch:
        """What is new of an answer, and all that is remembered with it."""
        rows, ids = self._new(step.rows, seen)
        remember: dict[str, Any] = {POSITION: step.position, TURN: int(mine.get(TURN, 0)) + 1, **seen.add(ids)}
        if left_out := step.came - len(rows):
            remember[LEFT_OUT] = int(mine.get(LEFT_OUT, 0)) + left_out
        return Batch(rows, remember)

    def close(self) -> None:
        """Lets go of the connections."""
        if self._service is not None:
            self._service.close()
            self._service = None

    def _opened(self) -> Service:
        if self._service is None:
            self._service = Service(self._source)
            self._service.check_address()
            log.info("the WSDL is read", source=self._source.name, documents=len(self._service.documents))
        return self._service

    def _new(self, rows: Any, seen: Seen) -> tuple[list[Row], list[str]]:
        """The records that were not taken before, and their ids."""
        new: list[Row] = []
        ids: dict[str, None] = {}
        for row in rows:
            identity = self._identity(row)
            if identity is not None and (identity in seen or identity in ids):
                continue
            if identity is not None:
                ids[identity] = None
            new.append(row)
        return new, list(ids)

    def _identity(self, row: Row) -> str | None:
        """By its message id; or by all of it where it holds the time of its change, and so is never the same twice."""
        if self._source.message_id is not None:
            told = told_id(row, self._source.message_id)
            return None if told is None else digest(told.encode())
        poll = self._source.poll
        if isinstance(poll, ByTime) and poll.changed is not None and told_id(row, poll.changed) is not None:
            return digest(row.raw)
        return None

    def _acknowledge(self, service: Service, rows: Any, acknowledged: set[str]) -> None:
        """Tells a queue what is in the log, what had been taken before included: it may not have heard it then."""
        poll, path = self._source.poll, self._source.message_id
        if not isinstance(poll, ByQueue) or path is None:
            return
        ids = [told for row in rows if (told := told_id(row, path)) is not None]
        if rows and set(ids) <= acknowledged:
            raise Retryable(
                "the queue gives again what was acknowledged, or what has no message id", received=", ".join(ids)[:200]
            )
        how = poll.acknowledge
        for part in ([each] for each in ids) if how.each else filter(None, [ids]):
            value = part[0] if how.each else part
            service.ask(how.operation, {how.argument: value}, message_id(self._source.name, how.operation, *part))
        acknowledged.update(ids)


def _page(question: Question, answer: Answer, before: list[bytes]) -> list[bytes]:
    """What an answer holds.

    Raises:
        Permanent: it is a further page, and the one before over again: the service does not know of pages.
    """
    page = [row.raw for row in answer.rows]
    if page and page == before and question.position.get("page") is not None:
        raise Permanent("the service answers with the same page again and again", todo="see `pages.argument`")
    return page


def told_id(row: Row, path: str) -> str | None:
    """The text at a path of a record; None where it has none."""
    return (text(at_path(row.fields, path)) or None) if row.fields is not None else None


def asked(service: Service, question: Question, turn: int) -> Answer:
    """Asks, and takes the records out of the answer.

    Raises:
        Retryable: the service cannot be asked at present.
        Permanent: it cannot be asked so, or its answer is refused.
    """
    source = service.source
    identity = message_id(source.name, source.operation, sorted(question.arguments.items()), turn)
    try:
        told = service.ask(source.operation, question.arguments, identity)
    except EmptyAnswer:
        return Answer(None)
    return Answer(told.body, _rows(told, source, question.told))


def _rows(told: Told, source: SoapSource, where: str) -> list[Row]:
    rows: list[Row] = []
    for number, entry in enumerate(_entries(told, source), 1):
        if number > source.limits.rows:
            raise Permanent("an answer has too many records", received=f"more than {source.limits.rows}", todo=TODO)
        rows.append(Row(f"{source.operation} {where}, record {number}", entry.fields, entry.raw, entry.problem))
    return rows


def _entries(told: Told, source: SoapSource) -> Iterator[Entry]:
    from lxml import etree

    if source.attachment is not None:
        yield from entries(told, source.attachment, source.limits)
        return
    for item in told.body.items(source.rows):
        yield Entry(
            item.fields,
            etree.tostring(item.element, encoding="utf-8", xml_declaration=False, with_tail=False),
            item.problem,
        )
