"""The drift: what the live path had counted for a span of the log, against what the log says, and why they differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from batch.clickhouse import EPOCH, Publication, Store, aware
from batch.postgres import add_csv, connected
from rankings.oracle import NOTHING, Total
from rankings.ranking import Ranking
from rankings.render import drift as render
from rankings.render.cluster import drop_partition
from runtime.errors import Permanent
from runtime.settings import Settings

CLOSE = timedelta(minutes=1)
"""A live job further behind is not waited for."""

POLL_SECONDS = 0.25

COLUMNS = (
    *("version", "ranking", "business_day", "currency", "subject"),
    *("live_amount", "reconciled_amount", "live_sales", "reconciled_sales", "cause"),
)

LIVE_BEHIND = "live had not taken its records by then"
OTHER_ZONE = "the business time zone is another than before"
MOST = 1000
"""Sums of one ranking that are looked into, those that differ most first."""

MANY = f"not looked into: more than {MOST} sums differ"
MANY_BEHIND = f"not looked into: live was behind, and more than {MOST} sums differ"

HARMLESS = frozenset((LIVE_BEHIND, OTHER_ZONE, MANY_BEHIND))
"""The causes that say nothing against either figure: such deltas have log times before T, and are never read."""


class DriftHeld(Permanent):
    """The drift of a version is over the limit; it waits to be accepted."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How many sums of a ranking differ in one currency, and by how much without signs."""

    ranking: str
    currency: str
    cause: str
    rows: int
    amount: Decimal
    sales: int


Key = tuple[Any, str, tuple[str, ...]]
"""A sum: business day, currency, subject."""


class DriftRows:
    """A version's drift in ClickHouse, and what live has of the same sums.

    Args:
        store: ClickHouse.
        new: the version.
        base: the publication before it, or None.
    """

    def __init__(self, store: Store, new: Publication, base: Publication | None) -> None:
        self._store, self.new, self.base = store, new, base
        self.since = base.boundary if base else EPOCH
        self._span = {"since": self.since, "boundary": new.boundary}
        self._committed: list[tuple[str, int, int]] = []

    def find(self, among: Iterable[Ranking], cause: str) -> None:
        """Keeps a row for each sum that differs, with a cause that may be named better later."""
        # What a job that catches up brings while its figures are looked into was not taken when they were compared.
        self._committed = [(topic, int(at), int(end)) for topic, at, end in self._store.rows(render.live_committed())]
        new, base = self.new.versions, self.base.versions if self.base else ()
        bound = {
            "version": self.new.version,
            "new": list(new),
            "added": [version for version in new if version not in base],
            "gone": [version for version in base if version not in new],
            "cause": cause,
            **self._span,
        }
        self._store.run([(drop_partition("drift", f"{self.new.version:d}"), {})])
        whole = not base or new[: len(base)] != base
        self._store.run((render.insert(ranking, whole=whole), bound) for ranking in among)

    def summary(self) -> tuple[Drift, ...]:
        """Its sums by ranking, currency and cause."""
        return tuple(Drift(*row) for row in self._store.rows(render.summary(), {"version": self.new.version}))

    def is_silent(self, among: Iterable[Ranking]) -> bool:
        """Whether live has no delta at all in the span."""
        return not any(self._store.rows(render.any_live(ranking), self._span) for ranking in among)

    def most(self, ranking: Ranking, most: int) -> list[Sequence[Any]]:
        """The rows that differ most, in the order of `COLUMNS`."""
        return list(self._store.rows(render.most(ranking), {"version": self.new.version, "most": most}))

    def live(self, ranking: Ranking, most: int) -> list[tuple[Any, ...]]:
        """What live has of the same sums: business day, currency, subject's columns, second, amount, sales."""
        bound = {"version": self.new.version, "most": most, **self._span}
        rows = self._store.rows(render.live(ranking), bound)
        return [(*row[:-3], aware(row[-3]), *row[-2:]) for row in rows]

    def committed(self) -> list[tuple[str, int, int]]:
        """How far live had read each partition, just before the sums were compared."""
        return self._committed

    def refused_by_live(self) -> list[tuple[str, int, int]]:
        """The positions of the records that live has refused."""
        rows = self._store.rows(render.refused_by_live(), {"until": self.new.boundary})
        return [(topic, int(at), int(offset)) for topic, at, offset in rows]

    def name(self, rows: Iterable[Sequence[Any]], causes: Mapping[Key, str]) -> None:
        """Names the causes of rows: of two rows of one key the one that was written last counts."""
        named = [(*row[:-1], causes[row[2], row[3], tuple(row[4])]) for row in rows]
        self._store.insert("drift", COLUMNS, named)

    def keep(self, dsn: str) -> None:
        """Copies the rows to PostgreSQL."""
        with connected(dsn) as connection, self._store.csv(render.rows(), {"version": self.new.version}) as rows:
            add_csv(connection, "drift", COLUMNS, rows)


def wait_for_live(store: Store, boundary: datetime, seconds: float, note: Callable[[str], None]) -> datetime | None:
    """Gives a live job that is close the time to pass the boundary; how far it has come then, None if unknown."""
    ends = time.monotonic() + seconds
    while True:
        seen = next((aware(seen) for (seen,) in store.rows(render.live_seen_through())), None)
        if seen is None or seen >= boundary or boundary - seen > CLOSE or time.monotonic() > ends:
            return seen
        note(f"waiting for the live job, which has read up to {seen:%H:%M:%S}")
        time.sleep(POLL_SECONDS)


def check(found: Iterable[Drift], totals: Mapping[tuple[str, str], Total], limit: float, again: str) -> None:
    """Whether the drift may be published.

    Args:
        found: the sums of the drift.
        totals: all amounts, without signs, and all sales, by ranking and currency.
        limit: the greatest share of either that may differ.
        again: the command that publishes all the same.

    Raises:
        DriftHeld: more differs, and the causes speak against one of the figures.
    """
    differing: dict[tuple[str, str], Total] = {}
    for each in found:
        if each.cause not in HARMLESS:
            at = each.ranking, each.currency
            differing[at] = differing.get(at, NOTHING).plus(each.amount, each.sales)
    over = [
        f"{' '.join(at)}: {told}"
        for at, much in differing.items()
        for told in _over(much, totals.get(at, NOTHING), Decimal(str(limit)))
    ]
    if over:
        raise DriftHeld(
            "the drift is over the limit, so that nothing is published",
            received="; ".join(over),
            valid=f"a share of {limit:g} at most (TIDELAKE_DRIFT_LIMIT)",
            todo=f"see `tidelake drift`; to publish all the same: {again}",
        )


def _over(much: Total, all_of_it: Total, limit: Decimal) -> Iterator[str]:
    if much.amount > all_of_it.amount * limit:
        yield f"{much.amount} of {all_of_it.amount}"
    if much.sales > all_of_it.sales * limit:
        yield f"{much.sales} of {all_of_it.sales} sales"


def kept(settings: Settings, version: int | None, most: int) -> tuple[int, list[Drift], list[tuple[Any, ...]]]:
    """A version's drift as PostgreSQL keeps it: its number, its sums by cause, and the rows that differ most.

    Args:
        version: its number, or None for the last run's.

    Raises:
        Permanent: nothing was ever reconciled, or that version's drift is not kept.
    """
    with connected(settings.platform_dsn.get_secret_value()) as connection, connection.cursor() as cursor:
        cursor.execute(render.kept_versions())
        known = [int(row[0]) for row in cursor.fetchall()]
        if not known:
            raise Permanent("nothing was reconciled yet", todo="run `tidelake reconcile`")
        number = version or known[-1]
        if number not in known:
            valid = ", ".join(map(str, known))
            raise Permanent("the drift of that version is not kept", received=number, valid=valid)
        cursor.execute(render.kept_summary(), {"version": number})
        summary = [Drift(*row) for row in cursor.fetchall()]
        cursor.execute(render.kept_rows(), {"version": number, "most": most})
        return number, summary, cursor.fetchall()
