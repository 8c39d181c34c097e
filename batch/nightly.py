"""The night's work: every business midnight that was missed becomes a version, then lake and stores are cared for.

The one entry point of every scheduler: `tidelake nightly`, by the stack's own clock, cron, Airflow or Kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from batch import kafka, nights
from batch.care import care
from batch.clickhouse import Store
from batch.kafka import Partition
from batch.progress import Progress
from batch.reconcile import Published, reconcile
from batch.spark import session
from runtime.errors import Permanent
from runtime.settings import Settings

log = structlog.get_logger()

MOST_NIGHTS = 31
"""Nights further back are not caught up one by one: the first version then covers all of them."""


def midnights(since: datetime | None, now: datetime, zone: ZoneInfo) -> list[datetime]:
    """The business midnights after a boundary up to now, in UTC; without a boundary the last one.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> noon = datetime(2026, 3, 28, 12, tzinfo=UTC)
    >>> [str(each) for each in midnights(noon, noon + timedelta(days=2), berlin)]
    ['2026-03-28 23:00:00+00:00', '2026-03-29 22:00:00+00:00']
    """
    today = now.astimezone(zone).date()
    if since is None:
        return [_midnight(today, zone)]
    first = max(since.astimezone(zone).date(), today - timedelta(days=MOST_NIGHTS))
    days = (first + timedelta(days=number) for number in range((today - first).days + 1))
    return [at for at in (_midnight(day, zone) for day in days) if at > since][-MOST_NIGHTS:]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def missed(settings: Settings, now: datetime) -> list[datetime]:
    """The business midnights that no version reaches yet."""
    published = Store.of(settings).current()
    return midnights(published.boundary if published else None, now, ZoneInfo(settings.business_time_zone))


def _publish(
    boundary: datetime, settings: Settings, progress: Progress, partitions: Callable[[Settings], frozenset[Partition]]
) -> list[int]:
    """The version through a business midnight; none if somebody else has meanwhile published one that reaches it."""
    try:
        outcome = reconcile(boundary, settings, progress=progress, partitions=partitions)
    except Permanent:
        if boundary in missed(settings, datetime.now(UTC)):
            raise
        return []
    return [outcome.version] if isinstance(outcome, Published) else []


def nightly(
    settings: Settings,
    progress: Progress,
    partitions: Callable[[Settings], frozenset[Partition]] = kafka.partitions,
) -> list[int]:
    """Does the night's work; done again, it finds nothing to do. The versions that it published.

    Where a version can't be published until somebody has looked, the lake is cared for all the same. However it ends,
    the table `nights` says so.

    Raises:
        TidelakeError: as `reconcile` and `care` do; what was published before stays.
    """
    with nights.told(settings.platform_dsn.get_secret_value()) as published, session(settings):
        try:
            while coming := missed(settings, datetime.now(UTC)):
                published.extend(_publish(coming[0], settings, progress, partitions))
        except Permanent:
            # Until somebody has looked, days may pass, and with each commit of the lake job its metadata grows.
            try:
                care(settings, progress)
            except Exception:
                # The night fails for what held it, which the same care is behind once that is done.
                log.exception("the lake could not be cared for behind a version that is held")
            raise
        care(settings, progress)
    return published
