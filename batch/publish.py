"""Publishing: the one row that pins all answers to a version, and what a crash around it is healed by.

It is decided in the ledger, by the connection that holds the lock, with its time; the row in ClickHouse follows from
that. So whoever has lost the lock decides nothing, and who had decided and writes the row late, after others have
published, writes one that does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from batch import branches
from batch.certificate import Certificate
from batch.clickhouse import EPOCH, Publication, Store
from batch.ledger import Ledger, Left
from batch.silver import TABLES
from batch.spark import session
from rankings.catalogue import RANKINGS
from rankings.render import lake
from runtime.errors import Permanent
from runtime.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = structlog.get_logger()


def publish(publication: Publication, store: Store, ledger: Ledger, follow: Callable[[], None] | None = None) -> None:
    """Pins all answers to a version that is loaded and certified, then closes its ledger row.

    Args:
        publication: the version, and what it is a sum of.
        store: ClickHouse.
        ledger: PostgreSQL's ledger, with its lock.
        follow: what else has to be done before the ledger says that all is done: to show it in the lake.

    Raises:
        Retryable: the ledger's lock is lost, so that another run may be under way; nothing is published then.
    """
    at = store.next_moment()
    ledger.decide(publication.version, at)
    _pin(publication, at, store, ledger)
    if follow:
        follow()
    ledger.published(publication.version, at)
    log.info("version published", version=publication.version, boundary=publication.boundary.isoformat())


def _pin(publication: Publication, at: datetime, store: Store, ledger: Ledger) -> None:
    """The row in ClickHouse; before it, where live begins anew with other days, the note that it does."""
    certificate, before = ledger.certificate(publication.version), ledger.zone_before(publication.version)
    if certificate and before not in (None, certificate.zone):
        # It tells all of the log again, in days of the new zone beside those of the old one.
        store.live_anew(publication.boundary)
        ledger.cared(publication.boundary)
    store.publish(publication, at)


def publish_again(version: int, store: Store, ledger: Ledger, follow: Callable[[], None] | None = None) -> Publication:
    """Pins all answers to a version that they were pinned to before; as `publish`.

    Raises:
        Permanent: that version was never published.
    """
    publication = published(version, store)
    publish(publication, store, ledger, follow)
    return publication


def published(version: int, store: Store) -> Publication:
    """The publication of a version that answers were pinned to before.

    Raises:
        Permanent: that version was never published.
    """
    found = store.published(version)
    if found is None:
        raise Permanent("that version was never published", received=version, todo="see the ledger for those that were")
    return found


def heal(store: Store, ledger: Ledger, wanted: Certificate | None = None) -> Left | None:
    """Puts the rows in order that were left by runs which ended before their time.

    Those whose one row was written are closed as published. Of the others, the version that can be taken up for what is
    wanted is given back, and the rest is withdrawn.
    """
    found = None
    for each in ledger.unfinished():
        if at := store.published_at(each.version):
            ledger.published(each.version, at)
            log.info("closed the row of a run that was killed after publishing", version=each.version)
        elif wanted and found is None and each.certificate.asks_for_the_same(wanted):
            found = each
        else:
            withdraw(each.version, "the run was ended before its time", store, ledger)
    return found


def agree(settings: Settings, store: Store, ledger: Ledger) -> Publication | None:
    """Has ClickHouse and the ledger name the same version as the one last published; that publication.

    What was decided and not done is done. Where only ClickHouse knows of a publication, the ledger follows it.
    """
    for version, moment, kept in ledger.decided():
        if (store.published_at(version) or EPOCH) < moment:
            _pin(Publication(version, kept.through, kept.versions, kept.rankings), moment, store, ledger)
        show_alone(settings, store)
        ledger.published(version, moment)
        log.info("published a version whose run was ended while it did", version=version)
    current = store.current()
    if current and (at := store.published_at(current.version)):
        ledger.published(current.version, at)
    return current


def withdraw(version: int, reason: str, store: Store, ledger: Ledger) -> None:
    """Closes the row of an unpublished version as failed, and removes what it has brought to the stores.

    Raises:
        Retryable: the ledger's lock is lost; nothing is removed then.
    """
    ledger.fail(version, reason)
    store.drop(version)
    log.warning("version withdrawn", version=version, reason=reason)


def show(spark: SparkSession, store: Store) -> None:
    """Lets all who read the lake's tables see the version that answers are pinned to.

    It is asked again afterwards: who has lost the lock on the way here shows what another run has published meanwhile.
    """
    shown = None
    while (current := store.current()) and current.version != shown:
        branches.show(spark, (*TABLES, *map(lake.gold, RANKINGS)), current.version)
        shown = current.version


def show_alone(settings: Settings, store: Store) -> None:
    """The same where nothing else needs Spark."""
    with session(settings) as spark:
        show(spark, store)
