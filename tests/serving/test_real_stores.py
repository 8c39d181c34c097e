"""The API over a real ClickHouse, PostgreSQL and Redis answers as the oracle does, whatever the deltas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from pydantic import SecretStr

from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from rankings.oracle import Filter
from rankings.ranking import Ranking
from rankings.topics import TOPICS
from runtime.settings import Settings
from serving.compose import Stores, compose, real_stores
from serving.http.app import create_app
from serving.keys import create_key
from tests.serving.world import (
    NOW,
    Caller,
    Change,
    Clock,
    deltas,
    difference,
    expected,
    history,
    sale,
    totals,
    without_names,
)

pytestmark = pytest.mark.servers

CITY = TOP_SALES_PER_CITY.name


@dataclass
class Real:
    """The stores, to be written to; and a caller of the API over them."""

    client: Any
    connection: Any
    caller: Caller
    clock: Clock
    stores: Stores

    def live(self, changes: Sequence[Change]) -> None:
        """As the live job writes."""
        for ranking in RANKINGS:
            rows = [
                [second, *key, total.amount, total.sales, records]
                for second, key, total, records in deltas(ranking, changes)
            ]
            columns = ["second", *ranking.sum_key, "amount", "sales", "records"]
            self.client.insert(ranking.live_table, rows, column_names=columns)

    def reconcile(self, changes: Sequence[Change], boundary: datetime, version: int) -> None:
        """As a reconciliation that builds on the version before it."""
        before = [each for each in changes if each[0] < boundary]
        for ranking in RANKINGS:
            old = self._published_sums(ranking)
            self._insert_difference(ranking, version, totals(ranking, before), old)
            self._insert_totals(ranking, version, totals(ranking, before), boundary)
        self.publish(version, boundary)

    def publish(self, version: int, boundary: datetime) -> None:
        names = [each.name for each in RANKINGS]
        row = [version, boundary, list(range(1, version + 1)), names, datetime.now(UTC)]
        columns = ["version", "boundary", "versions", "rankings", "published_at"]
        self.client.insert("publications", [row], column_names=columns)
        self.clock.forward(seconds=1)

    def seen_through(self, moment: datetime) -> None:
        columns = ["path", "topic", "partition", "committed", "log_end", "seen_through", "measured_at"]
        rows = [["live", each, part, 10, 10 + part, moment, moment] for each in TOPICS for part in (0, 1)]
        self.client.insert("progress", rows, column_names=columns)

    def _published_sums(self, ranking: Ranking) -> dict[Any, Any]:
        return self._sums.get(ranking.name, {})

    def __post_init__(self) -> None:
        self._sums: dict[str, dict[Any, Any]] = {}

    def _insert_difference(self, ranking: Ranking, version: int, new: dict[Any, Any], old: dict[Any, Any]) -> None:
        rows = [[version, *key, total.amount, total.sales] for key, total in difference(new, old).items()]
        self.client.insert(
            ranking.reconciled_table, rows, column_names=["version", *ranking.sum_key, "amount", "sales"]
        )
        self._sums[ranking.name] = new

    def _insert_totals(self, ranking: Ranking, version: int, sums: dict[Any, Any], boundary: datetime) -> None:
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ledger (version, through, versions, status, published_at) OVERRIDING SYSTEM VALUE"
                " VALUES (%s, %s, %s, 'published', now()) ON CONFLICT DO NOTHING",
                (version, boundary, [version]),
            )
            for (day, currency, *subject), total in sums.items():
                cursor.execute(
                    "INSERT INTO totals VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    (version, ranking.name, day, currency, subject, total.amount, total.sales),
                )


@pytest.fixture
def real(clickhouse: SecretStr, platform: SecretStr, valkey: SecretStr) -> Iterator[Real]:
    """Empty stores, and the API over them."""
    import clickhouse_connect
    import redis

    redis.Redis.from_url(valkey.get_secret_value()).flushall()
    settings = Settings(clickhouse=clickhouse, platform_dsn=platform, redis=valkey)
    clock = Clock(NOW)
    connection = psycopg2.connect(platform.get_secret_value())
    with connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE ledger, nights, totals, labels, api_keys, audit CASCADE")
    with clickhouse_connect.get_client(dsn=clickhouse.get_secret_value(), autogenerate_session_id=False) as client:
        for (table,) in client.query(
            "SELECT name FROM system.tables WHERE database = 'tidelake' AND engine LIKE '%MergeTree'"
        ).result_rows:
            client.command(f"TRUNCATE TABLE {table}")
        with connection:
            key = create_key(connection, "test", ["read"])
        stores = real_stores(settings)
        app = create_app(compose(settings, stores, clock=clock))
        yield Real(client, connection, Caller(app.test_client(), key), clock, stores)
    connection.close()


QUESTIONS: tuple[tuple[dict[str, str], Filter], ...] = (
    ({}, Filter("EUR", limit=10)),
    ({"limit": "1"}, Filter("EUR", limit=1)),
    ({"limit": "1000"}, Filter("EUR", limit=1000)),
    ({"currency": "USD", "limit": "2"}, Filter("USD", limit=2)),
    ({"currency": "JPY"}, Filter("JPY", limit=10)),
    ({"country": "Österreich"}, Filter("EUR", country="Österreich", limit=10)),
    ({"country": "日本"}, Filter("EUR", country="日本", limit=10)),
    ({"country": "Côte d'Ivoire"}, Filter("EUR", country="Côte d'Ivoire", limit=10)),
    (
        {"from": "2026-03-28", "to": "2026-03-29"},
        Filter("EUR", date(2026, 3, 28), date(2026, 3, 29), limit=10),
    ),
    ({"from": "2026-03-30"}, Filter("EUR", first_day=date(2026, 3, 30), limit=10)),
)


def check(real: Real, changes: Sequence[Change], view: str = "merged") -> None:
    """Every question about every ranking has the oracle's answer."""
    real.clock.forward(seconds=1)
    for ranking in RANKINGS:
        sums = totals(ranking, changes)
        for parameters, asked in QUESTIONS:
            given = real.caller.answer(ranking.name, view=view, **parameters)
            assert without_names(given["data"]) == expected(ranking, sums, asked), (ranking.name, parameters)


@pytest.mark.parametrize("seed", range(2))
def test_every_answer_is_the_oracles_before_and_after_publications(real: Real, seed: int) -> None:
    changes = history(seed)
    real.live(changes)
    check(real, changes)
    check(real, changes, "live")
    first, second = (changes[at][0].replace(microsecond=0) for at in (150, 300))
    real.reconcile(changes, first, 1)
    check(real, changes)
    real.reconcile(changes, second, 2)
    check(real, changes)
    check(real, [each for each in changes if each[0] < second], "reconciled")


def test_live_deltas_behind_the_boundary_may_go(real: Real) -> None:
    changes = history(9)
    boundary = changes[200][0].replace(microsecond=0)
    real.live(changes)
    real.reconcile(changes, boundary, 1)
    for ranking in RANKINGS:
        real.client.command(f"DELETE FROM {ranking.live_table} WHERE second < toDateTime({int(boundary.timestamp())})")
    check(real, changes)


def test_a_replayed_smaller_row_never_replaces_a_fuller_one(real: Real) -> None:
    changes = [(NOW, sale(str(number))) for number in range(5)]
    real.live(changes)
    real.live(changes[:2])
    assert real.caller.answer(CITY)["data"][0]["amount"] == "50.00"


def test_rows_of_a_run_that_was_not_published_are_never_read(real: Real) -> None:
    changes = history(2)
    boundary = changes[200][0].replace(microsecond=0)
    real.live(changes)
    real.reconcile(changes, boundary, 1)
    columns = ["version", *TOP_SALES_PER_CITY.sum_key, "amount", "sales"]
    row = [2, date(2026, 3, 30), "EUR", "Germany", "Berlin", Decimal("1000000.00"), 1]
    real.client.insert(TOP_SALES_PER_CITY.reconciled_table, [row], column_names=columns)
    check(real, changes)


def test_publishing_an_older_version_is_the_rollback(real: Real) -> None:
    changes = history(4)
    first, second = (changes[at][0].replace(microsecond=0) for at in (150, 300))
    real.live(changes)
    real.reconcile(changes, first, 1)
    real.reconcile(changes, second, 2)
    real.publish(1, first)
    assert real.caller.answer(CITY)["evidence"]["publication"]["version"] == 1
    check(real, changes)


def test_sums_beyond_what_a_float_holds_are_exact(real: Real) -> None:
    amount = Decimal("9999999999999999.99")
    real.live([(NOW, sale(str(number), amount=amount)) for number in range(7)])
    assert real.caller.answer(CITY)["data"][0]["amount"] == "69999999999999999.93"


def test_evidence_comes_from_the_tables(real: Real) -> None:
    changes = history(6)
    real.live(changes)
    boundary = changes[200][0].replace(microsecond=0)
    real.reconcile(changes, boundary, 1)
    real.seen_through(NOW - timedelta(seconds=1))
    columns = ["topic", "partition", "offset", "log_time", "hop", "field", "reason", "key", "payload"]
    refused = [
        ["events.rest", 0, offset, NOW, hop, "", "no", b"k", b"{"] for offset in (1, 2) for hop in ("stream", "batch")
    ]
    told = b'{"source": "till", "sale_id": "7", "amount": 1}'
    refused += [["events.rest", 1, offset, NOW, "stream", "amount", "no", b"k", told] for offset in (1, 2)]
    real.client.insert("quarantine", refused, column_names=columns)
    real.clock.forward(seconds=1)
    evidence = real.caller.answer(CITY)["evidence"]
    assert evidence["quarantine"] == {
        "total": 4,
        "by_topic": {"events.rest": 4},
        "missing_sales": 3,
        "missing_by_source": {"events.rest": 2, "till": 1},
    }
    assert [each["topic"] for each in evidence["freshness"]] == sorted(TOPICS)
    assert {each["lag_records"] for each in evidence["freshness"]} == {1}
    assert {each["lag_seconds"] for each in evidence["freshness"]} == {3.0}
    assert evidence["boundary"] == boundary.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert 0 < Decimal(evidence["live_share"]) < 1
    assert not evidence["partial"], evidence


def test_names_are_the_last_ones_seen(real: Real) -> None:
    real.live([(NOW, sale("1"))])
    columns = ["label", "key", "name", "seen_at"]
    rows = [["salesman", "s1", "Ana", NOW - timedelta(days=1)], ["salesman", "s1", "Ana María", NOW]]
    for row in rows:
        real.client.insert("labels", [row], column_names=columns)
    assert real.caller.answer(TOP_SALESMAN_IN_COUNTRY.name)["data"][0]["salesman"] == "Ana María"


def test_any_number_of_names_is_found(real: Real) -> None:
    ids = [f"{number}".rjust(150, "é") for number in range(1500)]
    real.live([(NOW, sale(each, salesman_id=each, country=f"C{at % 3}")) for at, each in enumerate(ids)])
    rows = [["salesman", each, f"Name {each}", NOW] for each in ids]
    real.client.insert("labels", rows, column_names=["label", "key", "name", "seen_at"])
    lines = real.caller.answer(TOP_SALESMAN_IN_COUNTRY.name, limit=1000)["data"]
    assert len(lines) == 1500
    assert all(line["salesman"] == f"Name {line['salesman_id']}" for line in lines)


def test_postgresqls_totals_are_ranked_as_clickhouse_ranks(real: Real, platform: SecretStr, valkey: SecretStr) -> None:
    changes = history(5)
    real.reconcile(changes, NOW, 1)
    nowhere = SecretStr("http://default:secret@127.0.0.1:9/tidelake")
    app = create_app(compose(Settings(clickhouse=nowhere, platform_dsn=platform, redis=valkey), clock=real.clock))
    caller = Caller(app.test_client(), real.caller.key)
    for ranking in RANKINGS:
        for parameters, asked in QUESTIONS:
            given = caller.answer(ranking.name, **parameters)
            assert given["evidence"]["store"] == "postgresql"
            assert without_names(given["data"]) == expected(ranking, totals(ranking, changes), asked)
    with real.connection, real.connection.cursor() as cursor:
        cursor.execute("INSERT INTO labels VALUES ('salesman', 's1', 'Ana', now())")
    real.clock.forward(hours=1)
    assert '"Ana"' in json.dumps(caller.answer(TOP_SALESMAN_IN_COUNTRY.name, limit=7)["data"])


STATES = ["name", "kind", "topic", "state", "last_error", "last_read_at", "defined", "measured_at"]


def test_a_source_that_stands_still_makes_answers_partial(real: Real) -> None:
    changes = history(3)
    real.live(changes)
    real.reconcile(changes, changes[200][0].replace(microsecond=0), 1)
    real.seen_through(NOW)
    read = NOW - timedelta(seconds=10)
    rows = [
        ["shop", "postgres", "cdc.public.sales", "running", "", None, 1, NOW],
        ["gone", "rest", "events.rest", "stopped", "no more", None, 0, NOW],
        ["till", "files", "events.files", "waiting", "", read, 1, NOW],
    ]
    real.client.insert("source_states", rows, column_names=STATES)
    real.clock.forward(seconds=1)
    evidence = real.caller.answer(CITY)["evidence"]
    assert [(each["name"], each["state"], each["lag_seconds"]) for each in evidence["sources"]] == [
        ("shop", "running", None),
        ("till", "waiting", 12.0),
    ]
    assert not evidence["partial"], evidence
    for state in ("retrying", "stopped"):
        real.clock.forward(seconds=1)
        told = ["till", "files", "events.files", state, "the folder is gone", read, 1, real.clock.at]
        real.client.insert("source_states", [told], column_names=STATES)
        evidence = real.caller.answer(CITY)["evidence"]
        assert evidence["partial_because"] == [
            f"source till (files) is {state}, last read 2026-03-31T11:59:50.000Z: the folder is gone"
        ]
        assert not real.caller.answer(CITY, view="reconciled")["evidence"]["partial"]
    (_, till) = real.caller.get("/v1/freshness").json["sources"]
    assert (till["state"], till["last_error"]) == ("stopped", "the folder is gone")
    early = [*told[:5], NOW - timedelta(days=9), 1, real.clock.at + timedelta(seconds=1)]
    real.client.insert("source_states", [early], column_names=STATES)
    real.clock.forward(seconds=1)
    assert real.caller.answer(CITY, view="reconciled")["evidence"]["partial"]
    real.clock.forward(minutes=1)
    real.seen_through(real.clock.at)
    real.clock.forward(seconds=1)
    lacks = real.caller.answer(CITY)["evidence"]["partial_because"]
    assert "source shop (postgres): it has not been told since" in lacks[0]


def test_runs_that_came_to_nothing_are_told(real: Real) -> None:
    def told() -> Any:
        real.clock.forward(seconds=6)
        found = real.caller.answer(CITY)["evidence"]["reconciliation"]
        assert found == real.caller.get("/v1/freshness").json["reconciliation"]
        return found

    def run(version: int, status: str, error: str | None) -> None:
        with real.connection, real.connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ledger (version, through, versions, status, started_at, finished_at, error)"
                " OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (version, NOW, [version], status, NOW, None if status == "running" else NOW, error),
            )

    no_night = {"last_night": None, "nights_failed": 0}
    assert told() == {"last_success": None, "last_failure": None, "failed_since": 0, **no_night}
    run(1, "failed", "the lake is away")
    assert (told()["last_success"], told()["failed_since"]) == (None, 1)
    run(2, "published", None)
    assert told()["last_success"]["version"] == 2
    assert (told()["last_failure"]["reason"], told()["failed_since"]) == ("the lake is away", 0)
    run(3, "held", "the drift is over the limit")
    run(4, "running", "PostgreSQL does not answer")
    run(5, "running", None)
    found = told()
    assert (found["last_success"]["version"], found["failed_since"]) == (2, 2)
    assert found["last_failure"] == {
        "version": 4, "at": "2026-03-31T12:00:00.000Z", "status": "running", "reason": "PostgreSQL does not answer",
    }  # fmt: skip


def test_nights_that_came_to_nothing_are_told_though_no_run_has(real: Real) -> None:
    def told() -> tuple[Any, int]:
        real.clock.forward(seconds=6)
        found = real.caller.answer(CITY)["evidence"]["reconciliation"]
        assert found["last_failure"] is None
        return found["last_night"], found["nights_failed"]

    def night(ended_at: datetime | None, versions: list[int], error: str | None) -> None:
        """One that holds its lock while it is under way."""
        with real.connection, real.connection.cursor() as cursor:
            cursor.execute(
                "WITH begun AS (INSERT INTO nights (began_at, ended_at, versions, error) VALUES (%s, %s, %s, %s)"
                " RETURNING night) SELECT pg_advisory_lock('nights'::regclass::oid::integer, night) FROM begun",
                (NOW, ended_at, versions, error),
            )

    at = "2026-03-31T12:00:00.000Z"
    night(NOW, [], "ClickHouse does not answer")
    assert told() == ({"at": at, "versions": [], "reason": "ClickHouse does not answer"}, 1)
    night(NOW, [7], "the care of the lake failed")
    assert told() == ({"at": at, "versions": [7], "reason": "the care of the lake failed"}, 2)
    night(NOW, [8, 9], None)
    assert told() == ({"at": at, "versions": [8, 9], "reason": None}, 0)
    night(None, [], None)
    assert told() == ({"at": at, "versions": [8, 9], "reason": None}, 0)
    with real.connection, real.connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")
    assert told() == ({"at": at, "versions": [], "reason": "it was ended before its time"}, 1)
