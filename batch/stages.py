"""How far Spark is with the work under way: looked up twice a second, for those who watch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batch.progress import Progress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOK_SECONDS = 0.5


@contextmanager
def watched(spark: SparkSession, progress: Progress) -> Iterator[None]:
    """Tells the progress how many tasks of the running stages are done, while the block runs."""
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(spark, progress, ended), daemon=True, name="stages")
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(spark: SparkSession, progress: Progress, ended: threading.Event) -> None:
    tracker = spark.sparkContext.statusTracker()
    while not ended.wait(LOOK_SECONDS):
        stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
        known = [stage for stage in stages if stage]
        progress.tasks(sum(stage.numCompletedTasks for stage in known), sum(stage.numTasks for stage in known))
