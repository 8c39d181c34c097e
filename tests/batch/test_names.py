"""The name last seen for a key, whatever lies between its records in the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rankings.ranking import SALESMAN
from rankings.render import spark as render

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.servers

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
FAR = 2**62
"""An offset that a number of 64 bits can't hold beside a time."""


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        # partition, offset, log time, name
        ([(0, FAR, AT, "Ann"), (0, FAR + 1, AT, "Anna"), (0, FAR - 1, AT, "Anne")], ("Anna", AT)),
        ([(0, 1, AT + MOMENT, "Ann"), (0, FAR, AT, "Anna")], ("Ann", AT + MOMENT)),
        ([(0, FAR, AT, "Ann"), (1, 0, AT, "Anna")], ("Anna", AT)),
        ([(1, 0, AT, "Ann"), (0, 0, AT + MOMENT, "Anna")], ("Anna", AT + MOMENT)),
        ([(0, 1, AT, "Ann"), (0, 2, AT, "Anna"), (0, 3, AT, "Ann")], ("Ann", AT)),
        ([(0, 1, AT, "Ann"), (0, 2, AT + MOMENT, None)], ("Ann", AT)),
        ([(0, 1, datetime(1969, 12, 31, tzinfo=UTC), "Ann"), (0, 0, AT, "Anna")], ("Anna", AT)),
    ],
    ids=["same time", "the log's clock", "partitions at one time", "partitions", "again", "no name", "before 1970"],
)
def test_the_last_in_the_logs_order(
    spark: SparkSession, rows: list[tuple[int, int, datetime, str | None]], last: tuple[str, datetime]
) -> None:
    columns = "partition int, offset bigint, log_time timestamp, salesman string"
    told = spark.createDataFrame(rows, columns).selectExpr("'t' AS topic", "'sale' AS kind", "'S1' AS salesman_id", "*")
    told.createOrReplaceTempView(render.PARSED)
    found = spark.sql(render.names(SALESMAN)).toArrow().to_pylist()
    assert found == [{"label": "salesman", "key": "S1", "name": last[0], "seen_at": last[1]}]
