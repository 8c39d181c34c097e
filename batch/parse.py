"""The contract applied to the records of the lake: by the kernel where Spark has it, else in Python workers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog

from rankings.contract import Parsed, parse
from rankings.sale import Deletion, Sale

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_NO_SALE = (None,) * 7


KERNEL = "tidelake.ParsePayload"
"""The contract's parser in Java, as a function of Spark; the jars of the stack hold it."""

SAID = (
    "kind string, source string, sale_id string, occurred_at timestamp, country string, city string, "
    "salesman_id string, salesman string, amount decimal(18, 2), currency string, field string, reason string"
)


def by_kernel(spark: SparkSession, rows: DataFrame) -> DataFrame | None:
    """What each record says, as the kernel tells it; None where Spark has no kernel, and the reference has to do."""
    from pyspark.errors import AnalysisException

    try:
        spark.udf.registerJavaFunction("parse_payload", KERNEL, SAID)
    except AnalysisException:
        structlog.get_logger().warning("the contract is applied by its slow reference", missing=KERNEL)
        return None
    position = ("topic", "partition", "offset", "log_time")
    told = rows.selectExpr(*position, "key", "payload", "parse_payload(payload) AS said")
    raw = (f"CASE WHEN said.kind = 'rejected' THEN {name} END AS {name}" for name in ("key", "payload"))
    return told.selectExpr(*position, "said.*", *raw)


def parsed_batches(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    """For `mapInArrow`: batches of the bronze table's columns in, batches of `PARSED_SCHEMA` out."""
    for batch in batches:
        yield parsed_batch(batch)


def parsed_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """What each record of a batch says, beside its position."""
    import pyarrow as pa

    keys, payloads = batch.column("key").to_pylist(), batch.column("payload").to_pylist()
    said = [_row(parse(payload), key, payload) for key, payload in zip(keys, payloads, strict=True)]
    columns = list(zip(*said, strict=True)) or [()] * len(_said_fields())
    arrays = [pa.array(values, field.type) for values, field in zip(columns, _said_fields(), strict=True)]
    positions = [batch.column(name) for name in ("topic", "partition", "offset", "log_time")]
    names = ["topic", "partition", "offset", "log_time", *(field.name for field in _said_fields())]
    return pa.RecordBatch.from_arrays(positions + arrays, names=names)


def _said_fields() -> list[Any]:
    import pyarrow as pa

    text, raw = pa.string(), pa.binary()
    return [
        *(pa.field(name, text) for name in ("kind", "source", "sale_id")),
        pa.field("occurred_at", pa.timestamp("us", "UTC")),
        *(pa.field(name, text) for name in ("country", "city", "salesman_id", "salesman")),
        pa.field("amount", pa.decimal128(18, 2)),
        *(pa.field(name, text) for name in ("currency", "field", "reason")),
        *(pa.field(name, raw) for name in ("key", "payload")),
    ]


def _row(said: Parsed, key: bytes | None, payload: bytes | None) -> tuple[object, ...]:
    """One row: kind, key of the sale, the sale, then field, reason, key and payload of a refused record."""
    if isinstance(said, Sale):
        sale = (said.occurred_at, said.country, said.city, said.salesman_id, said.salesman, said.amount, said.currency)
        return ("sale", said.source, said.sale_id, *sale, None, None, None, None)
    if isinstance(said, Deletion):
        return ("deletion", said.source, said.sale_id, *_NO_SALE, None, None, None, None)
    reason = getattr(said, "reason", None)
    if reason is None:
        return ("mark", None, None, *_NO_SALE, None, None, None, None)
    return ("rejected", None, None, *_NO_SALE, getattr(said, "field", None), reason, key, payload)
