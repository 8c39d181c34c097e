"""An error is told as that of the store it is of."""

from __future__ import annotations

import pytest

from batch.clickhouse import Store
from batch.postgres import add_csv, connected
from rankings.catalogue import RANKINGS
from runtime.errors import TidelakeError
from tests.batch.world import World

BREAKS_OFF = """SELECT 'salesman', toString(number), if(throwIf(number > 3000000) = 0, 'name', ''), '2026-01-01'
FROM numbers(4000000)"""


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
