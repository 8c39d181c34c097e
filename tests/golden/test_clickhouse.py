"""ClickHouse gives the golden answers, wherever the log is cut into history and live deltas."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from rankings.oracle import NOTHING, Entry, Filter, SumKey, Total
from rankings.ranking import Ranking
from rankings.render.clickhouse import View, ddl, query
from tests.golden import cases, deltas
from tests.golden.cases import Case
from tests.golden.deltas import Delta, Live

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHAINED = 100
"""Versions from here on are differences to the one before; those below stand for themselves."""

Row = dict[str, Any]


@pytest.fixture(scope="session")
def connection() -> Iterator[Any]:
    """The engine in this process, in memory."""
    import chdb

    engine: Any = chdb
    made = engine.connect(":memory:")
    made.query("SET max_threads = 1")
    yield made
    made.close()


class Tables:
    """The tables of the rankings, filled with one case."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        for statement in ddl():
            connection.query(statement)

    def fill(self, ranking: Ranking, live: Live, versions: dict[int, dict[SumKey, Total]]) -> None:
        """Replaces all rows of a ranking's tables."""
        rows = [_live_row(ranking, second, key, delta) for (second, key), delta in live.items()]
        self._replace(ranking.live_table, rows)
        sums = [
            _row(ranking, key, total) | {"version": n}
            for n, totals in versions.items()
            for key, total in totals.items()
        ]
        self._replace(ranking.reconciled_table, sums)

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """One more insert."""
        lines = "\n".join(json.dumps(row, default=str, ensure_ascii=False) for row in rows)
        if lines:
            self._connection.query(f"INSERT INTO {table} FORMAT JSONEachRow {lines}")

    def _replace(self, table: str, rows: list[Row]) -> None:
        self._connection.query(f"TRUNCATE TABLE {table}")
        self.add(table, rows)

    def ask(self, ranking: Ranking, asked: Filter, view: View, boundary: datetime, versions: list[int]) -> list[Entry]:
        """The answer's entries."""
        parameters = {
            "currency": asked.currency,
            "first_day": str(max(asked.first_day, date(1970, 1, 1))),
            "last_day": str(min(asked.last_day, date(2149, 6, 6))),
            "limit": 1_000_000 if asked.limit is None else asked.limit,
            "versions": versions,
            "boundary": boundary.strftime("%Y-%m-%d %H:%M:%S.000"),
            **({"country": asked.country} if asked.country else {}),
        }
        text = query(ranking, view, by_country=asked.country is not None)
        text += "\nSETTINGS output_format_json_quote_decimals = 1, output_format_json_quote_64bit_integers = 0"
        answer = str(self._connection.query(text, "JSONCompactEachRow", params=parameters))
        return [_entry(ranking, json.loads(line)) for line in answer.splitlines()]


def _row(ranking: Ranking, key: SumKey, total: Total | Delta) -> Row:
    return dict(zip(ranking.sum_key, key, strict=True)) | {"amount": str(total.amount), "sales": total.sales}


def _live_row(ranking: Ranking, second: datetime, key: SumKey, delta: Delta) -> Row:
    return _row(ranking, key, delta) | {"second": int(second.timestamp()), "records": delta.records}


def _entry(ranking: Ranking, row: list[Any]) -> Entry:
    rank, *subject = row[: 1 + len(ranking.subject)]
    amount, sales = row[1 + len(ranking.subject) :][:2]
    return Entry(rank, tuple(subject), Decimal(amount), sales)


@pytest.fixture(scope="session")
def tables(connection: Any) -> Tables:
    return Tables(connection)


CASES = pytest.mark.parametrize(
    ("case", "ranking"),
    [
        pytest.param(case, ranking, id=f"{case}-{ranking.name}")
        for case in cases.load()
        for ranking in dict.fromkeys(answer.ranking for answer in case.answers)
    ],
)


def fill(tables: Tables, case: Case, ranking: Ranking) -> None:
    """All live deltas; version n is the history before boundary n, and CHAINED + n its difference to the one before."""
    changes = case.changes()
    histories = [deltas.history(ranking, changes, case.zone, boundary) for boundary in case.boundaries()]
    versions = dict(enumerate(histories))
    befores = [{}, *histories]
    versions |= {CHAINED + n: deltas.difference(now, befores[n]) for n, now in enumerate(histories)}
    tables.fill(ranking, deltas.live(ranking, changes, case.zone), versions)


@CASES
def test_the_answer_is_the_same_wherever_the_log_is_cut(tables: Tables, case: Case, ranking: Ranking) -> None:
    fill(tables, case, ranking)
    last = len(case.boundaries()) - 1
    for answer in case.answers_of(ranking):
        assert tables.ask(ranking, answer.asked, View.LIVE, EPOCH, []) == answer.entries
        assert tables.ask(ranking, answer.asked, View.RECONCILED, case.boundaries()[last], [last]) == answer.entries
        for number, boundary in enumerate(case.boundaries()):
            assert tables.ask(ranking, answer.asked, View.MERGED, boundary, [number]) == answer.entries
            chain = [CHAINED + n for n in range(number + 1)]
            assert tables.ask(ranking, answer.asked, View.MERGED, boundary, chain) == answer.entries


@CASES
def test_rows_written_again_or_half_full_change_nothing(tables: Tables, case: Case, ranking: Ranking) -> None:
    live = deltas.live(ranking, case.changes(), case.zone)
    tables.fill(ranking, live, {})
    rows = [_live_row(ranking, second, key, delta) for (second, key), delta in live.items()]
    half = [row | {"amount": "77777.77", "records": row["records"] - 1} for row in rows]
    for again in (half, rows, half):
        tables.add(ranking.live_table, again)
    for answer in case.answers_of(ranking):
        assert tables.ask(ranking, answer.asked, View.LIVE, EPOCH, []) == answer.entries


def test_a_version_that_is_not_in_the_chain_is_not_read(tables: Tables) -> None:
    case = next(case for case in cases.load() if case.name == "inserts")
    for answer in case.answers:
        fill(tables, case, answer.ranking)
        assert tables.ask(answer.ranking, answer.asked, View.RECONCILED, EPOCH, [0]) == []
        assert tables.ask(answer.ranking, answer.asked, View.RECONCILED, EPOCH, []) == []
        assert tables.ask(answer.ranking, answer.asked, View.RECONCILED, EPOCH, [4_711]) == []


def test_the_live_share_is_that_of_all_turnover(connection: Any, tables: Tables) -> None:
    case = next(case for case in cases.load() if case.name == "inserts")
    ranking = case.answers[0].ranking
    fill(tables, case, ranking)
    text = query(ranking, View.MERGED)
    parameters = {"currency": "EUR", "first_day": "2026-01-01", "last_day": "2026-12-31", "limit": 1, "versions": [1]}
    parameters["boundary"] = str(case.boundaries()[1])[:19]
    (row,) = str(connection.query(text, "JSONEachRow", params=parameters)).splitlines()
    told = json.loads(row)
    assert (told["live_turnover"], told["all_turnover"], told["subjects"]) == (72.75, 82.75, 3)


def test_nothing_is_what_is_left_out() -> None:
    assert deltas.difference({("a",): NOTHING}, {}) == {}
