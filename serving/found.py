"""What the stores say, before it becomes an answer. All of it can be kept in the cache as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

NOTHING = Decimal(0)


class Store(StrEnum):
    """Who gave the figures."""

    CLICKHOUSE = "clickhouse"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True)
class Publication:
    """The reconciliation that answers are pinned to.

    Attributes:
        version: its number in the ledger.
        boundary: log time T (UTC): history before it, live from it on.
        versions: the chain of versions whose differences add up to this history.
        rankings: names of the rankings that it has a history for; PostgreSQL does not tell them.
        published_at: since when answers are pinned to it (UTC).
    """

    version: int
    boundary: datetime
    versions: tuple[int, ...]
    rankings: tuple[str, ...]
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """How far the live job has read one topic.

    Attributes:
        topic: the topic's name.
        seen_through: everything with an earlier log time (UTC) has arrived; None before the first mark.
        lag_records: how many records of the log are still to come.
    """

    topic: str
    seen_through: datetime | None
    lag_records: int


@dataclass(frozen=True, slots=True)
class SourceFares:
    """How a source fares: the log cannot tell what a source that stands still has not yet told it.

    Attributes:
        name: the source's name.
        kind: postgres, files, rest or soap; unknown where its definition was never valid.
        topic: where its records go in the log.
        state: running, waiting, retrying, stopped, or unknown where nothing has told yet.
        last_error: why it is retrying or stopped; empty where it is well.
        last_read_at: when a reading last came to its end (UTC), where it is read so.
        measured_at: when that was told (UTC).
    """

    name: str
    kind: str
    topic: str
    state: str
    last_error: str
    last_read_at: datetime | None
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What the care of the stores has left.

    Attributes:
        newest: the greatest version that there was: later ones are all there.
        versions: those up to it whose differences are kept.
        live_from: log time from which on all live deltas are kept (UTC).
    """

    newest: int
    versions: frozenset[int]
    live_from: datetime

    def lacks(self, publication: Publication) -> bool:
        """Whether a part of its history has been dropped."""
        return any(map(self.dropped, publication.versions))

    def dropped(self, version: int) -> bool:
        """Whether the rows of a version are gone: its differences and its drift."""
        return version <= self.newest and version not in self.versions


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the platform stood at one moment: read before the figures, so that it never promises too much.

    Attributes:
        publication: the current one, or None before the first.
        progress: the live job's, one for each topic that has been measured.
        quarantine: how many records are open in quarantine, by topic.
        missing: how many sales the figures may lack for that, by source.
        sources: how each source that is defined fares, by name.
    """

    publication: Publication | None
    progress: tuple[SourceProgress, ...]
    quarantine: dict[str, int]
    missing: dict[str, int] = field(default_factory=dict)
    sources: tuple[SourceFares, ...] = ()


@dataclass(frozen=True, slots=True)
class Before:
    """A subject's figures in the period that is compared with; the rank is 0 if it has none."""

    rank: int
    amount: Decimal
    sales: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: the rank (from 1), the subject's values in the ranking's order, its total, and names to show.

    Attributes:
        names: for each of the ranking's labels the name, or None if it is not known.
        period: the first day of the period that the line is about, where there are periods.
        before: the figures of the other period, where two are compared.
    """

    rank: int
    subject: tuple[str, ...]
    amount: Decimal
    sales: int
    names: tuple[str | None, ...] = ()
    period: date | None = None
    before: Before | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """The figures of one question.

    Attributes:
        entries: in the ranking's order.
        live_turnover: sum of the absolute live deltas that count.
        all_turnover: sum of all absolute deltas that count.
        more: whether there are further entries beyond the limit.
    """

    entries: tuple[Entry, ...]
    live_turnover: Decimal = NOTHING
    all_turnover: Decimal = NOTHING
    more: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Figures, and how far they reach: what the cache keeps.

    Attributes:
        ranked: the figures.
        standing: where the platform stood when they were read.
        read_at: when they began to be read (UTC).
    """

    ranked: Ranked
    standing: Standing
    read_at: datetime
