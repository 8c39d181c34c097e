"""One run of a reconciliation, from its ledger row to its publication: the steps and their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from batch import branches, bronze, care, causes, checks, drift, gold, load, publish, silver
from batch.bronze import Covered
from batch.certificate import Certificate
from batch.checks import Loaded
from batch.checksum import Checksum
from batch.clickhouse import Publication, Store
from batch.drift import Drift, DriftHeld, DriftRows
from batch.gold import Difference
from batch.kafka import Partition
from batch.ledger import Ledger
from batch.progress import Progress, Stopwatch
from batch.spark import session, size
from batch.stages import watched
from rankings.ranking import LABELS, Ranking
from rankings.render import lake
from rankings.render import spark as render
from runtime.errors import Permanent, Retryable, TidelakeError
from runtime.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = structlog.get_logger()

Step = Callable[["Run", "SparkSession"], None]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done, and with what.

    Attributes:
        base: the publication that answers are pinned to, or None before the first.
        before: what the run of that version has proved; None if that is not known.
        among: the rankings to compute.
        settings: where everything is.
        store: ClickHouse.
        ledger: PostgreSQL's ledger, with its lock.
        accepted: why a drift over the limit is accepted, or None if it is not.
    """

    base: Publication | None
    before: Certificate | None
    among: tuple[Ranking, ...]
    settings: Settings
    store: Store
    ledger: Ledger
    accepted: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """How many records the run itself has read, and how many of them the contract refuses."""

    records: int
    refused: int


class Run:
    """One version in the making; `certificate` fills as the steps go, and the ledger keeps it after each of them."""

    def __init__(self, task: Task, version: int, certificate: Certificate, progress: Progress) -> None:
        self._task, self.version, self.certificate = task, version, certificate
        self._watch = Stopwatch(progress, certificate.seconds)
        self._parsed: DataFrame | None = None
        self._read = Read(0, 0)
        self._differences: dict[str, Difference] = {}

    def finish(self, partitions: Callable[[Settings], frozenset[Partition]]) -> None:
        """All steps that are still to be done; whatever ends them early, the ledger row says so."""
        boundary = self.certificate.through
        log.info(
            "reconciliation begins", version=self.version, boundary=boundary.isoformat(), done=self.certificate.done
        )
        try:
            with self._spark() as spark, watched(spark, self._watch.progress):
                self._wait(spark, partitions(self._task.settings))
                for name, step in (("silver", Run._silver), ("gold", Run._gold), ("load", Run._load)):
                    self._once(name, step, spark)
                self._check()
                self._compare(spark)
                self._publish(spark)
        except BaseException as error:
            self._close(error)
            raise

    def _once(self, name: str, step: Step, spark: SparkSession) -> None:
        """A step that leaves a mark: who takes up the run goes on behind it, or behind those of the lake. Half done, it
        is done again.
        """
        if name not in self.certificate.done:
            step(self, spark)
            self.certificate.done.append(name)
            self._task.ledger.certify(self.version, self.certificate)

    def _close(self, error: BaseException) -> None:
        """If a store is away now, the next run does this.

        Raises:
            Retryable: the lock is lost, which whatever else has failed may come of: the rest is for who holds it.
        """
        reason, task = str(error) or type(error).__name__, self._task
        if isinstance(error, Exception) and not isinstance(error, Retryable):
            task.ledger.check()
        with suppress(TidelakeError):
            if not task.ledger.is_undecided(self.version):
                return
            if isinstance(error, Permanent) and not isinstance(error, DriftHeld):
                publish.withdraw(self.version, reason, task.store, task.ledger)
            else:
                task.ledger.interrupted(self.version, reason, held=isinstance(error, DriftHeld))

    @contextmanager
    def _spark(self) -> Iterator[SparkSession]:
        with ExitStack() as stack:
            with self._watch.step("spark"):
                spark = stack.enter_context(session(self._task.settings))
                silver.leave(spark)
                # What an earlier run in this process had kept may be of tags that have moved since.
                spark.catalog.clearCache()
                for statement in lake.ddl(self._task.among):
                    spark.sql(statement)
                silver.order(spark)
                self._take_up(spark)
                publish.show(spark, self._task.store)
                self._watch.result(f"Spark {spark.version}")
            yield spark

    def _take_up(self, spark: SparkSession) -> None:
        """What the steps that are done stand on bears this version's name before that of the run before is dropped."""
        if self.certificate.done:
            for table, snapshot in self.certificate.snapshots.items():
                if snapshot is not None:
                    branches.name(spark, table, self.version, snapshot)
        branches.drop_tags(spark, [*self._written(), lake.BRONZE], self._task.ledger.failed())
        branches.drop_runs(spark, self._written(), self.version - 1)

    def _wait(self, spark: SparkSession, wanted: frozenset[Partition]) -> None:
        with self._watch.step("lake"):
            boundary, note = self.certificate.through, self._watch.progress.note
            limit = self._task.settings.mark_wait_seconds
            self.certificate.marks = bronze.wait_for_marks(spark, wanted, boundary, limit, note)
            self._watch.result(f"complete through {boundary:%Y-%m-%d %H:%M:%S} UTC in {len(wanted)} partitions")

    def parsed(self, spark: SparkSession) -> DataFrame:
        """What the records say that the base has not read; also the view `parsed`."""
        if self._parsed is None:
            self._parsed = bronze.parse(spark, self._records(spark))
        return self._parsed

    def _records(self, spark: SparkSession) -> DataFrame:
        found = self.certificate.snapshots.get(lake.BRONZE) or branches.snapshot(spark, lake.BRONZE)
        self.certificate.snapshots[lake.BRONZE] = found
        return bronze.records(spark, self.certificate.through, found, self._covered())

    def _covered(self) -> Covered | None:
        before, base = self._task.before, self.certificate.base
        return Covered(base, before.through, before.spans) if before and base is not None else None

    def _parse(self, spark: SparkSession) -> None:
        with self._watch.step("parse"):
            if self.certificate.base is None:
                care.check_not_trimmed(spark, self.certificate.through, "the history through that boundary")
            self.certificate.snapshots.pop(lake.BRONZE, None)
            records = self._records(spark)
            going_on = self._task.before if self.certificate.base is not None else None
            spans = bronze.spans(spark)
            read = sum(span.records for span in spans)
            size(spark, read)
            self._parsed = bronze.parse(spark, records)
            kinds = bronze.kinds(spark)
            self._read = Read(read, kinds.get("rejected", 0))
            self.certificate.add(spans, kinds, going_on)
            self._watch.result(f"{read:,} records, {self._read.refused:,} of them refused")

    def _silver(self, spark: SparkSession) -> None:
        self._parse(spark)
        with self._watch.step("silver"):
            certificate = self.certificate
            before, refused = self._task.before, self._read.refused
            if certificate.base is None or before is None:
                silver.rebuild(spark, self.version)
                certificate.states = silver.states(spark, self.version)
            else:
                base, held, zone = certificate.base, before.states, certificate.zone
                changed = silver.merge(spark, self.version, base, held, zone, refused=refused > 0)
                certificate.days, certificate.states = changed.days, before.states + changed.more
            for table in silver.TABLES:
                certificate.snapshots[table] = branches.keep(spark, table, self.version)
            if read := certificate.snapshots[lake.BRONZE]:
                branches.name(spark, lake.BRONZE, self.version, read)
            # Names and refused records bear no version; somebody may have been forgotten since the lock was lost.
            self._task.ledger.check()
            if refused:
                load.refused(spark, self._clickhouse, refused)
            load.names(spark, LABELS, self._clickhouse, self._postgres)
            self._watch.result(f"{certificate.states.sales:,} sales")

    def _gold(self, spark: SparkSession) -> None:
        with self._watch.step("gold"):
            certificate = self.certificate
            if self._zone_changed():
                certificate.days = None
            self._touch(spark)
            for ranking in self._task.among:
                base, days = self._base_of(ranking), certificate.days
                if base is None or days is None:
                    gold.rebuild(spark, ranking, self.version, certificate.zone)
                else:
                    gold.update(spark, ranking, self.version, base, days, zone=certificate.zone)
                table = lake.gold(ranking)
                certificate.snapshots[table] = branches.keep(spark, table, self.version)
                certificate.checksums[ranking.name] = self._checksum(spark, ranking)
            silver.leave(spark)
            days_told = "all days" if certificate.days is None else f"{len(certificate.days):,} days"
            self._watch.result(f"{sum(each.rows for each in certificate.checksums.values()):,} sums, {days_told} anew")

    def _touch(self, spark: SparkSession) -> None:
        """The view `touched`, where a run that was ended behind silver is taken up, and sums are to go on from it."""
        base, before = self.certificate.base, self._task.before
        if base is not None and before and self.certificate.days and not spark.catalog.tableExists(render.TOUCHED):
            self.parsed(spark)
            silver.touch(spark, base, before.states)

    def _written(self) -> list[str]:
        return [*silver.TABLES, *map(lake.gold, self._task.among)]

    def _checksum(self, spark: SparkSession, ranking: Ranking) -> Checksum:
        """That of all sums of a ranking: what differs from the base is read back, the rest the base has proved."""
        found = self._difference(spark, ranking)
        before = self._task.before.checksums.get(ranking.name) if self._task.before else None
        if self._chained(ranking) is None:
            return found.more
        table = lake.on_run(lake.gold(ranking), self.version)
        return before + found.more if before else gold.checksum(spark, ranking, table)

    def _difference(self, spark: SparkSession, ranking: Ranking) -> Difference:
        """What the version adds to its chain; computed once."""
        if ranking.name not in self._differences:
            before = self._chained(ranking)
            days = None if before is None else self.certificate.days
            self._differences[ranking.name] = gold.difference(spark, ranking, self.version, before, days)
        return self._differences[ranking.name]

    def _load(self, spark: SparkSession) -> None:
        with self._watch.step("load"):
            certificate = self.certificate
            self._task.ledger.clear(self.version)
            self._task.store.drop(self.version)
            for ranking in self._task.among:
                found = self._difference(spark, ranking)
                load.difference(found, ranking, self.version, self._clickhouse, self._postgres)
                found.rows.unpersist()
                certificate.changed[ranking.name] = found.checksum.rows
                certificate.loaded[ranking.name] = found.checksum
            self._watch.result(f"{sum(certificate.changed.values()):,} sums changed")

    def _base_of(self, ranking: Ranking) -> int | None:
        """The version whose sums the new ones go on from; none for a ranking that the base did not have."""
        base = self._task.base
        return base.version if base and not self.certificate.full and ranking.name in base.rankings else None

    def _chained(self, ranking: Ranking) -> int | None:
        """The version to which the new one is a difference; none where it begins a chain."""
        return self._base_of(ranking) if len(self.certificate.versions) > 1 else None

    def _check(self) -> None:
        """What will be answered is what the lake says, row by row.

        Raises:
            Permanent: it is not.
        """
        with self._watch.step("check"):
            found = checks.after_load(self._task.store, self._postgres, self._task.among, self._expected)
            self.certificate.stored = {check.what: fingerprint for check, fingerprint in found}
            if wrong := [str(check) for check, _ in found if not check.holds]:
                todo = "rebuild from bronze: `tidelake reconcile --full`"
                raise Permanent("the stores do not hold what the lake says", received="; ".join(wrong), todo=todo)
            self._watch.result("the stores hold what the lake says")

    def _expected(self, ranking: Ranking, store: str) -> Loaded:
        certificate, before = self.certificate, self._task.before
        going_on = before and before.versions == certificate.versions[:-1]
        older = before.stored.get(store) if before and going_on else None
        sums, own = certificate.checksums[ranking.name], certificate.loaded.get(ranking.name)
        return Loaded(certificate.versions, sums, own, older)

    def _compare(self, spark: SparkSession) -> None:
        """What live had, against the log.

        Raises:
            DriftHeld: more differs than may, and nobody has accepted it.
        """
        with self._watch.step("drift"):
            task, certificate = self._task, self.certificate
            limit, note = task.settings.live_wait_seconds, self._watch.progress.note
            seen = drift.wait_for_live(task.store, certificate.through, limit, note)
            certificate.live_seen_through = seen
            found = DriftRows(task.store, self._publication(), task.base)
            certificate.drift = self._drift(spark, found, behind=seen is None or seen < certificate.through)
            certificate.accepted = task.accepted
            task.ledger.clear_drift(self.version)
            found.keep(self._postgres)
            task.ledger.certify(self.version, certificate)
            if any(each.cause not in drift.HARMLESS for each in certificate.drift) and not task.accepted:
                totals = gold.totals(spark, task.among, self.version)
                drift.check(certificate.drift, totals, task.settings.drift_limit, self._accepting())
            self._watch.result(f"{certificate.drifted:,} sums differ from the live ones")

    def _drift(self, spark: SparkSession, found: DriftRows, *, behind: bool) -> tuple[Drift, ...]:
        if self._zone_changed():
            # Sums of other days say nothing about each other, and the live job begins anew with the zone.
            found.find(self._task.among, drift.OTHER_ZONE)
        elif behind and found.is_silent(self._task.among):
            # A job that has told nothing of the span at all has no figures to look into.
            found.find(self._task.among, drift.LIVE_BEHIND)
        else:
            found.find(self._task.among, drift.MANY_BEHIND if behind else drift.MANY)
            self._look_into(spark, found)
        return found.summary()

    def _look_into(self, spark: SparkSession, found: DriftRows) -> None:
        if found.summary():
            self._parse_span(spark)
            causes.look_into(spark, found, self._task.among, self.certificate.zone)

    def _zone_changed(self) -> bool:
        """Whether the version before, or live, has other business days."""
        before, live = self._task.before, self._task.store.live_zone()
        return {before and before.zone, live} - {None, self.certificate.zone} != set()

    def _parse_span(self, spark: SparkSession) -> None:
        """The view `parsed` of what live has to be compared with, where the run itself did not read just that."""
        base, before, certificate = self._task.base, self._task.before, self.certificate
        if certificate.base is None and base and before:
            covered = Covered(base.version, before.through, before.spans)
            found = certificate.snapshots[lake.BRONZE]
            bronze.parse(spark, bronze.records(spark, certificate.through, found, covered))
        else:
            self.parsed(spark)

    def _accepting(self) -> str:
        full = " --full" if self.certificate.full else ""
        through = self.certificate.through.isoformat().replace("+00:00", "Z")
        return f'`tidelake reconcile --through {through}{full} --accept-drift "REASON"`'

    def _publish(self, spark: SparkSession) -> None:
        with self._watch.step("publish"):
            self._task.ledger.certify(self.version, self.certificate)
            store, ledger = self._task.store, self._task.ledger
            publish.publish(self._publication(), store, ledger, partial(publish.show, spark, store))
            self._watch.result(f"version {self.version}")
        if self._parsed is not None:
            self._parsed.unpersist()

    def _publication(self) -> Publication:
        certificate = self.certificate
        return Publication(self.version, certificate.through, certificate.versions, certificate.rankings)

    @property
    def _clickhouse(self) -> str:
        return self._task.settings.clickhouse.get_secret_value()

    @property
    def _postgres(self) -> str:
        return self._task.settings.platform_dsn.get_secret_value()
