"""The catalogue of rankings: jobs, tables, routes, cache keys, lineage and docs all iterate it."""

from __future__ import annotations

from rankings.ranking import Ranking, Sum

TOP_SALES_PER_CITY = Ranking(
    name="top-sales-per-city",
    title="Top sales per city",
    subject=("country", "city"),
    within=(),
    measure=Sum("amount"),
)

TOP_SALESMAN_IN_COUNTRY = Ranking(
    name="top-salesman-in-country",
    title="Top salesman in country",
    subject=("country", "salesman_id"),
    within=("country",),
    measure=Sum("amount"),
)

RANKINGS: tuple[Ranking, ...] = (TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY)
"""Every ranking there is."""


def ranking(name: str, among: tuple[Ranking, ...] = RANKINGS) -> Ranking:
    """The ranking of that name.

    Raises:
        KeyError: there is none; the message names those there are.
    """
    for each in among:
        if each.name == name:
            return each
    raise KeyError(f"no ranking {name!r}; there are: {', '.join(each.name for each in among)}")
