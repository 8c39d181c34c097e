"""What a reconciliation proves: kept in its ledger row as JSON, and made so that it can be computed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from batch.bronze import Span
from batch.checksum import Checksum
from batch.drift import Drift
from batch.kafka import Partition
from batch.silver import States

KINDS = ("sale", "deletion", "rejected")

IN_LAKE = ("silver", "gold")
"""The steps whose result lies in snapshots of the lake, which never change: another version can go on from it."""


@dataclass(slots=True)
class Certificate:
    """Filled in step by step; the ledger keeps it after each of them.

    Attributes:
        through: the boundary T.
        versions: the chain that the run's version is the last of.
        base: the version that silver and gold go on from, or None if all of the log was read.
        rankings: the names of the rankings that are computed.
        zone: the business time zone's name.
        full: whether everything was asked to be read, whatever was there.
        done: the steps that need not be done again.
        marks: log time of the first mark at or after T, by partition.
        spans: what the lake held of each partition below T.
        kinds: records that are sales, deletions and refused ones.
        states: sales that exist, and sales that are gone.
        days: the business days whose sums were computed anew, or None for all.
        checksums: of each ranking's sums.
        snapshots: ids of the Iceberg snapshots that were read (bronze) and written.
        changed: rows of each ranking's difference to the version before it in the chain.
        loaded: the checksum of that difference.
        stored: fingerprints of each ranking's rows of the whole chain in each store, taken when they were proved.
        live_seen_through: how far the live job had come when the drift was taken.
        drift: its sums.
        accepted: why a drift over the limit was accepted, or None.
        seconds: how long each step took.
    """

    through: datetime
    versions: tuple[int, ...]
    base: int | None
    rankings: tuple[str, ...]
    zone: str
    full: bool
    done: list[str] = field(default_factory=list)
    marks: Mapping[Partition, datetime] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    kinds: Mapping[str, int] = field(default_factory=dict)
    states: States = field(default_factory=lambda: States(0, 0))
    days: Sequence[date] | None = None
    checksums: dict[str, Checksum] = field(default_factory=dict)
    snapshots: dict[str, int | None] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    loaded: dict[str, Checksum] = field(default_factory=dict)
    stored: dict[str, Checksum] = field(default_factory=dict)
    live_seen_through: datetime | None = None
    drift: tuple[Drift, ...] = ()
    accepted: str | None = None
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

    def asks_for_the_same(self, other: Certificate) -> bool:
        """Whether a run that was ended can be taken up as another one that is asked for."""
        mine, theirs = (
            (each.through, each.versions[:-1], each.base, each.rankings, each.zone, each.full) for each in (self, other)
        )
        return mine == theirs

    def taken_up(self, version: int) -> Certificate:
        """That of another version, which goes on where this one's run was ended."""
        done = [step for step in self.done if step in IN_LAKE]
        return replace(self, versions=(*self.versions[:-1], version), done=done)

    def add(self, spans: Iterable[Span], kinds: Mapping[str, int], before: Certificate | None) -> None:
        """Counts the records that were read, on top of those that an earlier version had read."""
        known = {_of(span): span for span in before.spans} if before else {}
        for span in spans:
            old = known.get(_of(span))
            known[_of(span)] = old.joined(span) if old else span
        self.spans = [known[at] for at in sorted(known)]
        earlier = before.kinds if before else {}
        self.kinds = {kind: kinds.get(kind, 0) + earlier.get(kind, 0) for kind in KINDS}

    def as_json(self) -> dict[str, object]:
        """The certificate as JSON can hold it: times in ISO 8601, amounts as strings."""
        return {
            "through": _iso(self.through),
            "versions": list(self.versions),
            "base": self.base,
            "rankings": list(self.rankings),
            "zone": self.zone,
            "full": self.full,
            "done": self.done,
            "partitions": [{**asdict(span), "mark": _iso(self.marks.get(_of(span)))} for span in self.spans],
            "marks": {f"{topic}/{partition}": _iso(at) for (topic, partition), at in self.marks.items()},
            "records": self.records,
            "kinds": self._all_kinds(),
            "sales": self.states.sales,
            "deleted": self.states.deleted,
            "days": None if self.days is None else [day.isoformat() for day in self.days],
            "checksums": {name: str(value) for name, value in self.checksums.items()},
            "snapshots": self.snapshots,
            "changed": self.changed,
            "loaded": {name: str(value) for name, value in self.loaded.items()},
            "stored": {name: str(value) for name, value in self.stored.items()},
            "live_seen_through": _iso(self.live_seen_through),
            "drift": [{**asdict(each), "amount": str(each.amount)} for each in self.drift],
            "accepted": self.accepted,
            "seconds": self.seconds,
        }

    def _all_kinds(self) -> dict[str, int]:
        """Marks are the records that were not parsed as anything else."""
        counted = {kind: self.kinds.get(kind, 0) for kind in KINDS}
        return {**counted, "mark": self.records - sum(counted.values())}


def from_json(kept: Mapping[str, Any]) -> Certificate:
    """The certificate that a ledger row keeps."""
    return Certificate(
        through=_time(kept["through"]),
        versions=tuple(kept["versions"]),
        base=kept["base"],
        rankings=tuple(kept["rankings"]),
        zone=kept["zone"],
        full=kept["full"],
        done=list(kept["done"]),
        marks={_partition(at): _time(time) for at, time in kept["marks"].items()},
        spans=[Span(**{name: value for name, value in each.items() if name != "mark"}) for each in kept["partitions"]],
        kinds={kind: kept["kinds"][kind] for kind in KINDS},
        states=States(kept["sales"], kept["deleted"]),
        days=None if kept["days"] is None else [date.fromisoformat(day) for day in kept["days"]],
        checksums=_checksums(kept["checksums"]),
        snapshots=dict(kept["snapshots"]),
        changed=dict(kept["changed"]),
        # Rows of the ledger that are older than these fields lack them.
        loaded=_checksums(kept.get("loaded", {})),
        stored=_checksums(kept.get("stored", {})),
        live_seen_through=kept["live_seen_through"] and _time(kept["live_seen_through"]),
        drift=tuple(Drift(**{**each, "amount": Decimal(each["amount"])}) for each in kept["drift"]),
        accepted=kept["accepted"],
        seconds=dict(kept["seconds"]),
    )


def _checksums(kept: Mapping[str, str]) -> dict[str, Checksum]:
    return {name: Checksum.of(text) for name, text in kept.items()}


def _of(span: Span) -> Partition:
    return span.topic, span.partition


def _partition(text: str) -> Partition:
    topic, _, partition = text.rpartition("/")
    return topic, int(partition)


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
