"""What a service is asked next, and what an answer says of the question after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from runtime.errors import Permanent
from streaming.sources.records import Row
from streaming.sources.soap.polling import ByQueue, BySequence, ByTime, Pages
from streaming.sources.soap.rows import Answered
from streaming.sources.text import at_path, text

if TYPE_CHECKING:
    from streaming.sources.soap.definition import SoapSource

Position = Mapping[str, Any] | None
"""What is remembered of where a source was read to; None at its begin."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        arguments: by their path.
        told: the same for people; it is part of where a record stands in the source.
        position: from which the question was made.
    """

    arguments: Mapping[str, Any]
    told: str
    position: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came.

    Attributes:
        body: of the answer; None where the service said that it has nothing.
        rows: its records.
    """

    body: Answered | None
    rows: Sequence[Row] = ()

    def text(self, path: str | None) -> str | None:
        """The text at a path of the body."""
        return self.body.text(path) if self.body is not None and path else None


@dataclass(frozen=True, slots=True)
class Step:
    """What an answer leads to.

    Attributes:
        rows: the records that are new.
        came: how many records the answer had.
        position: to remember with them.
        over: whether the reading is at the source's present end.
    """

    rows: Sequence[Row]
    came: int
    position: Position
    over: bool


class Poll(Protocol):
    """One way to ask for what is new."""

    def question(self, position: Position, now: datetime) -> Question | None:
        """What to ask from this position; None where there is nothing to ask for yet."""
        ...

    def step(self, question: Question, answer: Answer) -> Step:
        """What the answer leads to.

        Raises:
            Permanent: the service does not go on.
        """
        ...


def poll_of(source: SoapSource) -> Poll:
    """How this source is asked."""
    paging = Paging(source.pages, source.more)
    match source.poll:
        case BySequence() as told:
            return SequencePoll(told, source.more)
        case ByTime() as told:
            return TimePoll(told, paging, ZoneInfo(source.time_zone or "UTC"))
        case ByQueue():
            return QueuePoll()
        case _:
            return WholePoll(paging)


class Paging:
    """The pages of one question."""

    def __init__(self, pages: Pages | None, more: str | None) -> None:
        self._pages, self._more = pages, more

    def arguments(self, page: Any) -> dict[str, Any]:
        """What asks for a page; the first one of those with a token needs nothing."""
        if self._pages is None:
            return {}
        first = None if self._pages.by == "token" else self._pages.first
        wanted = first if page is None else page
        return {} if wanted is None else {self._pages.argument: wanted}

    def following(self, page: Any, answer: Answer) -> Any:
        """The page after this one; None if it is the last."""
        pages, count = self._pages, len(answer.rows)
        if pages is None or count == 0 or (pages.size is not None and count < pages.size):
            return None
        if self._more is not None and not says_yes(answer.text(self._more)):
            return None
        if pages.by == "token":
            return self._token(page, answer.text(pages.next))
        return (pages.first if page is None else page) + (1 if pages.by == "number" else count)

    @staticmethod
    def _token(page: Any, token: str | None) -> str | None:
        if token and token == page:
            raise Permanent("the service tells the same page again and again", received=token)
        return token or None


class WholePoll:
    """Everything, page after page."""

    def __init__(self, paging: Paging) -> None:
        self._paging = paging

    def question(self, position: Position, now: datetime) -> Question | None:
        """The page that is next."""
        page = (position or {}).get("page")
        return Question(self._paging.arguments(page), _told("all", page), position or {})

    def step(self, question: Question, answer: Answer) -> Step:
        """The next page, or the end."""
        page = self._paging.following(question.position.get("page"), answer)
        return Step(answer.rows, len(answer.rows), None if page is None else {"page": page}, page is None)


class TimePoll:
    """Span after span; a position is where the next span begins, or a span and its page."""

    def __init__(self, told: ByTime, paging: Paging, zone: ZoneInfo) -> None:
        self._told, self._paging, self._zone = told, paging, zone

    def question(self, position: Position, now: datetime) -> Question | None:
        """The page that is next in the span, or a span from where the last one ended."""
        since = _instant(position["since"]) if position else self._told.first()
        until = _instant(position["until"]) if position and "until" in position else self._end(since, now)
        if until <= since:
            return None
        page = (position or {}).get("page")
        asked = since - timedelta(seconds=self._told.overlap_seconds)
        arguments = {self._told.since: self._written(asked), **self._paging.arguments(page)}
        if self._told.until:
            arguments[self._told.until] = self._written(until)
        span = {"since": since.isoformat(), "until": until.isoformat(), "page": page}
        return Question(arguments, _told(f"{asked.isoformat()} to {until.isoformat()}", page), span)

    def _end(self, since: datetime, now: datetime) -> datetime:
        """A span without an end is answered up to the service's own present."""
        present = now.replace(microsecond=0) - timedelta(seconds=self._told.delay_seconds)
        longest = since + timedelta(seconds=self._told.window_seconds)
        return min(longest, present) if self._told.until else present

    def step(self, question: Question, answer: Answer) -> Step:
        """The next page of the span, or the next span."""
        page = self._paging.following(question.position["page"], answer)
        if page is not None:
            return Step(answer.rows, len(answer.rows), {**question.position, "page": page}, False)
        return Step(answer.rows, len(answer.rows), {"since": question.position["until"]}, False)

    def _written(self, moment: datetime) -> str:
        if self._told.written == "local":
            return moment.astimezone(self._zone).replace(tzinfo=None).isoformat()
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


class SequencePoll:
    """What follows the last number, until nothing does."""

    def __init__(self, told: BySequence, more: str | None) -> None:
        self._told, self._more = told, more

    def question(self, position: Position, now: datetime) -> Question | None:
        """What follows the last number or token."""
        last = (position or {"last": self._told.start})["last"]
        asked = last + 1 if self._told.inclusive and isinstance(last, int) and self._told.field else last
        return Question({self._told.argument: asked}, f"after {last}", {"last": last})

    def step(self, question: Question, answer: Answer) -> Step:
        """On from the greatest number that came, or from the token that was told."""
        last = question.position["last"]
        if self._told.field is None:
            following = answer.text(self._told.next)
            nothing = following is None or following == str(last)
            position = question.position if nothing else {"last": following}
            return Step(answer.rows, len(answer.rows), position, nothing or self._is_last(answer))
        return self._by_field(last, self._told.field, answer)

    def _by_field(self, last: int, path: str, answer: Answer) -> Step:
        numbered = [(_numbered(row, path), row) for row in answer.rows]
        told = [number for number, _ in numbered if number is not None]
        newest = max(told, default=last)
        if newest < last:
            raise Permanent(
                "the service does not go on after the number that it is asked for",
                received=newest,
                valid=f"numbers greater than {last}",
                todo="see `poll.argument`",
            )
        rows = [
            _unnumbered(row, path) if number is None else row
            for number, row in numbered
            if number is None or number > last
        ]
        over = newest == last or self._is_last(answer)
        return Step(rows, len(answer.rows), {"last": newest}, over)

    def _is_last(self, answer: Answer) -> bool:
        if not answer.rows or (self._told.size is not None and len(answer.rows) < self._told.size):
            return True
        return self._more is not None and not says_yes(answer.text(self._more))


class QueuePoll:
    """What the service has not been told that we have, until there is nothing more."""

    def question(self, position: Position, now: datetime) -> Question | None:
        """The next messages."""
        return Question({}, "the queue", {})

    def step(self, question: Question, answer: Answer) -> Step:
        """On, until the queue is empty."""
        return Step(answer.rows, len(answer.rows), None, not answer.rows)


def _numbered(row: Row, path: str) -> int | None:
    told = text(at_path(row.fields, path)) if row.fields is not None else None
    try:
        return int(told) if told is not None and len(told) <= 40 else None
    except ValueError:
        return None


def _unnumbered(row: Row, path: str) -> Row:
    if row.fields is None:
        return row
    told = at_path(row.fields, path)
    return replace(row, fields=None, problem=f"{path}: received {told!r:.80}, valid: a whole number")


def says_yes(told: str | None) -> bool:
    """Whether a text is XML's true."""
    return told is not None and told.strip() in ("true", "1")


def _told(what: str, page: Any) -> str:
    return what if page is None else f"{what}, page {page}"


def _instant(told: str) -> datetime:
    return datetime.fromisoformat(told)
