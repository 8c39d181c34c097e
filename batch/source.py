"""The lake compared with the operational database over JDBC, at one moment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from psycopg2 import ProgrammingError
from psycopg2.extensions import cursor as Cursor  # noqa: N812  (it is a class)

from batch import branches, bronze
from batch.bronze import Covered
from batch.kafka import Partition
from batch.ledger import Row
from batch.postgres import connected
from rankings.render import audit, lake
from rankings.render.postgres import SALES_TABLE
from rankings.topics import SHOP_SALES
from runtime.errors import Permanent
from runtime.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MOMENT = timedelta(minutes=1)
"""A change takes this long at most from its commit to the log."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found.

    Attributes:
        moment: of the source's rows (UTC).
        source: how many sales it had then.
        log: how many the log tells of.
        days: business day, currency, count and sum of the source, count and sum of the log, where they differ.
        sales: key, the source's fields and the log's, of each sale that differs; None where one has no such sale.
    """

    moment: datetime
    source: int
    log: int
    days: list[tuple[Any, ...]]
    sales: list[tuple[str, dict[str, Any] | None, dict[str, Any] | None]]


@contextmanager
def one_moment(dsn: str) -> Iterator[tuple[str, datetime]]:
    """A snapshot of the source that other connections can read: its name and time; gone with the block.

    Raises:
        Retryable: the source does not answer.
        Permanent: it is no PostgreSQL, or its sales can't be read.
    """
    scheme = urlsplit(dsn).scheme
    if scheme not in ("postgresql", "postgres"):
        valid = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE (TIDELAKE_SOURCE_DSN)"
        raise Permanent("only a source in PostgreSQL can be compared with", received=scheme or "no URL", valid=valid)
    with connected(dsn, "tidelake-verify", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot(), clock_timestamp()")
        name, at = cursor.fetchone() or ("", datetime.now(UTC))
        _check_readable(cursor)
        yield str(name), at.astimezone(UTC)


def _check_readable(cursor: Cursor) -> None:
    """Spark would tell no more than that one of its jobs has failed."""
    try:
        cursor.execute(audit.readable())
    except ProgrammingError as error:
        raise Permanent(
            "the source's sales can't be read",
            received=str(error).splitlines()[0],
            valid=f"a table {SALES_TABLE} with the columns of a sale, which the role of TIDELAKE_SOURCE_DSN may read",
        ) from error


def compare(
    spark: SparkSession, settings: Settings, base: Row, wanted: Sequence[Partition], note: Callable[[str], None]
) -> Audit:
    """Compares the source with what the lake tells of it: a published version, and what has come since.

    A row of the source agrees if it is what the log told of that sale about the moment: changes on their way are no
    difference.

    Args:
        base: the version that answers are pinned to.
        wanted: the partitions of the source's topic.
        note: is told what is waited for.

    Raises:
        Retryable: the source is away, or the lake is not complete in time.
    """
    with one_moment(settings.source_dsn.get_secret_value()) as (snapshot, moment):
        rows = _read(spark, settings, snapshot).persist()
        rows.createOrReplaceTempView(audit.SOURCE)
        count = rows.count()
    boundary = datetime.fromtimestamp(math.ceil(moment.timestamp()) + 1, UTC)
    bronze.wait_for_marks(spark, frozenset(wanted), boundary, settings.mark_wait_seconds, note)
    certificate = base.certificate
    covered = Covered(base.version, certificate.through, certificate.spans)
    now = branches.snapshot(spark, lake.BRONZE)
    parsed = bronze.parse(spark, bronze.records(spark, datetime.max.replace(tzinfo=UTC), now, covered))
    bound = {"topic": SHOP_SALES, "since": moment - MOMENT}
    told = spark.sql(audit.candidates(), bound).persist()
    told.createOrReplaceTempView(audit.CANDIDATES)
    days = [tuple(row) for row in spark.sql(audit.days(), {"zone": certificate.zone}).collect()]
    sales = [(row.sale_id, _fields(row.source), _fields(row.log)) for row in spark.sql(audit.differing()).collect()]
    found = Audit(moment, count, told.where("is_last AND NOT deleted").count(), days, sales)
    for each in (rows, told, parsed):
        each.unpersist()
    return found


def _read(spark: SparkSession, settings: Settings, snapshot: str) -> Any:
    """Each part is read by a connection of its own, all of them at the same moment."""
    dsn = urlsplit(settings.source_dsn.get_secret_value())
    properties = {
        "user": unquote(dsn.username or ""),
        "password": unquote(dsn.password or ""),
        "driver": "org.postgresql.Driver",
        # Only with this does the driver read in a transaction, which the snapshot belongs to.
        "fetchsize": "10000",
        "sessionInitStatement": (
            f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{snapshot}'"
        ),
    }
    url = f"jdbc:postgresql://{dsn.hostname}:{dsn.port or 5432}{dsn.path}"
    parts = [f"part = {number}" for number in range(audit.PARTS)]
    return spark.read.jdbc(url, audit.source_rows(), predicates=parts, properties=properties).drop("part")


def _fields(row: Any) -> dict[str, Any] | None:
    return None if row is None else row.asDict()
