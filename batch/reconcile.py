"""A reconciliation: the whole log up to T recomputed, compared, and published as one version.

Killed anywhere, the same call takes the run up behind the last step that it had finished; another call withdraws it.
Nothing that is not published is ever read.
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
    full: bool = False,
    accepted: str | None = None,
    progress: Progress | None = None,
    among: tuple[Ranking, ...] = RANKINGS,
    partitions: Callable[[Settings], frozenset[Partition]] = kafka.partitions,
) -> Published | AlreadyPublished:
    """Publishes the history up to a boundary.

    Args:
        through: the boundary T, a whole past second, aware: every record with an earlier log time counts.
        settings: where everything is.
        full: whether all of the log is read again and a new chain of versions begins; else what is new is added.
        accepted: why a drift over the limit is accepted; it is kept in the ledger.
        progress: is told the steps.
        among: the rankings to compute.
        partitions: tells the partitions of the log.

    Raises:
        Permanent: the boundary is not valid, or earlier than that of the current publication; or the stores do not
            hold what the lake says.
        DriftHeld: the drift is over the limit and not accepted.
        Retryable: a store is away, the lake is not complete in time, or another reconciliation is running.
    """
    boundary = checked(through, datetime.now(UTC))
    store = Store.of(settings, among)
    with opened(settings.platform_dsn.get_secret_value()) as ledger:
        store.prepare()
        base = publish.agree(settings, store, ledger)
        before = ledger.certificate(base.version) if base else None
        task = Task(base, before, among, settings, store, ledger, accepted)
        if (there := _covering(task, boundary)) and not full:
            publish.heal(store, ledger)
            return AlreadyPublished(there.version)
        run = _begun(task, _wanted(task, boundary, full), progress or Quiet())
        run.finish(partitions)
        return Published(run.version, run.certificate)


def _wanted(task: Task, boundary: datetime, full: bool) -> Certificate:
    """The certificate of a run that has not begun; its chain lacks its own version."""
    base = task.base
    anew = full or base is None or len(base.versions) >= task.settings.longest_chain or _comes_back(task, base)
    return Certificate(
        through=boundary,
        versions=() if anew or base is None else base.versions,
        base=base.version if base and task.before and not full else None,
        rankings=tuple(ranking.name for ranking in task.among),
        zone=task.settings.business_time_zone,
        full=full,
    )


def _comes_back(task: Task, base: Publication) -> bool:
    """Whether the base lacks a ranking that an older version of its chain has sums of: they would count once more."""
    missing = {ranking.name for ranking in task.among} - set(base.rankings)
    older = (task.ledger.certificate(version) for version in base.versions) if missing else ()
    return any(each is None or missing & set(each.rankings) for each in older)


def _begun(task: Task, wanted: Certificate, progress: Progress) -> Run:
    """A run that was ended before its time and can be taken up, or a new one.

    What is taken up gets a number of its own, unless it was complete: the process that began it may have lost the lock
    only, and may write to what bears the old number at any time.
    """
    wanted.versions = (*wanted.versions, 0)
    left = publish.heal(task.store, task.ledger, wanted)
    if left and left.held:
        task.ledger.certify(left.version, left.certificate)
        return Run(task, left.version, left.certificate, progress)
    version = task.ledger.next_version(task.store.newest_version())
    certificate = (left.certificate if left else wanted).taken_up(version)
    task.ledger.begin(version, certificate)
    if left:
        reason = f"the run was ended before its time, and is taken up as version {version}"
        publish.withdraw(left.version, reason, task.store, task.ledger)
    return Run(task, version, certificate, progress)


def _covering(task: Task, boundary: datetime) -> Publication | None:
    """The current publication, if it is what is asked for.

    Raises:
        Permanent: it goes further.
    """
    base, before = task.base, task.before
    if base is None:
        return None
    if boundary < base.boundary:
        raise Permanent(
            f"version {base.version} is published through a later boundary",
            received=boundary.isoformat(),
            valid=f"{base.boundary.isoformat()} or later",
            todo="to go back, publish an older version again",
        )
    same_days = before is None or before.zone == task.settings.business_time_zone
    has_all = {ranking.name for ranking in task.among} <= set(base.rankings)
    return base if boundary == base.boundary and has_all and same_days else None
