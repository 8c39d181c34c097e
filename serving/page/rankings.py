"""The rankings of the page: what was asked, what is answered, and where each number leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from rankings.currencies import ISO_4217
from rankings.ranking import Ranking
from rankings.render.clickhouse import View
from runtime.errors import TidelakeError
from serving.compose import Api
from serving.found import Store
from serving.http.parameters import Parameters
from serving.http.problem import Problem
from serving.http.questions import answered, asked, next_page, with_links
from serving.page.formats import VIEWS

FILTERS = ("country", "from", "to", "currency", "limit", "view")

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """The lines among which ranks count; the title is empty if all lines are one group."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One ranking on the page.

    Attributes:
        ranking: which.
        body: the answer's document, or None if there is none.
        wrong: why there is none.
        groups: the document's lines, each with its name, the address of its reasons and how long its bar is.
        stream: where changes come from.
        document: where the same answer is as JSON.
        further: the page with the ranks behind these, or None if these are all.
    """

    ranking: Ranking
    body: Mapping[str, Any] | None
    wrong: str | None
    groups: tuple[Group, ...] = ()
    stream: str = ""
    document: str = ""
    further: str | None = None

    @property
    def shown_view(self) -> str:
        """What kind of figures these are; without ClickHouse there is history alone, whatever was asked for."""
        assert self.body is not None
        away = self.body["evidence"]["store"] == Store.POSTGRESQL
        return VIEWS[View.RECONCILED if away else self.body["view"]]

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns that are shown beside the name."""
        return self.ranking.subject[len(self.ranking.within) : -1]


def panels(api: Api, given: Mapping[str, str], query: Parameters) -> list[Panel]:
    """Every ranking, as far as it can be answered.

    Args:
        api: answers.
        given: the parameters as they were written.
        query: the same, understood.
    """
    kept = {name: value for name, value in given.items() if name in FILTERS}
    return [_panel(api, ranking, kept, query) for ranking in api.rankings]


def lacks(found: list[Panel]) -> list[str]:
    """What the answers lack, each reason once."""
    told = [reason for panel in found if panel.body for reason in panel.body["evidence"]["partial_because"]]
    return list(dict.fromkeys(told))


def choices(api: Api, given: Mapping[str, str], found: list[Panel]) -> dict[str, object]:
    """What the form of the filters offers, and what is chosen."""
    chosen = {name: given.get(name, "") for name in FILTERS}
    chosen["currency"] = chosen["currency"] or api.settings.default_currency
    lines = [line for panel in found for group in panel.groups for line in group.lines]
    countries = sorted({line["country"] for line in lines if line.get("country")})
    return {"currencies": sorted(ISO_4217), "views": list(View), "chosen": chosen, "countries": countries}


def _panel(api: Api, ranking: Ranking, given: Mapping[str, str], query: Parameters) -> Panel:
    try:
        body = _answer(api, ranking, query)
    except Problem as problem:
        return Panel(ranking, None, problem.detail)
    except TidelakeError as error:
        return Panel(ranking, None, told(error))
    written = urlencode(given)
    address = f"/v1/rankings/{ranking.name}"
    further = _further(given, query) if body["next"] else None
    return Panel(
        ranking,
        body,
        None,
        _groups(ranking, body, given),
        f"{address}/stream?{written}",
        f"{address}?{written}",
        further,
    )


def told(error: TidelakeError) -> str:
    """An error as a sentence for people: what was wrong, and what to do."""
    todo = error.todo or "try again in a few seconds"
    return f"{error.wrong[:1].upper()}{error.wrong[1:]}. {todo[:1].upper()}{todo[1:]}."


def _answer(api: Api, ranking: Ranking, query: Parameters) -> dict[str, Any]:
    answer = answered(api, asked(api, ranking.name, query), query)
    return {**with_links(api, answer, query), "next": next_page(api, answer, query)}


LONGEST_LIST = 1000


def _further(given: Mapping[str, str], query: Parameters) -> str | None:
    more = min(LONGEST_LIST, query.limit * 5)
    return f"/?{urlencode({**given, 'limit': more})}" if more > query.limit else None


def _groups(ranking: Ranking, body: Mapping[str, Any], given: Mapping[str, str]) -> tuple[Group, ...]:
    lines = _lines(ranking, body, given)
    by_group = groupby(lines, key=lambda line: ", ".join(str(line[name]) for name in ranking.within))
    return tuple(Group(title, tuple(some)) for title, some in by_group)


def _lines(ranking: Ranking, body: Mapping[str, Any], given: Mapping[str, str]) -> list[Line]:
    longest = max((Decimal(line["amount"]) for line in body["data"]), default=Decimal(0))
    further = {name: value for name, value in given.items() if name not in ("country", "limit")}
    return [
        {
            **line,
            "shown": _name(ranking, line),
            "bar": _bar(Decimal(line["amount"]), longest),
            "why": f"/why/{ranking.name}?{urlencode({**{name: line[name] for name in ranking.subject}, **further})}",
        }
        for line in body["data"]
    ]


def _name(ranking: Ranking, line: Line) -> str:
    """The name that is known for the last of the subject's columns, or its value."""
    key = ranking.subject[-1]
    names = (line.get(label.column) for label in ranking.labels if label.key == key)
    return str(next(names, None) or line[key])


def _bar(amount: Decimal, longest: Decimal) -> str:
    """Percent of the longest, from 0."""
    return f"{max(Decimal(0), amount) / longest * 100:.1f}" if longest > 0 else "0"
