"""What a reconciliation proves: kept in its ledger row as JSON, and made so that it can be computed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from batch.bronze import Span
from batch.checksum import Checksum
from batch.clickhouse import Drift
from batch.kafka import Partition
from batch.silver import States


@dataclass(slots=True)
class Certificate:
    """Filled in step by step.

    Attributes:
        through: the boundary T.
        versions: the chain that the run's version is the last of.
        marks: log time of the first mark at or after T, by partition.
        spans: what the lake held of each partition below T.
        kinds: records that are sales, deletions, marks and refused ones.
        states: sales that exist, and sales that are gone.
        checksums: of each ranking's sums.
        snapshots: ids of the Iceberg snapshots that were read (bronze) and written.
        changed: rows of each ranking's difference to the base.
        live_seen_through: how far the live job had come when the drift was taken.
        drift: its sums.
        seconds: how long each step took.
    """

    through: datetime
    versions: tuple[int, ...]
    marks: Mapping[Partition, datetime] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    kinds: Mapping[str, int] = field(default_factory=dict)
    states: States = field(default_factory=lambda: States(0, 0))
    checksums: dict[str, Checksum] = field(default_factory=dict)
    snapshots: dict[str, int | None] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    live_seen_through: datetime | None = None
    drift: tuple[Drift, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """Records below the boundary, of every kind."""
        return sum(span.records for span in self.spans)

    @property
    def refused(self) -> int:
        """Records that the contract refuses."""
        return self.kinds.get("rejected", 0)

    @property
    def drifted(self) -> int:
        """Sums that the live path had otherwise."""
        return sum(each.rows for each in self.drift)

    def as_json(self) -> dict[str, object]:
        """The certificate as JSON can hold it: times in ISO 8601, amounts as strings."""
        return {
            "through": _iso(self.through),
            "versions": list(self.versions),
            "partitions": [{**asdict(span), "mark": _iso(self.marks.get(_of(span)))} for span in self.spans],
            "marks": {f"{topic}/{partition}": _iso(at) for (topic, partition), at in self.marks.items()},
            "records": self.records,
            "kinds": self._all_kinds(),
            "sales": self.states.sales,
            "deleted": self.states.deleted,
            "checksums": {name: str(value) for name, value in self.checksums.items()},
            "snapshots": self.snapshots,
            "changed": self.changed,
            "live_seen_through": _iso(self.live_seen_through),
            "drift": [{**asdict(each), "amount": str(each.amount)} for each in self.drift],
            "seconds": self.seconds,
        }

    def _all_kinds(self) -> dict[str, int]:
        """Marks are the records that were not parsed as anything else."""
        counted = {kind: self.kinds.get(kind, 0) for kind in ("sale", "deletion", "rejected")}
        return {**counted, "mark": self.records - sum(counted.values())}


def _of(span: Span) -> Partition:
    return span.topic, span.partition


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")
