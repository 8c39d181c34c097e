"""Publishing: the one row that pins all answers to a version, and what a crash around it is healed by."""

from __future__ import annotations

import structlog

from batch.certificate import Certificate
from batch.clickhouse import Publication, Store
from batch.ledger import Ledger
from runtime.errors import Permanent

log = structlog.get_logger()


def publish(publication: Publication, store: Store, ledger: Ledger) -> None:
    """Pins all answers to a version that is loaded and certified, then closes its ledger row.

    Raises:
        Retryable: the ledger's lock is lost, so that another run may be under way; nothing is published then.
    """
    ledger.check()
    at = store.publish(publication)
    ledger.published(publication.version, at)
    log.info("version published", version=publication.version, boundary=publication.boundary.isoformat())


def publish_again(version: int, store: Store, ledger: Ledger) -> Publication:
    """Pins all answers to a version that they were pinned to before.

    Raises:
        Permanent: that version was never published.
    """
    publication = store.published(version)
    if publication is None:
        raise Permanent("that version was never published", received=version, todo="see the ledger for those that were")
    publish(publication, store, ledger)
    return publication


def heal(store: Store, ledger: Ledger, wanted: Certificate | None = None) -> int | None:
    """Puts the rows in order that were left by runs which ended before their time.

    Those whose one row was written are closed as published. Of the others, the version that can be taken up for what is
    wanted is given back, and the rest is withdrawn.
    """
    agree(store, ledger)
    found = None
    for version, kept in ledger.unfinished():
        if at := store.published_at(version):
            ledger.published(version, at)
            log.info("closed the row of a run that was killed after publishing", version=version)
        elif wanted and found is None and kept.asks_for_the_same(wanted):
            found = version
        else:
            withdraw(version, "the run was ended before its time", store, ledger)
    return found


def agree(store: Store, ledger: Ledger) -> Publication | None:
    """Has the ledger name the version that answers are pinned to as the one last published; that publication.

    A rollback that was killed between the two has left them apart.
    """
    current = store.current()
    if current and (at := store.published_at(current.version)):
        ledger.published(current.version, at)
    return current


def withdraw(version: int, reason: str, store: Store, ledger: Ledger) -> None:
    """Removes what an unpublished version has brought to the stores, and closes its row as failed."""
    store.drop(version)
    ledger.fail(version, reason)
    log.warning("version withdrawn", version=version, reason=reason)
