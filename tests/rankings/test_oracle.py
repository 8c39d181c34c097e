"""The oracle's state is what the last records say, and signed deltas telescope to it, however often records come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankings import oracle
from rankings.catalogue import RANKINGS
from rankings.oracle import Entry, Filter, SumKey, Total
from rankings.ranking import Ranking
from rankings.sale import Deletion, Sale
from tests.golden import deltas

Change = Sale | Deletion
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONES = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu")])

SALES = st.builds(
    Sale,
    source=st.sampled_from(["shop", "till"]),
    sale_id=st.sampled_from("abc"),
    occurred_at=st.datetimes(datetime(2026, 3, 28), datetime(2026, 3, 30), timezones=st.just(UTC)),
    country=st.sampled_from(["Germany", "France"]),
    city=st.sampled_from(["Berlin", "Paris", "Köln"]),
    salesman_id=st.sampled_from(["1", "2"]),
    salesman=st.none(),
    amount=st.integers(-500, 500).map(lambda cents: Decimal(cents).scaleb(-2)),
    currency=st.sampled_from(["EUR", "CHF"]),
)
CHANGES = st.lists(SALES | st.builds(Deletion, st.sampled_from(["shop", "till"]), st.sampled_from("abc")), max_size=25)
PAUSES = st.lists(st.integers(0, 1500), min_size=25, max_size=25)


def timed(changes: list[Change], pauses: list[int]) -> list[tuple[datetime, Change]]:
    """The changes at log times that never go back, some within one second."""
    time, placed = START, []
    for change, pause in zip(changes, pauses * (1 + len(changes) // len(pauses)), strict=False):
        time += timedelta(milliseconds=pause)
        placed.append((time, change))
    return placed


def expected(ranking: Ranking, changes: list[Change], zone: ZoneInfo) -> dict[SumKey, Total]:
    return oracle.sums(ranking, oracle.state(changes).values(), zone)


def added_up(rows: deltas.Live) -> dict[SumKey, Total]:
    found: dict[SumKey, Total] = {}
    for (_, key), delta in rows.items():
        found[key] = found.get(key, oracle.NOTHING).plus(delta.amount, delta.sales)
    return {key: total for key, total in found.items() if total != oracle.NOTHING}


@pytest.mark.parametrize("ranking", RANKINGS, ids=lambda ranking: ranking.name)
class TestDeltas:
    @given(CHANGES, PAUSES, ZONES)
    def test_they_telescope_to_the_latest_state(
        self, ranking: Ranking, changes: list[Change], pauses: list[int], zone: ZoneInfo
    ) -> None:
        rows = deltas.live(ranking, timed(changes, pauses), zone)
        assert added_up(rows) == expected(ranking, changes, zone)

    @given(CHANGES, PAUSES, st.data())
    def test_a_replay_from_any_point_changes_no_sum(
        self, ranking: Ranking, changes: list[Change], pauses: list[int], data: st.DataObject
    ) -> None:
        zone = ZoneInfo("UTC")
        start = data.draw(st.integers(0, len(changes)))
        end = data.draw(st.integers(start, len(changes)))
        replayed = [*changes[:end], *changes[start:]]
        assert added_up(deltas.live(ranking, timed(replayed, pauses), zone)) == expected(ranking, changes, zone)

    @given(CHANGES, PAUSES, st.integers(0, 40))
    def test_history_and_deltas_meet_at_any_second(
        self, ranking: Ranking, changes: list[Change], pauses: list[int], seconds: int
    ) -> None:
        zone, boundary = ZoneInfo("UTC"), START + timedelta(seconds=seconds)
        placed = timed(changes, pauses)
        rows = {at: delta for at, delta in deltas.live(ranking, placed, zone).items() if at[0] >= boundary}
        found = deltas.history(ranking, placed, zone, boundary)
        for (_, key), delta in rows.items():
            found[key] = found.get(key, oracle.NOTHING).plus(delta.amount, delta.sales)
        found = {key: total for key, total in found.items() if total != oracle.NOTHING}
        assert found == expected(ranking, changes, zone)

    @given(CHANGES, st.randoms())
    def test_the_order_of_different_sales_does_not_matter(
        self, ranking: Ranking, changes: list[Change], random: object
    ) -> None:
        by_sale: dict[object, list[Change]] = {}
        for change in changes:
            by_sale.setdefault(change.key, []).append(change)
        keys = [change.key for change in changes]
        random.shuffle(keys)  # type: ignore[attr-defined]
        shuffled = [by_sale[key].pop(0) for key in keys]
        zone = ZoneInfo("UTC")
        assert expected(ranking, shuffled, zone) == expected(ranking, changes, zone)

    @given(st.lists(SALES, max_size=25))
    def test_an_answer_has_each_subject_once_in_a_total_order(self, ranking: Ranking, sales: list[Sale]) -> None:
        totals = oracle.sums(ranking, oracle.state(sales).values(), ZoneInfo("UTC"))
        entries = oracle.answer(ranking, totals, Filter("EUR"))
        assert len({entry.subject for entry in entries}) == len(entries)
        for before, after in pairwise(entries):
            group = before.subject[: len(ranking.within)]
            if group == after.subject[: len(ranking.within)]:
                assert after.rank == before.rank + 1
                assert (-before.amount, before.subject) < (-after.amount, after.subject)
            else:
                assert group < after.subject[: len(ranking.within)]
                assert after.rank == 1

    @given(st.lists(SALES, max_size=25), st.integers(1, 3))
    def test_a_limit_cuts_the_whole_answer(self, ranking: Ranking, sales: list[Sale], limit: int) -> None:
        totals = oracle.sums(ranking, oracle.state(sales).values(), ZoneInfo("UTC"))
        whole = oracle.answer(ranking, totals, Filter("EUR"))
        cut = oracle.answer(ranking, totals, Filter("EUR", limit=limit))
        assert cut == [entry for entry in whole if entry.rank <= limit]


def test_days_are_counted_from_the_first_to_the_last() -> None:
    totals: dict[SumKey, Total] = {
        (date(2026, 3, day), "EUR", "Germany", "Berlin"): Total(Decimal(day), 1) for day in (1, 2, 3, 4)
    }
    asked = Filter("EUR", first_day=date(2026, 3, 2), last_day=date(2026, 3, 3))
    assert oracle.answer(RANKINGS[0], totals, asked) == [Entry(1, ("Germany", "Berlin"), Decimal(5), 2)]
