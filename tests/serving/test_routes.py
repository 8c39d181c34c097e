"""Beyond the top ten: further pages, one subject, periods, comparisons, reasons, evidence, older versions."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rankings.catalogue import TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from rankings.oracle import Filter
from rankings.sale import Sale
from serving.found import Kept
from serving.records import DayPart, DeltaPart, Happened, Published, SaleChange, SaleSeen
from tests.serving.test_http import problem
from tests.serving.world import (
    NOW,
    Caller,
    Change,
    Clock,
    Doubles,
    deltas,
    difference,
    expected,
    history,
    publication,
    sale,
    standing,
    totals,
    without_names,
)

CITY, SALESMAN = TOP_SALES_PER_CITY.name, TOP_SALESMAN_IN_COUNTRY.name
ADDRESS = f"/v1/rankings/{CITY}"
BERLIN = {"country": "Germany", "city": "Berlin"}


def fill(doubles: Doubles, changes: list[Change]) -> list[Change]:
    """The stores hold what the changes say, with a publication in the middle."""
    boundary = changes[len(changes) // 2][0].replace(microsecond=0)
    first = boundary - timedelta(minutes=2)
    sums: dict[Any, Any] = {}
    for ranking in (TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY):
        doubles.deltas.live[ranking.name] = [row[:3] for row in deltas(ranking, changes)]
        before: dict[Any, Any] = {}
        doubles.deltas.reconciled[ranking.name] = {}
        for version, until in ((1, first), (2, boundary)):
            sums = totals(ranking, [each for each in changes if each[0] < until])
            doubles.deltas.reconciled[ranking.name][version] = difference(sums, before)
            before = sums
    one, two = publication(1, first), publication(2, boundary, (1, 2))
    doubles.records.published = [Published(one, 1), Published(two, 1)]
    doubles.deltas.standings = standing(two)
    return changes


@pytest.fixture
def changes(doubles: Doubles) -> list[Change]:
    return fill(doubles, history(7))


@pytest.mark.parametrize("name", [CITY, SALESMAN])
def test_pages_together_are_the_whole_ranking(caller: Caller, changes: list[Change], name: str) -> None:
    whole = caller.answer(name, limit="1000")
    assert whole["next"] is None
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = caller.answer(name, limit="2", **cursor)
        found += page["data"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert sorted(found, key=str) == sorted(whole["data"], key=str)
    assert len(found) > 4


def test_further_pages_stay_at_the_position_of_the_first(
    doubles: Doubles, caller: Caller, changes: list[Change], clock: Clock
) -> None:
    first = caller.answer(CITY, limit="2")
    second = caller.answer(CITY, limit="2", cursor=first["next"])["data"]
    later = NOW + timedelta(seconds=20)
    doubles.deltas.live[CITY] += [row[:3] for row in deltas(TOP_SALES_PER_CITY, [(later, sale(amount=Decimal(10**9)))])]
    doubles.deltas.standings = standing(publication(3, NOW, (1, 2, 3)))
    clock.forward(seconds=30)
    assert caller.answer(CITY, limit="2", cursor=first["next"])["data"] == second


@pytest.mark.parametrize("cursor", ["x", "", "AAAA", "ä", "x" * 400, "eJwDAAAAAAE"])
def test_what_is_no_cursor_is_refused(caller: Caller, cursor: str) -> None:
    (error,) = problem(caller.get(ADDRESS, cursor=cursor), 400)["errors"]
    assert error["parameter"] == "cursor"


def test_a_cursor_belongs_to_its_question(caller: Caller, changes: list[Change]) -> None:
    cursor = caller.answer(CITY, limit="2")["next"]
    problem(caller.get(ADDRESS, cursor=cursor, limit="3"), 400)
    problem(caller.get(f"/v1/rankings/{SALESMAN}", cursor=cursor, limit="2"), 400)
    problem(caller.get("/v1/publications", cursor=cursor), 400)


def test_one_subject_has_the_rank_that_it_has_among_all(caller: Caller, changes: list[Change]) -> None:
    whole = caller.answer(CITY, limit="1000")["data"]
    for line in whole:
        subject = {"country": line["country"], "city": line["city"]}
        if line["country"]:
            given = caller.get(f"{ADDRESS}/subject", **subject).json
            assert given["standing"] == line
            assert given["subject"] == subject
            assert sum(Decimal(each["amount"]) for each in given["data"]) == Decimal(line["amount"])


def test_a_subject_that_never_sold_stands_nowhere(caller: Caller, changes: list[Change]) -> None:
    given = caller.get(f"{ADDRESS}/subject", country="Germany", city="Atlantis").json
    assert (given["standing"], given["data"]) == (None, [])


def test_a_subject_needs_all_of_its_columns_and_no_others(caller: Caller) -> None:
    document = problem(caller.get(f"{ADDRESS}/subject", country="Germany", salesman_id="s1"), 400)
    assert {each["parameter"] for each in document["errors"]} == {"city", "salesman_id"}


@pytest.mark.parametrize(("step", "days"), [("day", 1), ("week", 7), ("month", 31)])
def test_each_period_is_ranked_like_the_answer_of_its_days(
    caller: Caller, changes: list[Change], step: str, days: int
) -> None:
    given = caller.get(f"{ADDRESS}/over-time", step=step, limit="2").json
    periods = sorted({each["period"] for each in given["data"]})
    assert len(periods) >= {"day": 5, "week": 1, "month": 1}[step]
    sums = totals(TOP_SALES_PER_CITY, changes)
    for period in periods:
        first = date.fromisoformat(period)
        last = first + timedelta(days=days - 1)
        lines = [
            {name: value for name, value in line.items() if name != "period"}
            for line in given["data"]
            if line["period"] == period
        ]
        assert lines == expected(TOP_SALES_PER_CITY, sums, Filter("EUR", first, last, limit=2))


def test_two_periods_beside_each_other(caller: Caller, changes: list[Change]) -> None:
    now, before = ("2026-03-30", "2026-03-31"), ("2026-03-27", "2026-03-28")
    days = {"from": now[0], "to": now[1], "against_from": before[0], "against_to": before[1]}
    given = caller.get(f"{ADDRESS}/compare", limit="1000", **days).json
    figures = {(line["country"], line["city"]): line for line in given["data"]}
    for first, last in (now, before):
        alone = caller.answer(CITY, limit="1000", **{"from": first, "to": last})["data"]
        for line in alone:
            both = figures[line["country"], line["city"]]
            found = both if first == now[0] else both["before"]
            assert [found[name] for name in ("rank", "amount", "sales")] == [
                line[name] for name in ("rank", "amount", "sales")
            ]
    for line in given["data"]:
        change = Decimal(line["amount"]) - Decimal(line["before"]["amount"])
        assert Decimal(line["amount_change"]) == change


def test_a_comparison_needs_both_periods_in_order(caller: Caller) -> None:
    document = problem(caller.get(f"{ADDRESS}/compare", **{"from": "2026-01-01", "to": "2026-01-02"}), 400)
    assert {each["parameter"] for each in document["errors"]} == {"against_from", "against_to"}
    days = {"from": "2026-01-01", "to": "2026-01-02", "against_from": "2026-01-02", "against_to": "2026-01-01"}
    (error,) = problem(caller.get(f"{ADDRESS}/compare", **days), 400)["errors"]
    assert error["parameter"] == "against_from"
    assert "against_to" in error["valid"]


def test_evidence_can_be_read_again_and_says_the_same(caller: Caller, changes: list[Change], clock: Clock) -> None:
    for path, parameters in (
        (ADDRESS, {"limit": "3", "country": "Germany"}),
        (f"{ADDRESS}/over-time", {"step": "week"}),
        (f"{ADDRESS}/over-time", {}),
        (f"{ADDRESS}/subject", BERLIN),
        (f"{ADDRESS}/compare", {"from": "2026-03-30", "to": "2026-03-31", "against_from": "2026-03-01",
                                "against_to": "2026-03-29"}),
    ):  # fmt: skip
        given = caller.get(path, **parameters).json
        clock.forward(hours=1)
        again = caller.get(given["evidence"]["link"]).json
        assert again["same"] is True, path
        assert again["data"] == given["data"]
        assert again["publication"]["version"] == 2
        assert caller.get(again["certificate"]).status_code == 200
    first = caller.answer(CITY, limit="2")
    second = caller.answer(CITY, limit="2", cursor=first["next"])
    assert caller.get(second["evidence"]["link"]).json["data"] == second["data"]


def test_evidence_says_so_if_other_figures_come_now(doubles: Doubles, caller: Caller, changes: list[Change]) -> None:
    link = caller.answer(CITY)["evidence"]["link"]
    doubles.deltas.live[CITY] += [row[:3] for row in deltas(TOP_SALES_PER_CITY, [(NOW, sale("late"))])]
    again = caller.get(link).json
    assert (again["same"], again["given"] == again["again"]) == (False, False)
    assert "have arrived since" in again["differs_because"]


def test_a_person_who_is_called_otherwise_now_changes_no_figures(
    doubles: Doubles, caller: Caller, changes: list[Change]
) -> None:
    given = caller.answer(SALESMAN)
    doubles.deltas.labels = dict.fromkeys((line["salesman_id"] for line in given["data"]), "Somebody Else")
    again = caller.get(given["evidence"]["link"]).json
    assert {line["salesman"] for line in again["data"]} == {"Somebody Else"}
    assert (again["same"], again["differs_because"]) == (True, None)


def test_what_is_no_evidence_is_not_found(caller: Caller) -> None:
    for text in ("x", "eJwDAAAAAAE", "%00", "x" * 3000):
        problem(caller.get(f"/v1/evidence/{text}"), 404)


def test_an_older_version_can_be_asked_for(doubles: Doubles, caller: Caller, changes: list[Change]) -> None:
    first = doubles.records.published[0].publication
    given = caller.answer(CITY, as_of="1", view="reconciled", limit="1000")
    sums = totals(TOP_SALES_PER_CITY, [each for each in changes if each[0] < first.boundary])
    assert without_names(given["data"]) == expected(TOP_SALES_PER_CITY, sums, Filter("EUR", limit=1000))
    assert given["evidence"]["publication"]["version"] == 1
    # Merged, it is the same truth: what is not in its history is live.
    assert caller.answer(CITY, as_of="1")["data"] == caller.answer(CITY)["data"]
    document = problem(caller.get(ADDRESS, as_of="99"), 404)
    assert document["received"] == 99


def test_what_care_has_dropped_of_an_older_version_is_not_answered(
    doubles: Doubles, caller: Caller, changes: list[Change]
) -> None:
    boundary = doubles.records.published[0].publication.boundary
    link = caller.answer(CITY, as_of="1")["evidence"]["link"]
    second, limits = timedelta(seconds=1), iter(range(100, 200))

    def answered(**asked: str) -> int:
        # Figures that were read when all of it was there are right, and the cache keeps them.
        return int(caller.get(ADDRESS, limit=str(next(limits)), **asked).status_code)

    doubles.records.left = Kept(2, frozenset({2}), boundary)
    assert [answered(as_of="1", view=view) for view in ("merged", "reconciled", "live")] == [410, 410, 200]
    assert "version 1" in problem(caller.get(f"{ADDRESS}/why", as_of="1", **BERLIN), 410)["detail"]
    problem(caller.get(f"{ADDRESS}/stream", as_of="1", limit=str(next(limits))), 410)
    assert problem(caller.get(link), 410)["type"] == "urn:tidelake:problem:version-not-kept"
    doubles.records.left = Kept(2, frozenset({1, 2}), boundary + second)
    assert [answered(as_of="1", view=view) for view in ("merged", "reconciled", "live")] == [410, 200, 410]
    assert "view=reconciled" in problem(caller.get(ADDRESS, as_of="1", limit="2"), 410)["detail"]
    assert answered(as_of="2") == 200, "the current version needs nothing of that"
    doubles.records.left = Kept(0, frozenset(), boundary)
    assert [answered(as_of="1", view=view) for view in ("merged", "reconciled", "live")] == [200] * 3
    doubles.records.left = Kept(2, frozenset(), boundary + timedelta(days=9))
    assert answered() == 200


def test_why_a_number_is_what_it_is(doubles: Doubles, caller: Caller, changes: list[Change]) -> None:
    day = date(2026, 3, 30)
    doubles.records.days = (DayPart(day, Decimal("7.00"), 2, Decimal("-1.50"), -1),)
    doubles.records.deltas = (DeltaPart(NOW, day, Decimal("-1.50"), -1, 1),)
    one: Sale = sale("42")
    fields = {name: getattr(one, name) for name in Sale.__slots__}
    doubles.lake.seen = (SaleSeen(**fields, topic="cdc.public.sales", partition=1, offset=9, log_time=NOW),)
    place: dict[str, Any] = {"topic": "cdc.public.sales", "partition": 1}
    doubles.lake.newest = (
        SaleChange(**fields, **place, offset=12, log_time=NOW, happened=None, amount_change=None, sales_change=None),
        SaleChange(
            **fields, **place, offset=11, log_time=NOW + timedelta(milliseconds=3),
            happened=Happened.MOVED_AWAY, amount_change=-one.amount, sales_change=-1,
        ),
        SaleChange(
            **fields, **place, offset=10, log_time=NOW - timedelta(seconds=1),
            happened=Happened.CAME, amount_change=one.amount, sales_change=1,
        ),
    )  # fmt: skip
    given = caller.get(f"{ADDRESS}/why", **BERLIN).json
    assert given["days"][0] == {
        "business_day": "2026-03-30", "reconciled_amount": "7.00", "reconciled_sales": 2,
        "live_amount": "-1.50", "live_sales": -1,
    }  # fmt: skip
    assert given["deltas"][0]["records"] == 1
    assert (given["sales"][0]["sale_id"], given["sales"][0]["offset"]) == ("42", 9)
    unknown, moved = given["live_sales"]
    assert (unknown["offset"], unknown["amount"], unknown["happened"]) == (12, "10.00", None)
    assert (unknown["amount_change"], unknown["sales_change"]) == (None, None)
    assert (moved["offset"], moved["amount"], moved["happened"]) == (11, "10.00", "moved away")
    assert (moved["amount_change"], moved["sales_change"]) == ("-10.00", -1)
    doubles.lake.switch.away = True
    without = caller.get(f"{ADDRESS}/why", **BERLIN).json
    assert (without["sales"], without["sales_missing"]) == (None, "the lake does not answer")
    assert (without["live_sales"], without["live_sales_missing"]) == (None, "the lake does not answer")


def test_periods_need_clickhouse(doubles: Doubles, caller: Caller, changes: list[Change]) -> None:
    doubles.deltas.switch.away = True
    doubles.totals.last = publication(2, NOW)
    assert caller.get(ADDRESS).status_code == 200
    assert "periods" in problem(caller.get(f"{ADDRESS}/over-time"), 503)["detail"]
