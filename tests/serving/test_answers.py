"""An answer sums history and live exactly once, pinned to one publication, and says what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from rankings.oracle import Filter, SumKey, Total
from rankings.ranking import Ranking
from serving.found import Standing
from serving.stores.memory import MemoryDeltas
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

CITY = TOP_SALES_PER_CITY.name
SALESMAN = TOP_SALESMAN_IN_COUNTRY.name


def live_only(store: MemoryDeltas, changes: Sequence[Change]) -> None:
    for ranking in RANKINGS:
        store.live[ranking.name] = [row[:3] for row in deltas(ranking, changes)]


def reconciled(store: MemoryDeltas, changes: Sequence[Change], cuts: list[int]) -> None:
    """As if there had been a reconciliation at each of these positions."""
    boundaries = [changes[cut][0].replace(microsecond=0) for cut in cuts]
    for ranking in RANKINGS:
        before: dict[SumKey, Total] = {}
        for version, boundary in enumerate(boundaries, start=1):
            new = totals(ranking, [change for change in changes if change[0] < boundary])
            store.reconciled.setdefault(ranking.name, {})[version] = difference(new, before)
            before = new
    versions = tuple(range(1, len(cuts) + 1))
    store.standings = standing(publication(versions[-1], boundaries[-1], versions))


@pytest.mark.parametrize("ranking", RANKINGS, ids=lambda ranking: ranking.name)
@pytest.mark.parametrize("seed", range(5))
def test_merged_is_the_oracle_over_all_records(doubles: Doubles, caller: Caller, ranking: Ranking, seed: int) -> None:
    changes = history(seed)
    live_only(doubles.deltas, changes)
    reconciled(doubles.deltas, changes, [100, 250])
    given = caller.answer(ranking.name, limit=3)
    assert without_names(given["data"]) == expected(ranking, totals(ranking, changes), Filter("EUR", limit=3))


def test_before_the_first_publication_everything_is_live(doubles: Doubles, caller: Caller) -> None:
    changes = history(7)
    live_only(doubles.deltas, changes)
    doubles.deltas.standings = standing()
    given = caller.answer(CITY)
    assert given["data"] == expected(TOP_SALES_PER_CITY, totals(TOP_SALES_PER_CITY, changes), Filter("EUR", limit=10))
    assert given["evidence"]["publication"] is None
    assert given["evidence"]["live_share"] == "1"
    assert not given["evidence"]["partial"]


def test_views_show_their_part_alone(doubles: Doubles, caller: Caller) -> None:
    boundary = NOW - timedelta(hours=1)
    changes = [(boundary - timedelta(hours=1), sale("1")), (boundary, sale("2", city="Köln"))]
    live_only(doubles.deltas, changes)
    reconciled(doubles.deltas, changes, [1])
    cities = {
        view: [line["city"] for line in caller.answer(CITY, view=view)["data"]]
        for view in ("live", "reconciled", "merged")
    }
    assert cities == {"live": ["Köln"], "reconciled": ["Berlin"], "merged": ["Berlin", "Köln"]}
    assert caller.answer(CITY)["evidence"]["live_share"] == "0.5"


def test_names_stand_beside_salesmen_and_may_be_unknown(doubles: Doubles, caller: Caller) -> None:
    live_only(doubles.deltas, [(NOW, sale("1")), (NOW, sale("2", salesman_id="s2", amount=sale().amount / 2))])
    doubles.deltas.labels["s1"] = "Ana"
    lines = caller.answer(SALESMAN)["data"]
    assert [(line["salesman_id"], line["salesman"]) for line in lines] == [("s1", "Ana"), ("s2", None)]


def test_an_empty_answer_has_no_live_share(caller: Caller) -> None:
    given = caller.answer(CITY)
    assert given["data"] == []
    assert given["evidence"]["live_share"] == "0"


def test_evidence_tells_publication_freshness_and_quarantine(doubles: Doubles, caller: Caller, clock: Clock) -> None:
    boundary = NOW - timedelta(hours=12)
    doubles.deltas.standings = standing(publication(4, boundary), seen_through=NOW)
    clock.forward(seconds=1.5)
    evidence = caller.answer(CITY)["evidence"]
    assert evidence["publication"] == {
        "version": 4,
        "boundary": "2026-03-31T00:00:00.000Z",
        "published_at": "2026-03-31T00:05:00.000Z",
    }
    assert evidence["boundary"] == "2026-03-31T00:00:00.000Z"
    assert evidence["store"] == "clickhouse"
    assert evidence["answered_at"] == "2026-03-31T12:00:01.500Z"
    assert evidence["quarantine"] == {
        "total": 2,
        "by_topic": {"events.rest": 2},
        "missing_sales": 1,
        "missing_by_source": {"till": 1},
    }
    assert evidence["freshness"][0] == {
        "topic": "cdc.public.sales",
        "seen_through": "2026-03-31T12:00:00.000Z",
        "lag_seconds": 1.5,
        "lag_records": 3,
    }
    assert not evidence["partial"]
    assert evidence["partial_because"] == []


def because(caller: Caller, ranking: str = CITY, **parameters: object) -> str:
    evidence = caller.answer(ranking, **parameters)["evidence"]
    assert evidence["partial"] == bool(evidence["partial_because"])
    return "; ".join(evidence["partial_because"])


def test_partial_without_any_progress(caller: Caller) -> None:
    assert "no progress has been measured" in because(caller)


def test_partial_if_a_source_is_unknown(doubles: Doubles, caller: Caller) -> None:
    whole = standing()
    doubles.deltas.standings = Standing(None, whole.progress[:-1], {})
    assert because(caller) == "events.soap: it is not known how far it has been read"


def test_partial_if_a_source_is_old(doubles: Doubles, caller: Caller, clock: Clock) -> None:
    doubles.deltas.standings = standing()
    clock.forward(seconds=31)
    assert "cdc.public.sales: read up to 2026-03-31T12:00:00.000Z only, more than 30 s ago" in because(caller)
    assert because(caller, view="reconciled") == "nothing has been reconciled yet"


def test_an_answer_that_says_the_same_keeps_its_etag_while_a_source_is_old(
    doubles: Doubles, caller: Caller, clock: Clock
) -> None:
    doubles.deltas.standings = standing()
    clock.forward(seconds=31)
    etags = set()
    for _ in range(3):
        clock.forward(seconds=1)
        etags.add(caller.get(f"/v1/rankings/{TOP_SALES_PER_CITY.name}").headers["ETag"])
    assert len(etags) == 1


def test_partial_if_live_is_behind_the_boundary(doubles: Doubles, caller: Caller) -> None:
    doubles.deltas.standings = standing(publication(1, NOW), seen_through=NOW - timedelta(seconds=2))
    assert "before the boundary" in because(caller)
    assert because(caller, view="reconciled") == ""


def test_a_ranking_that_the_publication_lacks_is_partial_and_all_live(doubles: Doubles, caller: Caller) -> None:
    live_only(doubles.deltas, [(NOW - timedelta(days=1), sale("1"))])
    doubles.deltas.standings = standing(publication(3, NOW - timedelta(hours=1), rankings=(SALESMAN,)))
    assert because(caller) == f"publication 3 has no history of {CITY}: the next reconciliation brings it"
    assert [line["city"] for line in caller.answer(CITY)["data"]] == ["Berlin"]
    assert because(caller, SALESMAN) == ""


def away(doubles: Doubles, changes: Sequence[Change]) -> None:
    """ClickHouse is away, PostgreSQL has totals of version 5."""
    doubles.deltas.switch.away = True
    doubles.totals.last = publication(5, NOW)
    doubles.totals.totals = {ranking.name: {5: totals(ranking, changes)} for ranking in RANKINGS}


@pytest.mark.parametrize("view", ["merged", "reconciled"])
def test_without_clickhouse_the_last_totals_answer_and_say_so(doubles: Doubles, caller: Caller, view: str) -> None:
    changes = history(3)
    away(doubles, changes)
    given = caller.answer(CITY, view=view)
    assert given["data"] == expected(TOP_SALES_PER_CITY, totals(TOP_SALES_PER_CITY, changes), Filter("EUR", limit=10))
    evidence = given["evidence"]
    assert (evidence["store"], evidence["partial"], evidence["quarantine"]) == ("postgresql", True, None)
    assert evidence["publication"]["version"] == 5
    assert "PostgreSQL" in evidence["partial_because"][0]


def test_without_clickhouse_nothing_is_live(doubles: Doubles, caller: Caller) -> None:
    away(doubles, history(3))
    response = caller.get(f"/v1/rankings/{CITY}", view="live")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "view=reconciled" in response.json["detail"]


def test_with_no_store_or_nothing_reconciled_there_is_no_answer(doubles: Doubles, caller: Caller) -> None:
    away(doubles, [])
    doubles.totals.last = None
    assert "nothing has been reconciled" in caller.get(f"/v1/rankings/{CITY}").json["detail"]
    caller.get("/v1/rankings")
    doubles.totals.switch.away = True
    doubles.keys.switch.away = True
    assert caller.get(f"/v1/rankings/{CITY}").status_code == 503


def test_clickhouse_failing_between_two_queries_falls_back_too(doubles: Doubles, caller: Caller) -> None:
    away(doubles, history(3))
    doubles.deltas.switch.away = False
    doubles.deltas.ranked_switch.away = True
    assert caller.answer(CITY)["evidence"]["store"] == "postgresql"


def test_a_new_publication_shows_within_a_tick_and_needs_no_invalidation(
    doubles: Doubles, caller: Caller, clock: Clock
) -> None:
    changes = history(11)
    reconciled(doubles.deltas, changes, [100])
    first = caller.answer(CITY, view="reconciled")
    reconciled(doubles.deltas, changes, [100, 300])
    assert caller.answer(CITY, view="reconciled")["data"] == first["data"]
    clock.forward(milliseconds=250)
    second = caller.answer(CITY, view="reconciled")
    assert second["evidence"]["publication"]["version"] == 2
    assert second["data"] != first["data"]
    doubles.deltas.standings = replace(doubles.deltas.standings, publication=publication(1, NOW, (1,)))
    clock.forward(milliseconds=250)
    assert caller.answer(CITY, view="reconciled")["data"] == first["data"]
