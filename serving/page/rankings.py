"""The rankings of the page: what was asked, what is answered, and where each number leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from pydantic import ValidationError

from rankings.currencies import ISO_4217
from rankings.ranking import Ranking
from rankings.render.clickhouse import View
from runtime.errors import TidelakeError
from serving.compose import Api
from serving.http.parameters import Parameters
from serving.http.problem import Problem
from serving.http.questions import answered, asked, next_page, with_links

FILTERS = ("country", "from", "to", "currency", "limit", "view")


@dataclass(frozen=True, slots=True)
class Panel:
    """One ranking on the page.

    Attributes:
        ranking: which.
        body: the answer's document, or None if there is none.
        wrong: why there is none.
        lines: the document's lines, each with the address of its reasons and how long its bar is.
        stream: where changes come from.
    """

    ranking: Ranking
    body: Mapping[str, Any] | None
    wrong: str | None
    lines: tuple[Mapping[str, Any], ...]
    stream: str


def panels(api: Api, given: Mapping[str, str]) -> list[Panel]:
    """Every ranking, as far as it can be answered."""
    kept = {name: value for name, value in given.items() if name in FILTERS}
    return [_panel(api, ranking, kept) for ranking in api.rankings]


def choices(api: Api, given: Mapping[str, str]) -> dict[str, object]:
    """What the form of the filters offers, and what is chosen."""
    chosen = {name: given.get(name, "") for name in FILTERS}
    chosen["currency"] = chosen["currency"] or api.settings.default_currency
    return {"currencies": sorted(ISO_4217), "views": [view.value for view in View], "chosen": chosen}


def _panel(api: Api, ranking: Ranking, given: Mapping[str, str]) -> Panel:
    stream = f"/v1/rankings/{ranking.name}/stream?{urlencode(given)}"
    try:
        body = _answer(api, ranking, given)
    except ValidationError as error:
        wrong = "; ".join(str(each["loc"][0] if each["loc"] else "from") for each in error.errors())
        return Panel(ranking, None, f"Not valid: {wrong}.", (), "")
    except (Problem, TidelakeError) as error:
        return Panel(ranking, None, str(error), (), "")
    return Panel(ranking, body, None, _lines(ranking, body, given), stream)


def _answer(api: Api, ranking: Ranking, given: Mapping[str, str]) -> dict[str, Any]:
    query = Parameters.model_validate(given)
    answer = answered(api, asked(api, ranking.name, query), query)
    return {**with_links(api, answer, query), "next": next_page(api, answer, query)}


def _lines(ranking: Ranking, body: Mapping[str, Any], given: Mapping[str, str]) -> tuple[Mapping[str, Any], ...]:
    lines = body["data"]
    longest = max((Decimal(line["amount"]) for line in lines), default=Decimal(0))
    further = {name: value for name, value in given.items() if name not in ("country", "limit")}
    return tuple(
        {
            **line,
            "bar": _bar(Decimal(line["amount"]), longest),
            "why": f"/why/{ranking.name}?{urlencode({**{name: line[name] for name in ranking.subject}, **further})}",
        }
        for line in lines
    )


def _bar(amount: Decimal, longest: Decimal) -> str:
    """Percent of the longest, from 0."""
    return f"{max(Decimal(0), amount) / longest * 100:.1f}" if longest > 0 else "0"
