"""What a caller may write behind the question mark, and how errors in it are told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

from flask import request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from rankings.contract import SALE_RULES, TRIMMED, shown
from rankings.currencies import ISO_4217
from rankings.ranking import Ranking
from rankings.render.clickhouse import View
from serving.asked import FIRST_DAY, LAST_DAY, Asked
from serving.http.problem import Problem

LARGEST_LIMIT = 1000

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,4}")
_COUNTRY = next(rule for rule in SALE_RULES if rule.field == "country")


def _country(text: str) -> str:
    """As the contract keeps countries, so that what looks the same is the same."""
    name = unicodedata.normalize("NFC", text.strip(TRIMMED))
    if len(name) > _COUNTRY.longest or not re.fullmatch(_COUNTRY.pattern, name):
        raise ValueError("not a country's name")
    return name


def _day(text: object) -> date:
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("not an ISO date")
    day = date.fromisoformat(text)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError("out of range")
    return day


def _limit(text: object) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text)


def _currency(text: str) -> str:
    code = text.upper()
    # Some letters beyond ASCII have capitals within it.
    if not text.isascii() or code not in ISO_4217:
        raise ValueError("not a currency")
    return code


_DAY_VALID = f"a business day such as 2026-01-31, from {FIRST_DAY} to {LAST_DAY}"

Day = Annotated[date, BeforeValidator(_day)]


class Parameters(BaseModel):
    """The query parameters of a ranking. Each description says what is valid."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    country: Annotated[str, AfterValidator(_country)] | None = Field(
        None, description="a country's name as the sources write it, such as Germany; without it all countries"
    )
    first_day: Day | None = Field(None, alias="from", description=f"{_DAY_VALID}; without it all from the beginning")
    last_day: Day | None = Field(None, alias="to", description=f"{_DAY_VALID}, not before from; without it all days")
    currency: Annotated[str, AfterValidator(_currency)] | None = Field(
        None, description="a currency code of ISO 4217, such as EUR"
    )
    limit: Annotated[int, BeforeValidator(_limit), Field(ge=1, le=LARGEST_LIMIT)] = Field(
        10, description=f"a whole number from 1 to {LARGEST_LIMIT}"
    )
    view: View = Field(View.MERGED, description="merged, live or reconciled")

    @model_validator(mode="after")
    def _in_order(self) -> Parameters:
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise ValueError(f"from is {self.first_day}, to is {self.last_day}")
        return self


VALID = {field.alias or name: str(field.description) for name, field in Parameters.model_fields.items()}
"""What is valid, by the name that callers write."""


def asked(ranking: Ranking, default_currency: str) -> Asked:
    """The question of the current request.

    Args:
        ranking: what it is about.
        default_currency: counts where the caller names none; empty makes callers name one.

    Raises:
        Problem: 400, with everything that is wrong in it.
    """
    received = _received()
    try:
        given = Parameters.model_validate(received)
    except ValidationError as error:
        raise invalid(_told(each, received) for each in error.errors()) from None
    if given.country is not None and "country" not in ranking.subject:
        raise invalid([_error("country", given.country, f"{ranking.name} does not tell countries apart: leave it out")])
    currency = given.currency or default_currency
    if not currency:
        raise invalid([_error("currency", None, VALID["currency"])])
    return Asked(ranking, given.view, currency, given.first_day, given.last_day, given.country, given.limit)


def refuse_any() -> None:
    """For endpoints that know no parameters.

    Raises:
        Problem: 400, if there is one.
    """
    received = _received()
    if received:
        raise invalid(_error(name, value, "no parameters here") for name, value in received.items())


def invalid(errors: Iterable[dict[str, object]]) -> Problem:
    """The problem that tells what was received and what is valid, for each parameter."""
    told = list(errors)
    texts = [f"{each['parameter']}: received {_shown(each['received'])}, valid: {each['valid']}" for each in told]
    return Problem(400, "invalid-parameters", "; ".join(texts) + ".", members={"errors": told})


def _received() -> dict[str, str]:
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise invalid(_error(name, request.args.getlist(name), "once at most") for name in repeated)
    return request.args.to_dict()


def _told(error: Any, received: dict[str, str]) -> dict[str, object]:
    """One of pydantic's errors in our words."""
    if not error["loc"]:
        return _error("from", received.get("from"), f"a day not after to, which is {received.get('to')}")
    name = str(error["loc"][0])
    valid = VALID.get(name, f"one of the parameters {', '.join(VALID)}")
    return _error(name, received.get(name), valid)


def _error(name: str, received: object, valid: str) -> dict[str, object]:
    return {"parameter": name, "received": received, "valid": valid}


def _shown(value: object) -> str:
    return "nothing" if value is None else shown(str(value))
