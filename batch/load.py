"""Loading from Spark's tasks: differences, names and refused records to ClickHouse, totals and names to PostgreSQL.

Rows go out from where they are, a batch at a time, so that no process has to hold them all; few are written by this
process, since to start Spark's Python workers takes longer. A task that Spark tries again writes the same rows again:
ClickHouse's tables replace them, PostgreSQL leaves those that it has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from batch.clickhouse import connected as clickhouse
from batch.gold import Difference
from batch.postgres import add_csv, array_of
from batch.postgres import connected as postgres
from rankings.ranking import Label, Ranking
from rankings.render import spark as render
from runtime.errors import Retryable, TidelakeError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Batches = Iterable[Any]
Write = Callable[[Any], None]
ATTEMPTS = 6

MOST_ROWS_WRITTEN_HERE = 500_000
"""So many rows are collected and written by this process, some hundred megabytes at most; more, by Spark's tasks."""

UPSERT_NAMES = """
INSERT INTO labels (label, key, name, seen_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (label, key) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at
WHERE labels.seen_at <= excluded.seen_at
"""


def refused(spark: SparkSession, clickhouse_dsn: str, most: int) -> None:
    """The refused records of the view `parsed`, at most so many, for ClickHouse's quarantine."""
    from pyspark.sql.functions import coalesce, col, lit

    text = {name: coalesce(col(name), lit(b"" if name != "field" else "")) for name in ("field", "key", "payload")}
    rows = spark.sql(render.refused()).withColumns({**text, "hop": lit("batch")})
    _written(rows, most, partial(_insert, clickhouse_dsn, "quarantine", {}))


def names(spark: SparkSession, labels: tuple[Label, ...], clickhouse_dsn: str, postgres_dsn: str) -> None:
    """The names last seen, from the view `parsed`, for both stores."""
    for label in labels:
        to_clickhouse, to_postgres = (
            partial(_insert, clickhouse_dsn, "labels", {}),
            partial(_upsert_names, postgres_dsn),
        )
        # All records are looked through once, not once for each store.
        found = spark.sql(render.names(label)).persist()
        _written(found, found.count(), to_clickhouse, to_postgres)
        found.unpersist()


def difference(found: Difference, ranking: Ranking, version: int, clickhouse_dsn: str, postgres_dsn: str) -> None:
    """A version's changed sums of a ranking, for both stores."""
    to_clickhouse = partial(_insert, clickhouse_dsn, ranking.reconciled_table, {"version": version})
    to_postgres = partial(_add_totals, postgres_dsn, ranking.subject, (version, ranking.name))
    rows = found.rows.select(*ranking.sum_key, "amount", "sales")
    _written(rows, found.checksum.rows, to_clickhouse, to_postgres)


def _written(rows: DataFrame, most: int, *writes: Write) -> None:
    """Writes all rows, of which there are at most so many, to each of some stores.

    Raises:
        Retryable: a store refused, after several attempts.
    """
    from psycopg2 import Error
    from pyspark.errors import PythonException

    try:
        if most <= MOST_ROWS_WRITTEN_HERE:
            batches = rows.toArrow().combine_chunks().to_batches()
            for write in writes:
                deque(_counted(write, batches), maxlen=0)
        else:
            for write in writes:
                rows.mapInArrow(partial(_counted, write), "rows bigint").collect()
    except (PythonException, TidelakeError, Error) as error:
        last = str(error).strip().splitlines()[-1]
        raise Retryable("a store did not take the rows", received=last, todo="run it again once it is up") from error


def _counted(write: Write, batches: Batches) -> Batches:
    """For `mapInArrow`, too: writes every batch, with attempts while the store is away; the counts of their rows."""
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


def _insert(dsn: str, table: str, constants: Mapping[str, int], batch: pa.RecordBatch) -> None:
    import pyarrow as pa

    rows = pa.Table.from_batches([batch])
    for name, value in constants.items():
        rows = rows.append_column(name, pa.repeat(value, len(rows)))
    with clickhouse(dsn) as client:
        client.insert_arrow(table, rows)


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
