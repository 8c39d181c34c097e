"""What a caller may write behind the question mark, and how errors in it are told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from functools import cache, lru_cache
from typing import Annotated, Any, TypeVar

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from rankings.contract import SALE_RULES, TRIMMED, shown
from rankings.currencies import ISO_4217
from rankings.render.clickhouse import View
from rankings.render.shapes import Step
from serving.asked import FIRST_DAY, LAST_DAY
from serving.http.problem import Problem
from serving.positions import Wanted, wanted

LARGEST_LIMIT = 1000
LARGEST_VERSION = 2**31 - 1
REMEMBERED = 500
"""Characters of a query string whose parameters are remembered."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_TEXT = next(rule for rule in SALE_RULES if rule.field == "country")

_TEXT_SCHEMA = {"type": "string", "minLength": 1, "maxLength": _TEXT.longest, "pattern": r"^[^\x00-\x20\x7f]+$"}
_DAY_SCHEMA = {
    "type": "string",
    "format": "date",
    "pattern": "^(19[7-9][0-9]|20[0-9]{2}|21[0-3][0-9]|214[0-8])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
}

_OFFSET_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,249}/[0-9]{1,9}/[0-9]{1,18}$"}
_LOG_TIME_SCHEMA = {
    "type": "string",
    "format": "date-time",
    "pattern": (
        "^(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
    ),
}


def _name(text: object) -> str:
    """As the contract keeps text, so that what looks the same is the same."""
    if not isinstance(text, str):
        raise ValueError("not text")
    name = unicodedata.normalize("NFC", text.strip(TRIMMED))
    if len(name) > _TEXT.longest or not re.fullmatch(_TEXT.pattern, name):
        raise ValueError("not a name")
    return name


def _day(text: object) -> date:
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("not an ISO date")
    day = date.fromisoformat(text)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError("out of range")
    return day


def _number(text: object) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text)


def _position(text: object) -> Wanted:
    if not isinstance(text, str):
        raise ValueError("not text")
    return wanted(text)


def _currency(text: str) -> str:
    code = text.upper()
    # Some letters beyond ASCII have capitals within it.
    if not text.isascii() or code not in ISO_4217:
        raise ValueError("not a currency")
    return code


_DAY_VALID = f"a business day such as 2026-01-31, from {FIRST_DAY} to {LAST_DAY}"

Name = Annotated[str, BeforeValidator(_name), WithJsonSchema(_TEXT_SCHEMA)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema(_DAY_SCHEMA)]
Currency = Annotated[str, AfterValidator(_currency), WithJsonSchema({"type": "string", "enum": sorted(ISO_4217)})]
Number = BeforeValidator(_number)
Version = Annotated[int, Field(ge=1, le=LARGEST_VERSION), Number]
Limit = Annotated[int, Field(ge=1, le=LARGEST_LIMIT), Number]
Position = Annotated[
    Wanted,
    BeforeValidator(_position),
    WithJsonSchema({"anyOf": [_OFFSET_SCHEMA, _LOG_TIME_SCHEMA]}),
]

LIMIT_VALID = f"a whole number from 1 to {LARGEST_LIMIT}"
CURSOR = Field(None, max_length=500, description="where a page before this one ended: its `next`, as it came")


class Strict(BaseModel):
    """Query parameters; those that are not named are refused. Each description says what is valid."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Nothing(Strict):
    """An endpoint without parameters."""


class Days(Strict):
    """Which sales count."""

    country: Name | None = Field(
        None, description="a country's name as the sources write it, such as Germany; without it all countries"
    )
    first_day: Day | None = Field(None, alias="from", description=f"{_DAY_VALID}; without it all from the beginning")
    last_day: Day | None = Field(None, alias="to", description=f"{_DAY_VALID}, not before from; without it all days")
    currency: Currency | None = Field(None, description="a currency code of ISO 4217, such as EUR")

    @model_validator(mode="after")
    def _in_order(self) -> Days:
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise ValueError("from")
        return self


class Question(Days):
    """What every question may say."""

    limit: Limit = Field(10, description=LIMIT_VALID)
    view: View = Field(View.MERGED, description="merged, live or reconciled")
    as_of: Version | None = Field(
        None,
        description="the number of a version that was published: pins the answer to it; without it the current one",
    )
    min_position: Position | None = Field(
        None,
        description="topic/partition/offset of a record that has to be in the answer, or a log time such as "
        "2026-01-31T12:00:00Z; the answer waits for it; not with view=reconciled",
    )

    @model_validator(mode="after")
    def _has_live(self) -> Question:
        if self.min_position and self.view is View.RECONCILED:
            raise ValueError("min_position")
        return self


class Parameters(Question):
    """The query parameters of a ranking."""

    cursor: str | None = CURSOR


class OverTime(Question):
    """A ranking by period."""

    step: Step = Field(Step.DAY, description="day, week (from Monday) or month")


class Compare(Question):
    """A ranking of two periods."""

    first_day: Day = Field(alias="from", description=_DAY_VALID)
    last_day: Day = Field(alias="to", description=f"{_DAY_VALID}, not before from")
    against_first: Day = Field(alias="against_from", description=f"{_DAY_VALID}: the period to compare with")
    against_last: Day = Field(alias="against_to", description=f"{_DAY_VALID}, not before against_from")

    @model_validator(mode="after")
    def _others_in_order(self) -> Compare:
        if self.against_first > self.against_last:
            raise ValueError("against_from")
        return self


class Subject(Question):
    """One subject of a ranking: all of its columns have to be named."""

    city: Name | None = Field(None, description="a city's name as the sources write it; only where it is ranked")
    salesman_id: Name | None = Field(None, description="a salesman's id; only where salesmen are ranked")


class SubjectOverTime(Subject):
    """One subject, and its way through the periods."""

    step: Step = Field(Step.DAY, description="day, week (from Monday) or month")


class Pages(Strict):
    """A list that comes in pages."""

    limit: Limit = Field(50, description=LIMIT_VALID)
    cursor: str | None = CURSOR


class DriftPages(Pages):
    """The drift of a version."""

    version: Version | None = Field(None, description="a version that was published; without it the current one")
    ranking: str | None = Field(None, max_length=100, description="the name of a ranking; without it all")


class State(StrEnum):
    """What has become of a record in quarantine."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    SUPERSEDED = "superseded"
    ALL = "all"


class QuarantinePages(Pages):
    """What is in quarantine."""

    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")] | None = Field(
        None, description="a topic of the log, such as events.rest; without it all"
    )
    state: State = Field(State.OPEN, description="open, replayed, discarded, superseded or all")


class Discarding(Strict):
    """Why a record is closed."""

    why: Name = Field(description="the reason, for the record's history")


@cache
def valid_values(model: type[Strict]) -> dict[str, str]:
    """What is valid, by the name that callers write."""
    return {field.alias or name: str(field.description) for name, field in model.model_fields.items()}


VALID = valid_values(Parameters)

M = TypeVar("M", bound=Strict)


def checked(model: type[M]) -> M:
    """The query parameters of the current request.

    Raises:
        Problem: 400, with everything that is wrong in them.
    """
    written = request.query_string
    return _checked(model, written) if len(written) <= REMEMBERED else understood(model, _received())


@lru_cache(1000)
def _checked(model: type[M], _written: bytes) -> M:
    """Parameters never change, so that the same text gives the same ones; what is wrong is told each time."""
    return understood(model, _received())


def understood(model: type[M], received: dict[str, str]) -> M:
    """Parameters that were written somewhere else; raises likewise."""
    try:
        return model.model_validate(received)
    except ValidationError as error:
        raise invalid(_told(each, received, valid_values(model)) for each in error.errors()) from None


def invalid(errors: Iterable[dict[str, object]]) -> Problem:
    """The problem that tells what was received and what is valid, for each parameter."""
    told = list(errors)
    texts = [f"{each['parameter']}: received {_shown(each['received'])}, valid: {each['valid']}" for each in told]
    return Problem(400, "invalid-parameters", "; ".join(texts) + ".", members={"errors": told})


def _received() -> dict[str, str]:
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise invalid(wrong(name, request.args.getlist(name), "once at most") for name in repeated)
    return request.args.to_dict()


def _told(error: Any, received: dict[str, str], valid: dict[str, str]) -> dict[str, object]:
    """One of pydantic's errors in our words."""
    if not error["loc"]:
        return _between(str(error["ctx"]["error"]), received)
    name = str(error["loc"][0])
    if not valid:
        return wrong(name, received.get(name), "no parameters here")
    return wrong(name, received.get(name), valid.get(name, f"one of the parameters {', '.join(valid)}"))


def _between(name: str, received: dict[str, str]) -> dict[str, object]:
    """An error that takes two parameters."""
    if name == "min_position":
        return wrong(name, received.get(name), "not with view=reconciled, which has nothing live in it")
    other = name.replace("from", "to")
    return wrong(name, received.get(name), f"a day not after {other}, which is {received.get(other)}")


def wrong(name: str, received: object, valid: str) -> dict[str, object]:
    """One error of a problem."""
    return {"parameter": name, "received": received, "valid": valid}


def _shown(value: object) -> str:
    return "nothing" if value is None else shown(str(value))
