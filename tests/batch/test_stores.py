"""An error is told as that of the store it is of."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

import pytest

from batch import care
from batch.clickhouse import Store
from batch.ledger import opened
from batch.postgres import add_csv, connected
from rankings.catalogue import RANKINGS
from rankings.render import shapes
from runtime.errors import TidelakeError
from runtime.settings import Settings
from tests.batch.world import World

BREAKS_OFF = """SELECT 'salesman', toString(number), if(throwIf(number > 3000000) = 0, 'name', ''), '2026-01-01'
FROM numbers(4000000)"""


@pytest.mark.servers
def test_what_was_dropped_does_not_come_back_in_the_note_of_what_is_kept(batch_settings: Settings) -> None:
    dsn = batch_settings.platform_dsn.get_secret_value()
    store = Store(batch_settings.clickhouse.get_secret_value(), RANKINGS)
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
        care._stores(store, ledger, care.Kept((3, 5), frozenset({2, 3, 5}), (), 3, 5), RANKINGS)
    assert store.rows(shapes.kept()) == [(5, [3, 5], datetime(2026, 3, 2))]


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
