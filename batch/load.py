"""Loading from Spark's tasks: differences, names and refused records to ClickHouse, totals and names to PostgreSQL.

Rows go out from where they are, a batch at a time, so that no process has to hold them all. A task that Spark tries
again writes the same rows again: ClickHouse's tables replace them, PostgreSQL leaves those that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from batch.clickhouse import connected as clickhouse
from batch.postgres import add_csv, array_of
from batch.postgres import connected as postgres
from rankings.ranking import Label, Ranking
from rankings.render import spark as render
from runtime.errors import Retryable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Batches = Iterable[Any]
ATTEMPTS = 6
UPSERT_NAMES = """
INSERT INTO labels (label, key, name, seen_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (label, key) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at
WHERE labels.seen_at <= excluded.seen_at
"""


def refused(spark: SparkSession, clickhouse_dsn: str) -> int:
    """The refused records of the view `parsed`, for ClickHouse's quarantine; how many they were."""
    from pyspark.sql.functions import coalesce, col, lit

    text = {name: coalesce(col(name), lit(b"" if name != "field" else "")) for name in ("field", "key", "payload")}
    rows = spark.sql(render.refused()).withColumns({**text, "hop": lit("batch")})
    return _into_clickhouse(rows, "quarantine", clickhouse_dsn)


def names(spark: SparkSession, labels: tuple[Label, ...], clickhouse_dsn: str, postgres_dsn: str) -> None:
    """The names last seen, from the view `parsed`, for both stores."""
    for label in labels:
        rows = spark.sql(render.names(label))
        _into_clickhouse(rows, "labels", clickhouse_dsn)
        _run(rows, partial(_counted, partial(_upsert_names, postgres_dsn)))


def difference(rows: DataFrame, ranking: Ranking, version: int, clickhouse_dsn: str) -> int:
    """A version's changed sums of a ranking, for ClickHouse; how many they were."""
    from pyspark.sql.functions import lit

    return _into_clickhouse(rows.withColumn("version", lit(version)), ranking.reconciled_table, clickhouse_dsn)


def totals(rows: DataFrame, ranking: Ranking, version: int, postgres_dsn: str) -> int:
    """A version's changed sums of a ranking, for PostgreSQL; how many they were."""
    return _run(rows, partial(_counted, partial(_add_totals, postgres_dsn, ranking.subject, (version, ranking.name))))


def _into_clickhouse(rows: DataFrame, table: str, dsn: str) -> int:
    """Inserts rows by the names of their columns."""
    return _run(rows, partial(_counted, partial(_insert, dsn, table)))


def _run(rows: DataFrame, write: Callable[[Batches], Batches]) -> int:
    """Has Spark's tasks write all rows; how many they were.

    Raises:
        Retryable: a store refused, after several attempts.
    """
    from pyspark.errors import PythonException

    try:
        counts = rows.mapInArrow(write, "rows bigint").collect()
    except PythonException as error:
        last = str(error).strip().splitlines()[-1]
        raise Retryable("a store did not take the rows", received=last, todo="run it again once it is up") from error
    return sum(row.rows for row in counts)


def _counted(write: Callable[[pa.RecordBatch], None], batches: Batches) -> Batches:
    """For `mapInArrow`: writes every batch, with attempts while the store is away; the counts of their rows."""
    import pyarrow as pa
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    attempts = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(max=8),
        retry=retry_if_exception_type(Retryable),
        reraise=True,
    )
    for batch in batches:
        if batch.num_rows:
            attempts.copy()(write, batch)
        yield pa.RecordBatch.from_arrays([pa.array([batch.num_rows], pa.int64())], names=["rows"])


def _insert(dsn: str, table: str, batch: pa.RecordBatch) -> None:
    import pyarrow as pa

    with clickhouse(dsn) as client:
        client.insert_arrow(table, pa.Table.from_batches([batch]))


def _add_totals(dsn: str, subject: tuple[str, ...], constants: tuple[int, str], batch: pa.RecordBatch) -> None:
    import io

    import pyarrow as pa
    from pyarrow import csv

    columns = ("version", "ranking", "business_day", "currency", "subject", "amount", "sales")
    same = [pa.repeat(value, batch.num_rows) for value in constants]
    subjects = array_of([batch.column(name) for name in subject])
    values = [*same, *map(batch.column, columns[2:4]), subjects, *map(batch.column, columns[5:])]
    rows = io.BytesIO()
    csv.write_csv(pa.table(values, names=list(columns)), rows, csv.WriteOptions(include_header=False))
    rows.seek(0)
    with postgres(dsn) as connection:
        add_csv(connection, "totals", columns, rows)


def _upsert_names(dsn: str, batch: pa.RecordBatch) -> None:
    from psycopg2.extras import execute_batch

    rows = [tuple(row.values()) for row in batch.select(["label", "key", "name", "seen_at"]).to_pylist()]
    with postgres(dsn) as connection, connection.cursor() as cursor:
        execute_batch(cursor, UPSERT_NAMES, sorted(rows), page_size=500)
