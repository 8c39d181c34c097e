"""In-memory doubles of the stores that stand beside the answers', for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from runtime.errors import Retryable
from serving.asked import Asked
from serving.found import Kept, Publication
from serving.records import (
    DayPart,
    DeltaPart,
    Drift,
    DriftRow,
    DriftSum,
    LedgerRow,
    OperatorCall,
    Position,
    Published,
    Reasons,
    Reconciliation,
    Refused,
    SaleChange,
    SaleSeen,
    Wanted,
)
from serving.stores.memory import Switch


@dataclass
class MemoryRecords:
    """Versions, drift, quarantine and positions; also the reasons of every number."""

    published: list[Published] = field(default_factory=list)
    sums: dict[int, tuple[DriftSum, ...]] = field(default_factory=dict)
    rows: dict[int, tuple[DriftRow, ...]] = field(default_factory=dict)
    quarantine: list[Refused] = field(default_factory=list)
    progress: list[Position] = field(default_factory=list)
    days: tuple[DayPart, ...] = ()
    deltas: tuple[DeltaPart, ...] = ()
    left: Kept | None = None
    switch: Switch = field(default_factory=Switch)

    def publications(self, before: int, limit: int) -> tuple[Published, ...]:
        """Those below `before`."""
        self.switch.count("ClickHouse")
        known = sorted(self.published, key=lambda each: -each.publication.version)
        return tuple(each for each in known if each.publication.version < before)[:limit]

    def kept(self) -> Kept | None:
        """As it was put there."""
        self.switch.count("ClickHouse")
        return self.left

    def drift(self, version: int, ranking: str | None, after: int, limit: int) -> Drift:
        """As it was put there."""
        self.switch.count("ClickHouse")
        rows = [row for row in self.rows.get(version, ()) if ranking in (None, row.ranking)]
        return Drift(self.sums.get(version, ()), tuple(rows[after : after + limit]))

    def refused(self, wanted: Wanted, after: int, limit: int) -> tuple[Refused, ...]:
        """As it was put there."""
        self.switch.count("ClickHouse")
        found = [
            each
            for each in self.quarantine
            if wanted.topic in ("", each.topic)
            and wanted.state in ("", each.state)
            and wanted.record_id in ("", each.id)
        ]
        return tuple(found[after : after + limit])

    def positions(self) -> tuple[Position, ...]:
        """As it was put there."""
        self.switch.count("ClickHouse")
        return tuple(self.progress)

    def reasons(self, asked: Asked, publication: Publication | None) -> Reasons:
        """The same for every number."""
        self.switch.count("ClickHouse")
        return Reasons(self.days[: asked.limit], self.deltas[: asked.limit])


@dataclass
class MemoryLake:
    """Sales of the history, and of records of the log."""

    seen: tuple[SaleSeen, ...] = ()
    newest: tuple[SaleChange, ...] = ()
    switch: Switch = field(default_factory=Switch)

    def sales(self, asked: Asked, publication: Publication) -> tuple[SaleSeen, ...]:
        """The first of them."""
        self.switch.count("the lake")
        return self.seen[: asked.limit]

    def told(
        self, asked: Asked, publication: Publication | None, seconds: Sequence[datetime]
    ) -> tuple[SaleChange, ...]:
        """Those of these seconds, as they stand there."""
        self.switch.count("the lake")
        return tuple(each for each in self.newest if each.log_time.replace(microsecond=0) in seconds)[: asked.limit]


@dataclass
class MemoryLedger:
    """The ledger, and the audit log."""

    ledger: dict[int, LedgerRow] = field(default_factory=dict)
    calls: list[OperatorCall] = field(default_factory=list)
    runs: Reconciliation = field(default_factory=lambda: Reconciliation(None, None, 0))
    switch: Switch = field(default_factory=Switch)

    def reconciliation(self) -> Reconciliation:
        """As it was put there."""
        self.switch.count("PostgreSQL")
        return self.runs

    def row(self, version: int) -> LedgerRow | None:
        """As it was put there."""
        self.switch.count("PostgreSQL")
        return self.ledger.get(version)

    def write(self, call: OperatorCall) -> None:
        """Adds a line."""
        self.switch.count("PostgreSQL")
        self.calls.append(call)

    def read(self, before: datetime, limit: int) -> tuple[OperatorCall, ...]:
        """The newest first."""
        self.switch.count("PostgreSQL")
        return tuple(call for call in reversed(self.calls) if call.at < before)[:limit]


@dataclass
class MemoryOperations:
    """Remembers what was asked of it."""

    asked: list[str] = field(default_factory=list)
    failure: Retryable | None = None

    def publish(self, version: int) -> str:
        """Does nothing else."""
        return self._done(f"publish {version}")

    def replay(self, record_id: str, who: str) -> str:
        """Does nothing else."""
        return self._done(f"replay {record_id} by {who}")

    def discard(self, record_id: str, who: str, why: str) -> str:
        """Does nothing else."""
        return self._done(f"discard {record_id} by {who}: {why}")

    def _done(self, what: str) -> str:
        self.asked.append(what)
        if self.failure:
            raise self.failure
        return what
