"""The lake's copy of the log: table `bronze.log`, made here because Flink SQL cannot say "partitioned by hour"."""

from __future__ import annotations

from runtime.iceberg import CATALOG, python_properties
from runtime.settings import Settings

NAMESPACE, TABLE = "bronze", "log"
BRONZE = f"{CATALOG}.{NAMESPACE}.{TABLE}"


def ensure_bronze(chosen: Settings, table: str = TABLE) -> None:
    """Makes the table `bronze.log` unless it is there: position, key and payload as they came, by hour of log time."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import HourTransform
    from pyiceberg.types import BinaryType, IntegerType, LongType, NestedField, StringType, TimestamptzType

    schema = Schema(
        NestedField(1, "topic", StringType(), required=True),
        NestedField(2, "partition", IntegerType(), required=True),
        NestedField(3, "offset", LongType(), required=True),
        NestedField(4, "key", BinaryType()),
        NestedField(5, "payload", BinaryType()),
        NestedField(6, "log_time", TimestamptzType(), required=True),
    )
    hours = PartitionSpec(PartitionField(6, 1000, HourTransform(), "log_hour"))
    catalog = load_catalog(CATALOG, **python_properties(chosen))
    catalog.create_namespace_if_not_exists(NAMESPACE)
    catalog.create_table_if_not_exists(
        f"{NAMESPACE}.{table}", schema, partition_spec=hours, properties={"format-version": "2"}
    )
