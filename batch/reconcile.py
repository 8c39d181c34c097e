"""A reconciliation: the whole log up to T recomputed, compared, and published as one version.

Killed anywhere, the next run clears what was left and does it again under a new version; nothing that is not published
is ever read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from batch import kafka, publish
from batch.boundary import checked
from batch.certificate import Certificate
from batch.clickhouse import Publication, Store
from batch.kafka import Partition
from batch.ledger import opened
from batch.progress import Progress, Quiet
from batch.run import Run, Task
from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from runtime.errors import Permanent
from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Published:
    """The run has published a version."""

    version: int
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class AlreadyPublished:
    """There was nothing to do: answers are pinned to a version with this boundary."""

    version: int


def reconcile(
    through: datetime,
    settings: Settings,
    *,
    progress: Progress | None = None,
    among: tuple[Ranking, ...] = RANKINGS,
    partitions: Callable[[Settings], frozenset[Partition]] = kafka.partitions,
) -> Published | AlreadyPublished:
    """Publishes the history up to a boundary.

    Args:
        through: the boundary T, a whole past second, aware: every record with an earlier log time counts.
        settings: where everything is.
        progress: is told the steps.
        among: the rankings to compute.
        partitions: tells the partitions of the log.

    Raises:
        Permanent: the boundary is not valid, or earlier than that of the current publication.
        Retryable: a store is away, the lake is not complete in time, or another reconciliation is running.
    """
    boundary = checked(through, datetime.now(UTC))
    store = Store(settings.clickhouse.get_secret_value(), among)
    with opened(settings.platform_dsn.get_secret_value()) as ledger:
        store.prepare()
        publish.heal(store, ledger)
        base = store.current()
        if base and _covers(base, boundary, among):
            return AlreadyPublished(base.version)
        task = Task(boundary, base, among, settings, store, ledger)
        run = Run(task, progress or Quiet())
        run.finish(partitions)
        return Published(run.version, run.certificate)


def _covers(base: Publication, boundary: datetime, among: tuple[Ranking, ...]) -> bool:
    """Whether the current publication is what is asked for.

    Raises:
        Permanent: it goes further.
    """
    if boundary < base.boundary:
        raise Permanent(
            f"version {base.version} is published through a later boundary",
            received=boundary.isoformat(),
            valid=f"{base.boundary.isoformat()} or later",
            todo="to go back, publish an older version again",
        )
    return boundary == base.boundary and {ranking.name for ranking in among} <= set(base.rankings)
