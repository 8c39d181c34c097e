"""The kernel says of every payload what the reference says, in Spark's columns."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from batch.parse import by_kernel, parsed_batches
from rankings.contract import KEY_RULES, SALE_RULES
from rankings.render.lake import PARSED_SCHEMA
from tests.batch.world import BRONZE_SCHEMA
from tests.golden import payloads
from tests.golden.payloads import with_
from tests.streaming.test_kernel_contract import AS_A_WHOLE, EDGES, ODD, VALUES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.servers

AT = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = [*(rule.field for rule in (*KEY_RULES, *SALE_RULES)), "deleted", "mark", "x"]


def sent() -> list[bytes | None]:
    """Payloads of every kind, and some made up."""
    draw = random.Random("payloads for Spark")
    made = [with_(**{name: draw.choice([*VALUES, *ODD]) for name in draw.sample(NAMES, 2)}) for _ in range(1000)]
    return [*(each.payload for each in payloads.bad()), *(each.payload for each in payloads.good()), *EDGES, *made]


def comparable(said: DataFrame) -> list[tuple[object, ...]]:
    """The rows in order; libraries word it differently where a payload is no JSON, and see another field first."""
    rows = []
    for row in said.orderBy("offset").collect():
        told = row.asDict()
        if (told["reason"] or "").startswith(AS_A_WHOLE):
            told |= {"reason": "not JSON", "field": None}
        rows.append(tuple(told.values()))
    return rows


def test_every_payload_gets_the_same_verdict(spark: SparkSession) -> None:
    rows = [("events.files", 0, offset, b"key", payload, AT) for offset, payload in enumerate(sent())]
    log = spark.createDataFrame(rows, BRONZE_SCHEMA)
    told = by_kernel(spark, log)
    assert told is not None
    expected = comparable(log.mapInArrow(parsed_batches, PARSED_SCHEMA))
    found = comparable(told)
    assert told.columns == log.mapInArrow(parsed_batches, PARSED_SCHEMA).columns
    differ = [(a, b) for a, b in zip(expected, found, strict=True) if a != b]
    assert not differ[:5]
    assert len(found) == len(rows)
