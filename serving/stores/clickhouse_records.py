"""ClickHouse: versions, drift, quarantine, positions, and what a number is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rankings.render import shapes
from serving.asked import Asked
from serving.found import Kept, Publication
from serving.records import DayPart, DeltaPart, Drift, DriftRow, DriftSum, Position, Published, Reasons, Refused, Wanted
from serving.stores.clickhouse import ClickHouse, Rows, parameters

FAR = datetime(2200, 1, 1, tzinfo=UTC)


class ClickHouseRecords:
    """Reads what stands beside the deltas."""

    def __init__(self, server: ClickHouse) -> None:
        self._server = server

    def publications(self, before: int, limit: int) -> tuple[Published, ...]:
        """Versions less than `before`, the newest first."""
        rows = self._server.rows(shapes.publications(), {"before": before, "limit": limit})
        return tuple(
            Published(Publication(int(version), boundary, tuple(map(int, chain)), tuple(names), at), int(times))
            for version, boundary, chain, names, at, times in rows
        )

    def kept(self) -> Kept | None:
        """What was left when versions and live deltas were last dropped."""
        for newest, versions, live_from in self._server.rows(shapes.kept(), {}):
            return Kept(int(newest), frozenset(map(int, versions)), live_from)
        return None

    def drift(self, version: int, ranking: str | None, after: int, limit: int) -> Drift:
        """A version's drift, leaving out the first `after` rows."""
        bound = {"version": version, "ranking": ranking or "", "after": after, "limit": limit}
        rows = self._server.rows(shapes.drift_rows(), bound)
        sums = self._server.rows(shapes.drift_sums(), {"version": version})
        return Drift(
            tuple(DriftSum(*row) for row in sums),
            tuple(DriftRow(name, day, currency, tuple(subject), *rest) for name, day, currency, subject, *rest in rows),
        )

    def refused(self, wanted: Wanted, after: int, limit: int) -> tuple[Refused, ...]:
        """What is in quarantine, last refused first, leaving out the first `after`."""
        bound = {"topic": wanted.topic, "state": wanted.state, "id": wanted.record_id, "after": after, "limit": limit}
        return tuple(_refused(row) for row in self._server.rows(shapes.refused_records(), bound))

    def positions(self) -> tuple[Position, ...]:
        """How far every job has come in every partition."""
        return tuple(Position(*row) for row in self._server.rows(shapes.positions()))


class ClickHouseWhy:
    """Tells what a number is made of."""

    def __init__(self, server: ClickHouse) -> None:
        self._server = server

    def reasons(self, asked: Asked, publication: Publication | None) -> Reasons:
        """Business days and newest live deltas of the subject, `limit` of each at most."""
        bound: Mapping[str, object] = {
            **parameters(replace(asked, until=asked.until or FAR - timedelta(days=1)), publication),
            "limit": asked.limit,
        }
        days: Rows = self._server.rows(shapes.days_of(asked.ranking), bound)
        deltas: Rows = self._server.rows(shapes.deltas_of(asked.ranking), bound)
        return Reasons(tuple(DayPart(*row) for row in days), tuple(DeltaPart(*row) for row in deltas))


def _refused(row: Sequence[Any]) -> Refused:
    name, source, sale_id, hops, topic, at, log_time, field, reason, key, payload, first, last, times, state = row
    return Refused(
        id=name,
        source=source,
        sale_id=sale_id,
        hops=tuple(hops),
        topic=topic,
        at=at,
        log_time=log_time,
        field=field,
        reason=reason,
        key=key,
        payload=payload,
        first_seen=first,
        last_seen=last,
        times=int(times),
        state=state,
    )
