"""How far Spark is with the work under way: looked up twice a second, for those who watch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batch.progress import Progress, Stage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOK_SECONDS = 0.5


@contextmanager
def watched(spark: SparkSession, progress: Progress) -> Iterator[None]:
    """Tells the progress how many tasks of each running stage are done, while the block runs, if it shows that."""
    if not progress.shows_stages:
        yield
        return
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
        found = (tracker.getStageInfo(number) for number in sorted(tracker.getActiveStageIds()))
        progress.stages([Stage(each.stageId, each.numCompletedTasks, each.numTasks) for each in found if each])
