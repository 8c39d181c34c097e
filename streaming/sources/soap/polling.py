"""How a SOAP service is asked for what is new: what a definition says of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field, model_validator

from streaming.sources.fields import Part

ARGUMENT = r"^[^.\s]+(\.[^.\s]+)*$"


class Whole(Part):
    """Everything, at each reading."""

    by: Literal["whole"] = "whole"


class BySequence(Part):
    """What follows the last number that was taken; asked again until nothing is new.

    Attributes:
        argument: the path of the argument that takes the number.
        field: the path of a record's number; numbers only ever grow.
        next: in place of `field`, the path in the answer of what to ask with the next time (a number or a token).
        start: the number that counts as the last one at first, or the first token.
        inclusive: whether the service answers with the record of that number too.
        size: how many records a full answer has; a smaller one is the last.
    """

    by: Literal["sequence"]
    argument: str = Field(pattern=ARGUMENT)
    field: str | None = None
    next: str | None = None
    start: int | str = 0
    inclusive: bool = False
    size: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_way(self) -> BySequence:
        if (self.field is None) == (self.next is None):
            raise ValueError("valid: exactly one of field and next")
        if self.field is not None and not isinstance(self.start, int):
            raise ValueError(f"start: received {self.start!r}, valid: a whole number")
        return self


class ByTime(Part):
    """What was changed in a span of time, span after span up to now.

    Attributes:
        since: the path of the argument that takes the span's begin.
        until: the path of the argument that takes its end, if the service has one.
        start: where the first span begins.
        window_seconds: the longest span that is asked for at once.
        overlap_seconds: how far each span reaches back into the one before, for records that come late.
        delay_seconds: how far behind the clock a span ends, as the service's clock and its transactions may be late.
        changed: the path of a record's own time of change. With it, a record that the overlap brings again is left
            out; without it (and without a message id) it is published again, which changes no answer.
        written: how a time is told to the service: in UTC with Z, or in the definition's time zone without one.
    """

    by: Literal["time"]
    since: str = Field(pattern=ARGUMENT)
    until: str | None = Field(None, pattern=ARGUMENT)
    start: AwareDatetime
    window_seconds: int = Field(86_400, ge=1)
    overlap_seconds: int = Field(0, ge=0)
    delay_seconds: int = Field(5, ge=0)
    changed: str | None = None
    written: Literal["utc", "local"] = "utc"

    def first(self) -> datetime:
        """Where the first span begins, in whole seconds."""
        return self.start.replace(microsecond=0)


class Acknowledge(Part):
    """How a queue is told what was taken.

    Attributes:
        operation: what is called.
        argument: the path of the argument that takes the message ids.
        each: whether it takes one id a call, in place of all in a list.
    """

    operation: str
    argument: str = Field(pattern=ARGUMENT)
    each: bool = False


class ByQueue(Part):
    """Messages that the service gives until they are acknowledged.

    Messages are acknowledged once they are in the log. What is given again in between is known by its message id.
    """

    by: Literal["queue"]
    acknowledge: Acknowledge


class Pages(Part):
    """How one question is answered in pages; an empty page is the last.

    Attributes:
        argument: the path of the argument that takes the page.
        by: its number, the offset of its first record, or a token that the page before told.
        first: the first page's number or offset.
        size: how many records a full page has; a smaller one is the last.
        next: the path in the answer of the next page's token.
    """

    argument: str = Field(pattern=ARGUMENT)
    by: Literal["number", "offset", "token"] = "number"
    first: int = Field(1, ge=0)
    size: int | None = Field(None, ge=1)
    next: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Pages:
        if (self.by == "token") != (self.next is not None):
            raise ValueError("next: valid with by: token, and only there")
        return self
