"""Publishing: the one row that pins all answers to a version, and what a crash around it is healed by."""

from __future__ import annotations

import structlog

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
    store.publish(publication)
    ledger.published(publication.version)
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


def heal(store: Store, ledger: Ledger) -> None:
    """Closes the rows that killed runs left open: as published if their one row was written, else as failed."""
    for version in ledger.running():
        if store.published(version):
            ledger.published(version)
            log.info("closed the row of a run that was killed after publishing", version=version)
        else:
            withdraw(version, "the run was killed", store, ledger)


def withdraw(version: int, reason: str, store: Store, ledger: Ledger) -> None:
    """Removes what an unpublished version has brought to the stores, and closes its row as failed."""
    store.drop(version)
    ledger.fail(version, reason)
    log.warning("version withdrawn", version=version, reason=reason)
