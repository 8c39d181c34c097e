"""One run of a reconciliation, from its ledger row to its publication: the steps and their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from batch import bronze, drift, gold, load, publish, silver
from batch.certificate import Certificate
from batch.clickhouse import Publication, Store
from batch.kafka import Partition
from batch.ledger import Ledger
from batch.progress import Progress, Stopwatch
from batch.spark import session
from rankings.ranking import LABELS, Ranking
from rankings.render import spark as render
from runtime.errors import TidelakeError
from runtime.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done, and with what.

    Attributes:
        boundary: the log time T, UTC.
        base: the publication that the new version is a difference to, or None for a first one.
        among: the rankings to compute.
        settings: where everything is.
        store: ClickHouse.
        ledger: PostgreSQL's ledger, with its lock.
    """

    boundary: datetime
    base: Publication | None
    among: tuple[Ranking, ...]
    settings: Settings
    store: Store
    ledger: Ledger


class Run:
    """One version in the making; `certificate` fills as the steps go."""

    def __init__(self, task: Task, progress: Progress) -> None:
        base = task.base
        self._task = task
        self._watch = Stopwatch(progress)
        self.version = task.ledger.begin(task.boundary, base.version if base else None, task.store.newest_version())
        chain = (*(base.versions if base else ()), self.version)
        self.certificate = Certificate(task.boundary, chain, seconds=self._watch.seconds)

    def finish(self, partitions: Callable[[Settings], frozenset[Partition]]) -> None:
        """All steps; whatever ends them early, Ctrl-C too, the stores and the ledger row are put in order."""
        log.info("reconciliation begins", version=self.version, boundary=self._task.boundary.isoformat())
        try:
            self._task.store.drop(self.version)
            self._compute(partitions(self._task.settings))
            self._compare()
            self._publish()
        except BaseException as error:
            self._close(str(error) or type(error).__name__)
            raise

    def _close(self, reason: str) -> None:
        """If a store is away now, the next run does this."""
        with suppress(TidelakeError):
            if not self._task.store.published(self.version):
                publish.withdraw(self.version, reason, self._task.store, self._task.ledger)

    def _compute(self, wanted: frozenset[Partition]) -> None:
        with self._spark() as spark:
            self._wait(spark, wanted)
            parsed = self._parse(spark)
            self._silver(spark)
            self._gold(spark)
            self._load(spark)
            parsed.unpersist()

    @contextmanager
    def _spark(self) -> Iterator[SparkSession]:
        with ExitStack() as stack:
            with self._watch.step("spark"):
                spark = stack.enter_context(session(self._task.settings))
                self._watch.result(f"Spark {spark.version}")
            yield spark

    def _wait(self, spark: SparkSession, wanted: frozenset[Partition]) -> None:
        with self._watch.step("lake"):
            limit, note = self._task.settings.mark_wait_seconds, self._watch.progress.note
            self.certificate.marks = bronze.wait_for_marks(spark, wanted, self._task.boundary, limit, note)
            self._watch.result(
                f"complete through {self._task.boundary:%Y-%m-%d %H:%M:%S} UTC in {len(wanted)} partitions"
            )

    def _parse(self, spark: SparkSession) -> DataFrame:
        with self._watch.step("parse"):
            found = bronze.snapshot(spark, render.BRONZE)
            self.certificate.snapshots[render.BRONZE] = found
            parsed = bronze.parse(spark, bronze.records(spark, self._task.boundary, found))
            self.certificate.kinds = bronze.kinds(spark)
            self.certificate.spans = bronze.spans(spark)
            self._watch.result(f"{self.certificate.records:,} records, {self.certificate.refused:,} of them refused")
        return parsed

    def _silver(self, spark: SparkSession) -> None:
        with self._watch.step("silver"):
            for statement in render.ddl(self._task.among):
                spark.sql(statement)
            silver.drop_tags(spark, self._written(), self._task.ledger.failed())
            self.certificate.states = silver.write(spark, self.version)
            self._watch.result(f"{self.certificate.states.sales:,} sales")

    def _gold(self, spark: SparkSession) -> None:
        with self._watch.step("gold"):
            zone = self._task.settings.business_time_zone
            for ranking in self._task.among:
                self.certificate.checksums[ranking.name] = gold.write(spark, ranking, self.version, zone)
            for table in self._written():
                self.certificate.snapshots[table] = bronze.snapshot(spark, table)
            self._watch.result(f"{sum(each.rows for each in self.certificate.checksums.values()):,} sums")

    def _written(self) -> list[str]:
        return [render.SALES, render.QUARANTINE, *map(render.gold, self._task.among)]

    def _load(self, spark: SparkSession) -> None:
        with self._watch.step("load"):
            load.refused(spark, self._clickhouse)
            load.names(spark, LABELS, self._clickhouse, self._postgres)
            for ranking in self._task.among:
                changed = gold.difference(spark, ranking, self._base_of(ranking))
                self.certificate.changed[ranking.name] = load.difference(
                    changed, ranking, self.version, self._clickhouse
                )
                load.totals(spark.table(render.gold(ranking)), ranking, self.version, self._postgres)
            self._watch.result(f"{sum(self.certificate.changed.values()):,} sums changed")

    def _base_of(self, ranking: Ranking) -> int | None:
        """The version whose sums the new ones are a difference to; none for a ranking that the base did not have."""
        base = self._task.base
        return base.version if base and ranking.name in base.rankings else None

    def _compare(self) -> None:
        with self._watch.step("drift"):
            task, note = self._task, self._watch.progress.note
            seen = drift.wait_for_live(task.store, task.boundary, task.settings.live_wait_seconds, note)
            self.certificate.live_seen_through = seen
            self.certificate.drift = drift.compare(task.store, self.version, task.base, task.boundary, seen)
            drift.keep(task.store, self.version, self._postgres)
            self._watch.result(f"{self.certificate.drifted:,} sums differ from the live ones")

    def _publish(self) -> None:
        with self._watch.step("publish"):
            task = self._task
            task.ledger.certify(self.version, self.certificate.as_json())
            names = tuple(ranking.name for ranking in task.among)
            publication = Publication(self.version, task.boundary, self.certificate.versions, names)
            publish.publish(publication, task.store, task.ledger)
            self._watch.result(f"version {self.version}")

    @property
    def _clickhouse(self) -> str:
        return self._task.settings.clickhouse.get_secret_value()

    @property
    def _postgres(self) -> str:
        return self._task.settings.platform_dsn.get_secret_value()
