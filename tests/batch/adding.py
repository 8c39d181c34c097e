"""Somebody who adds to the lake while something else is done with it, as the lake job does, only faster."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from rankings.render.lake import BRONZE
from tests.batch.log import Record
from tests.batch.world import World, arrow

PARTITION = 9
"""Of no other record."""


class Adding:
    """Commits one record after the other while the block runs; its error is raised at the block's end.

    It commits by Iceberg alone: with each commit of its own, Spark computes anew what it keeps of that table.
    """

    def __init__(self, world: World) -> None:
        self._world, self._ended, self.commits = world, threading.Event(), 0

    def __enter__(self) -> Adding:
        self._pool = ThreadPoolExecutor(1)
        self._life = self._pool.submit(self._add)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._pool.shutdown()
        self._life.result()

    def _add(self) -> None:
        while not self._ended.wait(0.1):
            self._append(datetime.now(UTC))
            self.commits += 1

    def _append(self, now: datetime) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        spark = self._world.spark
        iceberg = spark._jvm.org.apache.iceberg  # type: ignore[union-attr]
        table = iceberg.spark.Spark3Util.loadIcebergTable(spark._jsparkSession, BRONZE)
        rows = arrow([Record("events.files", PARTITION, self.commits, b"mark", b'{"mark": "now"}', now)])
        ids = {name: str(table.schema().findField(name).fieldId()) for name in rows.column_names}
        named = [field.with_metadata({"PARQUET:field_id": ids[field.name]}) for field in rows.schema]
        path = f"{table.location()}/data/adding-{now.timestamp()}.parquet"
        pq.write_table(rows.cast(pa.schema(named)), path.removeprefix("file:"))
        file = table.io().newInputFile(path)
        # Without them, whoever deletes older records has to take it for one that may hold some.
        metrics = iceberg.parquet.ParquetUtil.fileMetrics(file, iceberg.MetricsConfig.getDefault())
        data = iceberg.DataFiles.builder(table.spec()).withInputFile(file).withFormat("parquet").withMetrics(metrics)
        data = data.withPartitionPath(f"log_hour={int(now.timestamp()) // 3600}").build()
        table.newAppend().appendFile(data).commit()
