"""The care of the lake and the stores: what keeps them small and quick, without changing what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from batch import branches, publish
from batch.bronze import Span
from batch.clickhouse import Store
from batch.ledger import Ledger, Row, opened
from batch.progress import Progress, Stopwatch
from batch.silver import TABLES
from batch.spark import session
from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from rankings.render import care as render
from rankings.render import lake
from runtime.errors import Permanent, Retryable
from runtime.iceberg import on_s3
from runtime.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = structlog.get_logger()

SNAPSHOTS = timedelta(hours=1)
"""The lake job commits every few seconds: longer kept, the table's metadata would grow without end."""

EVENT_LOGS = timedelta(days=30)
"""How long it can be looked up how a run went within Spark."""

ORPHANS = timedelta(days=3)
"""A file that is younger may belong to a commit under way."""

BRONZE_TAGS = 2
"""How many publications' snapshots of bronze are kept: the next run reads what came since the last of them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays.

    Attributes:
        versions: published versions that stay whole, the one last published first, with their boundaries.
        chains: every version that one of them is a sum of, and those that can be taken up.
        dropped: published versions that go.
        current: the version that answers are pinned to.
        spans: what that has read of each partition.
        newest: the greatest version that was ever begun.
    """

    versions: Mapping[int, datetime]
    chains: frozenset[int]
    dropped: tuple[int, ...]
    current: int
    spans: tuple[Span, ...]
    newest: int

    @property
    def boundary(self) -> datetime:
        """That of the version that answers are pinned to."""
        return self.versions[self.current]


def kept(rows: Sequence[Row], keep: int) -> Kept | None:
    """Which versions stay: those last published; None before the first publication."""
    known = sorted((row for row in rows if row.published_at), key=_when, reverse=True)
    if not known:
        return None
    stay = known[:keep]
    unfinished = [row for row in rows if row.status in ("running", "held")]
    chains = frozenset(version for row in (*stay, *unfinished) for version in row.certificate.versions)
    return Kept(
        {row.version: row.certificate.through for row in stay},
        chains,
        tuple(row.version for row in known[keep:]),
        known[0].version,
        tuple(known[0].certificate.spans),
        max(row.version for row in rows),
    )


def _when(row: Row) -> datetime:
    assert row.published_at is not None
    return row.published_at


def care(
    settings: Settings,
    progress: Progress,
    among: tuple[Ranking, ...] = RANKINGS,
    *,
    snapshots: timedelta = SNAPSHOTS,
    since: int = 0,
) -> dict[str, float]:
    """All of it; safe to be ended anywhere and to be done again. Seconds by step.

    Args:
        settings: where everything is.
        progress: is told the steps.
        among: the rankings.
        snapshots: the age from which a snapshot that no version names is dropped.
        since: the version before which nothing may stay.

    Raises:
        Retryable: a store is away, a reconciliation is running, or an older version would stay; then nothing was done.
    """
    store = Store.of(settings, among)
    seconds: dict[str, float] = {}
    watch = Stopwatch(progress, seconds)
    with opened(settings.platform_dsn.get_secret_value()) as ledger:
        pinned = publish.agree(settings, store, ledger)
        known = kept(ledger.rows(), settings.keep_versions)
        if pinned is None or known is None:
            return seconds
        _check_since(known, since)
        with watch.step("stores"):
            watch.result(_stores(store, ledger, known, among))
        with watch.step("event logs"):
            watch.result(_event_logs(settings.spark_event_dir))
        with session(settings) as spark:
            for name, step in _lake_steps(settings, ledger, known, among, snapshots):
                ledger.check()
                with watch.step(name):
                    watch.result(step(spark))
    return seconds


def _check_since(known: Kept, since: int) -> None:
    older = sorted(version for version in known.chains if version < since)
    if older:
        raise Retryable(
            "answers went back to an older version, or a run goes on from one",
            received=", ".join(map(str, older)),
            valid=f"version {since} or later",
            todo="run it again",
        )


def _stores(store: Store, ledger: Ledger, known: Kept, among: Iterable[Ranking]) -> str:
    """Versions that no kept one is a sum of, and live deltas that two publications have overtaken.

    First the note, then the deed: whoever has read figures as of a version asks afterwards whether all of it was there.
    """
    before = ledger.boundary_before(known.current)
    # Where answers went back to an older version, the one before reaches further.
    day = min(before, known.boundary).astimezone(UTC).date() if before else None
    # What is gone does not come back by a rollback, or by a setting that keeps more.
    dropped_before = ledger.live_kept_from() or datetime.fromtimestamp(0, UTC)
    live_from = max(dropped_before, datetime.combine(day, time(), UTC)) if day else dropped_before
    store.cared(known.newest, sorted(store.not_dropped(known.chains)), live_from)
    # Later ones are of whoever holds the lock by now, if this process should have lost it.
    gone = [version for version in store.loaded_versions() if version not in known.chains and version <= known.newest]
    for version in gone:
        store.drop(version)
    ledger.forget_totals(known.chains)
    days = 0
    if day:
        days = sum(store.drop_live_before(ranking, day) for ranking in among)
        ledger.cared(live_from)
    return f"{len(gone)} versions and {days} days of live deltas dropped"


def _event_logs(folder: Path) -> str:
    """What the History Server could show of runs long ago."""
    until = (datetime.now(UTC) - EVENT_LOGS).timestamp()
    old = [path for path in folder.glob("*") if path.is_file() and path.stat().st_mtime < until]
    for path in old:
        path.unlink(missing_ok=True)
    return f"{len(old)} of old runs dropped"


Step = Callable[["SparkSession"], str]


def _lake_steps(
    settings: Settings, ledger: Ledger, known: Kept, among: Sequence[Ranking], snapshots: timedelta
) -> Iterator[tuple[str, Step]]:
    computed, store = [*TABLES, *map(lake.gold, among)], Store.of(settings, tuple(among))
    yield "tags", lambda spark: _tags(spark, computed, known)
    if settings.bronze_keep_days:
        until = datetime.now(UTC) - timedelta(days=settings.bronze_keep_days)
        yield "retention", lambda spark: _trim(spark, until.replace(microsecond=0), known)
    yield "compaction", lambda spark: _compact(spark, computed, store, ledger, known.current)
    yield "expiry", lambda spark: _expire(spark, [*computed, lake.BRONZE], snapshots)
    yield "orphans", lambda spark: _orphans(spark, [*computed, lake.BRONZE], by_prefix=on_s3(settings))


def _existing(spark: SparkSession, tables: Iterable[str]) -> list[str]:
    return [table for table in tables if spark.catalog.tableExists(table)]


def _tags(spark: SparkSession, computed: Sequence[str], known: Kept) -> str:
    tables = _existing(spark, computed)
    branches.drop_tags(spark, tables, known.dropped)
    branches.drop_tags(spark, [lake.BRONZE], (*list(known.versions)[BRONZE_TAGS:], *known.dropped))
    branches.drop_runs(spark, tables, known.newest)
    return f"{len(known.versions)} versions kept"


def _trim(spark: SparkSession, until: datetime, known: Kept) -> str:
    """What answers are pinned to has not read the records behind its boundary and spans: none of them is superseded.

    Of the kept versions through the same time or later, the first can still be recomputed, and so can all behind it.
    """
    until = min(until, known.boundary)
    there = {number: at for number, at in known.versions.items() if branches.has_version(spark, lake.SALES, number)}
    if known.current not in there:
        return f"nothing dropped: the lake lacks version {known.current}"
    first = min((number for number, at in there.items() if at >= until), key=lambda number: there[number])
    note_trimmed(spark, there[first])
    read = [(span.topic, span.partition, span.last_offset) for span in known.spans]
    spark.createDataFrame(read, "topic string, partition int, last_offset bigint").createOrReplaceTempView(render.READ)
    spark.sql(render.superseded(known.current, first), {"until": until})
    # An hour that holds fewer records than a version has seen would not tell that it was given others: the next run
    # looks into all hours.
    branches.drop_tags(spark, [lake.BRONZE], known.versions)
    return f"superseded records before {until:%Y-%m-%d %H:%M} UTC dropped"


def note_trimmed(spark: SparkSession, until: datetime) -> None:
    """First the note, then the deed: a version that needs what may be gone is not recomputed."""
    already = trimmed_through(spark)
    spark.sql(render.set_trimmed((max(until, already) if already else until).isoformat()))


def trimmed_through(spark: SparkSession) -> datetime | None:
    """The log time before which superseded records may be gone; None if nothing ever was dropped."""
    rows = spark.sql(f"SHOW TBLPROPERTIES {lake.BRONZE}").collect()
    return next((datetime.fromisoformat(row.value) for row in rows if row.key == render.TRIMMED), None)


def check_not_trimmed(spark: SparkSession, through: datetime, what: str) -> None:
    """Whether the lake's log still tells all states through a boundary.

    Raises:
        Permanent: superseded records may be gone that were not superseded then.
    """
    kept_since = trimmed_through(spark)
    if kept_since and through < kept_since:
        raise Permanent(
            f"{what} can't be recomputed: the lake has dropped records that were superseded later",
            received=through.isoformat(),
            valid=f"one through {kept_since.isoformat()} or later",
        )


def _compact(spark: SparkSession, computed: Sequence[str], store: Store, ledger: Ledger, current: int) -> str:
    """A version's tag goes along: what it names says the same as before, in better files."""
    files = 0
    publish.show(spark, store)
    for table in _existing(spark, computed):
        files += _files(spark.sql(render.compact(table)).first())
        joined = branches.snapshot(spark, table)
        # With the lock still held, no other version can have been shown before that was asked.
        ledger.check()
        if joined is not None:
            branches.name(spark, table, current, joined)
    until = datetime.now(UTC) - SNAPSHOTS
    files += _files(spark.sql(render.compact_before(lake.BRONZE).format(until=f"{until:%Y-%m-%d %H}:00:00")).first())
    return f"{files} files joined"


def _files(row: Any) -> int:
    return int(row.rewritten_data_files_count) if row else 0


def _expire(spark: SparkSession, tables: Sequence[str], age: timedelta) -> str:
    """Drops snapshots that no tag and no branch names, and the files that only they had.

    Iceberg itself looks these up in the manifests, and deletes them. Its procedure asks Spark for them, with several
    queries for each table, which take far longer than to look, however little there is to be dropped.
    """
    dropped, until = 0, int((datetime.now(UTC) - age).timestamp() * 1000)
    for table in _existing(spark, tables):
        asked = branches.as_iceberg(spark, table).expireSnapshots()
        asked = asked.expireOlderThan(until).retainLast(1).cleanExpiredMetadata(True)
        if expired := list(asked.apply()):
            # Of a history without branches Iceberg looks only into what each snapshot says that it has removed, unless
            # one is named: files that two of them held would stay.
            asked.expireSnapshotId(expired[0].snapshotId()).commit()
        dropped += len(expired)
        spark.sql(render.compact_manifests(table))
    return f"{dropped} snapshots dropped"


def _orphans(spark: SparkSession, tables: Sequence[str], *, by_prefix: bool) -> str:
    older = {"older_than": datetime.now(UTC) - ORPHANS}
    texts = [render.remove_orphans(table, by_prefix=by_prefix) for table in _existing(spark, tables)]
    # The procedure's answer is here already: to have Spark count its rows would be a job.
    return f"{sum(len(spark.sql(text, older).collect()) for text in texts)} orphans dropped"
