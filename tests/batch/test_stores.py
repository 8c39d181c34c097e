"""What the stores are asked and told, on one server and on a cluster; an error is told as that of its store."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files

import pytest

from batch import care
from batch.clickhouse import Store
from batch.ledger import opened
from batch.postgres import add_csv, connected
from rankings.catalogue import RANKINGS
from rankings.render import cluster, forget, shapes
from runtime.errors import Permanent, TidelakeError
from runtime.settings import Settings
from tests.batch.world import World

BREAKS_OFF = """SELECT 'salesman', toString(number), if(throwIf(number > 3000000) = 0, 'name', ''), '2026-01-01'
FROM numbers(4000000)"""


@pytest.mark.servers
def test_what_was_dropped_does_not_come_back_in_the_note_of_what_is_kept(batch_settings: Settings) -> None:
    dsn = batch_settings.platform_dsn.get_secret_value()
    store = Store.of(batch_settings)
    store.prepare()
    store.run([("TRUNCATE TABLE care", {})])
    with connected(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS drift, totals, ledger, care CASCADE")
        cursor.execute((files("rankings") / "sql" / "postgres_tables.sql").read_text())
        cursor.execute("INSERT INTO care (live_kept_from) VALUES ('2026-03-02Z')")
    assert store.not_dropped([1, 2]) == [1, 2]
    store.cared(4, [3, 4], datetime(2026, 3, 2, tzinfo=UTC))
    with opened(dsn) as ledger:
        # Gone back to version 3, with a setting that keeps more than before.
        kept = {version: datetime(2026, 3, version, tzinfo=UTC) for version in (3, 5)}
        # A run that began since has brought version 6, and this process has lost the lock to it.
        table, names = RANKINGS[0].reconciled_table, ("version", *RANKINGS[0].sum_key, "amount", "sales")
        store.insert(table, names, [[version, date(2026, 3, 1), "EUR", "X", "Y", Decimal(1), 1] for version in (4, 6)])
        care._stores(store, ledger, care.Kept(kept, frozenset({2, 3, 5}), (), 3, (), 5), RANKINGS)
    assert {4, 6} & set(store.loaded_versions()) == {6}
    store.drop(6)
    assert store.rows(shapes.kept()) == [(5, [3, 5], datetime(2026, 3, 2))]


def alterations() -> list[str]:
    """All that a reconciliation, the night's care and forgetting change and drop in ClickHouse."""
    of_rankings = (statement(each) for each in RANKINGS for statement in (forget.delete_live, forget.delete_drift))
    dropped = cluster.drop_partition("drift", "3"), cluster.drop_partition(RANKINGS[0].live_table, "'2026-01-31'")
    refused = (each for of_sale in (False, True) for each in forget.delete_refused_in_clickhouse(of_sale))
    return [*dropped, *refused, forget.delete_label(), *of_rankings]


@pytest.mark.servers
@pytest.mark.parametrize("statement", alterations())
def test_on_a_cluster_the_local_tables_are_altered(batch_settings: Settings, statement: str) -> None:
    there = cluster.altered(statement, cluster.Cluster("main"))
    assert re.match(r"ALTER TABLE \w+_local ON CLUSTER main (DROP|DELETE|UPDATE) ", there)
    assert ("allow_nondeterministic_mutations" in there) == ("SELECT" in statement)
    valid = re.sub(r"\{\w+:DateTime64\(3\)\}", "'2026-01-31 00:00:00'", re.sub(r"\{\w+:String\}", "'x'", there))
    (first, *_) = Store.of(batch_settings).rows(f"EXPLAIN AST {valid}")
    assert "AlterQuery" in first[0]
    assert cluster.altered(statement, None) == statement


@pytest.mark.servers
def test_what_is_asked_and_changed_on_a_cluster_goes_to_the_cluster(batch_settings: Settings) -> None:
    Store.of(batch_settings).prepare()
    store = Store.of(batch_settings.model_copy(update={"clickhouse_cluster": "elsewhere"}))
    for done in (
        store.prepare,
        store.loaded_versions,
        lambda: store.drop(3),
        lambda: store.drop_live_before(RANKINGS[0], date(2026, 3, 1)),
    ):
        # The engine of one process refuses all that is said to a cluster.
        with pytest.raises(Permanent, match=r"cluster 'elsewhere' not found|Replicated DDL queries are disabled"):
            done()


@pytest.mark.servers
def test_an_answer_of_clickhouse_that_breaks_off_is_not_an_error_of_postgres(world: World) -> None:
    store = Store(world.settings.clickhouse.get_secret_value(), RANKINGS)
    dsn = world.settings.platform_dsn.get_secret_value()
    with (
        pytest.raises(TidelakeError, match=r"^ClickHouse "),
        connected(dsn) as connection,
        store.csv(BREAKS_OFF, {}) as rows,
    ):
        add_csv(connection, "labels", ("label", "key", "name", "seen_at"), rows)
    assert world.postgres("SELECT count(*) FROM labels") == [(0,)]
