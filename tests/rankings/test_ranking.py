"""A ranking that the engines could not understand cannot be made."""

from __future__ import annotations

from typing import Any

import pytest

from rankings import catalogue, topics
from rankings.catalogue import RANKINGS, TOP_SALESMAN_IN_COUNTRY
from rankings.ranking import SALESMAN, Ranking, Sum

GOOD: dict[str, Any] = {
    "name": "top-x",
    "title": "Top X",
    "subject": ("country", "city"),
    "within": ("country",),
    "measure": Sum("amount"),
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[
            ("name", name)
            for name in ("", "Top-x", "top_x", "top-", "-top", "top--x", "1-top", "top x", "x; DROP TABLE")
        ],
        *[("subject", subject) for subject in ((), ("amount",), ("country", "password"), ("country; --",))],
        *[("within", within) for within in (("city",), ("country", "city", "salesman_id"), ("salesman_id",))],
        *[("measure", Sum(column)) for column in ("", "city", "amount)", "sales")],
    ],
)
def test_what_is_not_known_is_refused(field: str, value: object) -> None:
    Ranking(**GOOD)
    with pytest.raises(ValueError, match=r"\w"):
        Ranking(**{**GOOD, field: value})


def test_names_of_tables_follow_from_the_name() -> None:
    made = Ranking(**GOOD)
    assert (made.live_table, made.reconciled_table, made.gold_table) == ("live_top_x", "reconciled_top_x", "top_x")
    assert made.sum_key == ("business_day", "currency", "country", "city")


def test_a_name_is_shown_beside_the_column_that_it_describes() -> None:
    assert TOP_SALESMAN_IN_COUNTRY.labels == (SALESMAN,)
    assert Ranking(**GOOD).labels == ()


def test_a_ranking_is_found_by_its_name() -> None:
    assert [catalogue.ranking(each.name) for each in RANKINGS] == list(RANKINGS)
    with pytest.raises(KeyError, match="top-sales-per-city"):
        catalogue.ranking("top-of-nothing")


def test_the_topics_that_carry_sales_are_known_by_their_names() -> None:
    assert all(map(topics.carries_sales, (*topics.TOPICS, "cdc.branch.public.sales", "events.till-7")))
    others = ("events", "events.", "xevents.files", "connect-offsets", "raw.branch", "events.a b", "source-positions")
    assert not any(map(topics.carries_sales, others))
