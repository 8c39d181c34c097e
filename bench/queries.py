"""The merged query in ClickHouse: its time over one day and over one year of history, with an hour of live deltas."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bench.figures import Part, percentile
from bench.throughput import Tell
from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from rankings.render.clickhouse import query
from streaming.clickhouse import connect

SUBJECTS, CURRENCIES = 200, ("CHF", "EUR", "GBP", "JPY", "USD")
HISTORIES = {"one day": 1, "one year": 365}
LIVE_SECONDS, DELTAS_A_SECOND = 3600, 100
RUNS = 200
FIRST_DAY = date(2026, 1, 1)
BOUNDARY = datetime(2100, 1, 1, tzinfo=UTC)
"""Later than any real delta, so that a query from here on sees the made ones alone."""
VERSION = 4_000_000_000


def measure(tell: Tell) -> Part:
    """Writes made history and deltas under versions and times of their own, and asks in turn."""
    part = Part("queries", f"The merged query with an hour of live deltas, {RUNS} runs each through clickhouse-connect")
    with closing(connect()) as client:
        try:
            for ranking in RANKINGS:
                tell(f"making history of {ranking.name}")
                _make(client, ranking)
            tell("asking")
            for (name, history), times in _ask(client).items():
                part.add(f"{name}, {history}: p50", "ms", [percentile(times, 0.5) * 1000])
                part.add(f"{name}, {history}: p99", "ms", [percentile(times, 0.99) * 1000])
        finally:
            _drop(client)
    rows = SUBJECTS * len(CURRENCIES)
    part.remarks.append(
        f"history: {SUBJECTS} subjects x {len(CURRENCIES)} currencies = {rows:,} sums a day; "
        f"live: {LIVE_SECONDS * DELTAS_A_SECOND:,} sums of {LIVE_SECONDS:,} seconds"
    )
    return part


def _make(client: Any, ranking: Ranking) -> None:
    """Rows in the columns that both tables share, then those of each."""
    draw = random.Random(1)
    shared = (*ranking.sum_key, "amount", "sales")
    for number, days in enumerate(HISTORIES.values()):
        rows = [(VERSION + number, *row) for day in range(days) for row in _day(ranking, draw, day)]
        client.insert(ranking.reconciled_table, rows, column_names=("version", *shared))
    for minute in range(0, LIVE_SECONDS, 60):
        rows = [row for second in range(minute, minute + 60) for row in _deltas(ranking, draw, second)]
        client.insert(ranking.live_table, rows, column_names=("second", *shared, "records"))


def _drop(client: Any) -> None:
    for ranking in RANKINGS:
        for number in range(len(HISTORIES)):
            client.command(f"ALTER TABLE {ranking.reconciled_table} DROP PARTITION {VERSION + number}")
        client.command(f"ALTER TABLE {ranking.live_table} DROP PARTITION '{BOUNDARY:%Y-%m-%d}'")


def _day(ranking: Ranking, draw: random.Random, day: int) -> Iterator[tuple[Any, ...]]:
    for currency in CURRENCIES:
        for number in range(SUBJECTS):
            yield FIRST_DAY + timedelta(days=day), currency, *_subject(number, ranking), draw.randrange(1, 9999), 3


def _deltas(ranking: Ranking, draw: random.Random, second: int) -> Iterator[tuple[Any, ...]]:
    for pick in draw.sample(range(SUBJECTS * len(CURRENCIES)), DELTAS_A_SECOND):
        currency, number = CURRENCIES[pick % len(CURRENCIES)], pick // len(CURRENCIES)
        at, amount = BOUNDARY + timedelta(seconds=second), draw.randrange(1, 99)
        yield at, FIRST_DAY, currency, *_subject(number, ranking), amount, 1, 1


def _subject(number: int, ranking: Ranking) -> tuple[str, ...]:
    """In twenty countries."""
    return f"Country {number % 20:02}", f"{ranking.subject[1]} {number:03}"


def _ask(client: Any) -> dict[tuple[str, str], list[float]]:
    """Seconds of each run, by ranking and history."""
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(RUNS):
        for ranking in RANKINGS:
            for number, (name, days) in enumerate(HISTORIES.items()):
                times.setdefault((ranking.name, name), []).append(_time(client, ranking, number, days))
    return times


def _time(client: Any, ranking: Ranking, number: int, days: int) -> float:
    parameters = {
        "currency": "EUR",
        "first_day": FIRST_DAY,
        "last_day": FIRST_DAY + timedelta(days=days - 1),
        "limit": 10,
        "versions": [VERSION + number],
        "boundary": BOUNDARY,
    }
    began = time.perf_counter()
    rows = client.query(query(ranking), parameters=parameters).result_rows
    assert rows, "the query found nothing"
    return time.perf_counter() - began
