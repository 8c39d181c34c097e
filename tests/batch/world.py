"""What a reconciliation's tests write to the lake and read from the stores."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg2

from batch.clickhouse import connected
from batch.progress import Progress
from batch.reconcile import AlreadyPublished, Published, reconcile
from rankings.catalogue import RANKINGS
from rankings.oracle import SumKey, Total, state, sums
from rankings.ranking import Ranking
from rankings.render import clickhouse
from rankings.render.lake import BRONZE
from rankings.sale import Deletion, Sale
from runtime.settings import Settings
from tests.batch.log import Log, Record, partitions

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

BRONZE_SCHEMA = "topic string, partition int, offset bigint, key binary, payload binary, log_time timestamp"
TABLES = (
    *("publications", "care", "quarantine", "progress", "labels", "drift", "live_zones"),
    *(name for ranking in RANKINGS for name in (ranking.live_table, ranking.reconciled_table)),
)
"""Those of ClickHouse that a test may write to."""


@dataclass
class World:
    """The lake and the stores."""

    settings: Settings
    spark: SparkSession

    def clear(self) -> None:
        """Empties all of it. A table that the catalogue does not name is gone, as one that is dropped."""
        for name in ("bronze", "silver", "gold"):
            self.spark.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.{name}")
        self.clear_postgres()
        self.spark.sql(f"CREATE TABLE {BRONZE} ({BRONZE_SCHEMA}) USING iceberg")
        self.spark.sql(f"ALTER TABLE {BRONZE} ADD PARTITION FIELD hours(log_time) AS log_hour")
        self.clear_clickhouse()

    def clear_postgres(self) -> None:
        """Makes its tables anew, and empties the lake's catalogue, which is there once Spark has used it."""
        self.postgres("DROP TABLE IF EXISTS drift, totals, ledger, nights, care, labels, api_keys CASCADE")
        self.postgres((files("rankings") / "sql" / "postgres_tables.sql").read_text())
        self.postgres("DELETE FROM iceberg_tables")

    def clear_clickhouse(self) -> None:
        """Makes its tables, and empties them."""
        with connected(self.settings.clickhouse.get_secret_value()) as client:
            for statement in clickhouse.ddl():
                client.command(statement)
            for table in TABLES:
                client.command(f"TRUNCATE TABLE {table}")

    def write(self, records: Iterable[Record]) -> None:
        """Appends records to bronze, as the lake job does."""
        # From tuples Spark would make rows by Python workers.
        self.spark.createDataFrame(arrow(records), BRONZE_SCHEMA).writeTo(BRONZE).append()

    def reconcile(
        self,
        through: datetime,
        progress: Progress | None = None,
        among: tuple[Ranking, ...] = RANKINGS,
        *,
        full: bool = False,
        accepted: str | None = None,
    ) -> Published | AlreadyPublished:
        """A reconciliation over this world."""
        return reconcile(
            through,
            self.settings,
            full=full,
            accepted=accepted,
            progress=progress,
            among=among,
            partitions=lambda _: partitions(),
        )

    def published(self, ranking: Ranking) -> dict[SumKey, tuple[Any, int]]:
        """What the current publication's chain adds up to in ClickHouse."""
        keys = ", ".join(ranking.sum_key).replace("currency", "toString(currency)")
        chain = self.clickhouse("SELECT versions FROM publications ORDER BY published_at DESC LIMIT 1")[0][0]
        rows = self.clickhouse(
            f"SELECT {keys}, sum(amount) AS total, sum(sales) AS count FROM {ranking.reconciled_table} FINAL "
            f"WHERE version IN ({', '.join(map(str, chain))}) GROUP BY {keys} HAVING total != 0 OR count != 0"
        )
        return {tuple(row[:-2]): (row[-2], row[-1]) for row in rows}

    def totals(self, ranking: Ranking, version: int) -> dict[SumKey, tuple[Any, int]]:
        """The totals that a version's chain adds up to in PostgreSQL."""
        rows = self.postgres(
            "SELECT business_day, currency, subject, sum(amount), sum(sales) FROM totals WHERE ranking = %s AND "
            "version = ANY((SELECT versions FROM ledger WHERE version = %s)::integer[]) "
            "GROUP BY 1, 2, 3 HAVING sum(sales) != 0",
            (ranking.name, version),
        )
        return {(day, currency, *subject): (amount, sales) for day, currency, subject, amount, sales in rows}

    def expected(self, ranking: Ranking, records: Iterable[Record]) -> dict[SumKey, tuple[Any, int]]:
        """The oracle's sums over records."""
        said = [record.said for record in records]
        changes = [each for each in said if isinstance(each, Sale | Deletion)]
        totals = sums(ranking, state(changes).values(), ZoneInfo(self.settings.business_time_zone))
        return {key: _plain(total) for key, total in totals.items()}

    def clickhouse(self, text: str) -> list[Any]:
        """The rows of a query."""
        with connected(self.settings.clickhouse.get_secret_value()) as client:
            return list(client.query(text).result_rows)

    def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Rows for a table of ClickHouse, if there are any."""
        if not rows:
            return
        with connected(self.settings.clickhouse.get_secret_value()) as client:
            client.insert(table, [list(row.values()) for row in rows], column_names=list(rows[0]))

    def postgres(self, text: str, values: tuple[object, ...] = ()) -> list[Any]:
        """The rows of a query."""
        dsn = self.settings.platform_dsn.get_secret_value()
        with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchall() if cursor.description else []

    def ledger(self) -> list[tuple[int, str]]:
        """Version and status of every row."""
        return self.postgres("SELECT version, status FROM ledger ORDER BY version")

    def gold(self, ranking: Ranking) -> list[tuple[Any, ...]]:
        """The sums as they stand in the lake."""
        return [tuple(row) for row in self.spark.table(f"lake.gold.{ranking.gold_table}").collect()]


def arrow(records: Iterable[Record]) -> pa.Table:
    """Records as bronze has them."""
    import pyarrow as pa

    types = {"topic": pa.string(), "partition": pa.int32(), "offset": pa.int64(), "key": pa.binary()}
    types |= {"payload": pa.binary(), "log_time": pa.timestamp("us", "UTC")}
    return pa.Table.from_pylist([{name: getattr(each, name) for name in types} for each in records], pa.schema(types))


def grown(world: World, log: Log, count: int) -> datetime:
    """Adds records to the log and to the lake; the boundary behind them, whose marks are in the lake."""
    written = len(log.records)
    log.grow(count)
    log.now += timedelta(seconds=1)
    log.mark()
    world.write(log.records[written:])
    return log.now


def published(world: World, through: datetime) -> Published:
    """A reconciliation that has something to do."""
    outcome = world.reconcile(through)
    assert isinstance(outcome, Published)
    return outcome


def _plain(total: Total) -> tuple[Any, int]:
    return total.amount, total.sales


def utc(text: str) -> datetime:
    """A time of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
