"""The drift: what the live path had counted for a span of the log, against what the log says."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from batch.clickhouse import Drift, Publication, Store
from batch.ledger import Ledger
from batch.postgres import add_rows, connected
from rankings.render.drift import LIVE_BEHIND, UNKNOWN
from runtime.errors import Permanent

CLOSE = timedelta(minutes=1)
"""A live job further behind is not waited for."""

POLL_SECONDS = 0.25


class DriftHeld(Permanent):
    """The drift of a version is over the limit; it waits to be accepted."""


COLUMNS = (
    *("version", "ranking", "business_day", "currency", "subject"),
    *("live_amount", "reconciled_amount", "live_sales", "reconciled_sales", "cause"),
)


def wait_for_live(store: Store, boundary: datetime, seconds: float, note: Callable[[str], None]) -> datetime | None:
    """Gives a live job that is close the time to pass the boundary; how far it has come then, None if unknown."""
    ends = time.monotonic() + seconds
    while True:
        seen = store.live_seen_through()
        if seen is None or seen >= boundary or boundary - seen > CLOSE or time.monotonic() > ends:
            return seen
        note(f"waiting for the live job, which has read up to {seen:%H:%M:%S}")
        time.sleep(POLL_SECONDS)


def cause(seen: datetime | None, boundary: datetime) -> str:
    """Why live figures can differ, by how far the live job had come."""
    return LIVE_BEHIND if seen is None or seen < boundary else UNKNOWN


def compare(store: Store, new: Publication, base: Publication | None, seen: datetime | None) -> tuple[Drift, ...]:
    """Finds a loaded version's drift and keeps its rows in ClickHouse; their sums."""
    store.compare(new, base, cause(seen, new.boundary))
    return store.drift(new.version)


def keep(store: Store, ledger: Ledger, version: int, dsn: str) -> None:
    """Copies a version's drift to PostgreSQL, row by row, in place of what an earlier attempt left."""
    ledger.clear_drift(version)
    with connected(dsn) as connection:
        add_rows(connection, "drift", COLUMNS, store.drift_rows(version))
