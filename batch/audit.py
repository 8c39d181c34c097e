"""What `tidelake verify` looks at: a version against the lake and the stores, or the lake against the source."""

from __future__ import annotations

from batch import kafka
from batch.checks import Check
from batch.clickhouse import Store
from batch.progress import Progress
from batch.source import Audit, compare
from batch.spark import session
from batch.verify import published_row, verify
from rankings.topics import SHOP_SALES
from runtime.errors import Permanent
from runtime.settings import Settings


def check(settings: Settings, version: int | None, progress: Progress) -> list[Check]:
    """Everything that can be compared about a version, or about the current one."""
    return verify(version or current(settings), settings, progress)


def audit(settings: Settings, progress: Progress) -> Audit:
    """The source database against what the lake tells of it."""
    row = published_row(current(settings), settings)
    wanted = [at for at in kafka.partitions(settings) if at[0] == SHOP_SALES]
    with session(settings) as spark:
        progress.start("source")
        return compare(spark, settings, row, wanted, progress.note)


def current(settings: Settings) -> int:
    """The version that answers are pinned to.

    Raises:
        Permanent: nothing is published yet.
    """
    publication = Store.of(settings).current()
    if publication is None:
        raise Permanent("nothing is published yet", todo="run `tidelake reconcile`")
    return publication.version
