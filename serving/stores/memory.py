"""In-memory doubles of all stores, for tests: they answer with the oracle, and can be switched off."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from rankings.oracle import Filter, SumKey, Total, answer
from rankings.ranking import Label
from rankings.render.clickhouse import View
from rankings.render.shapes import Step
from serving.asked import Asked
from serving.found import Before, Entry, Publication, Ranked, Standing
from serving.paging import trimmed
from serving.ports import ApiKey, StoreAway

Sums = Mapping[SumKey, Total]
"""Totals or deltas by business day, currency and subject."""


@dataclass
class Switch:
    """Counts calls, and can be turned off."""

    away: bool = False
    calls: int = 0
    seconds: float = 0.0
    """How long each call takes."""

    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, name: str) -> None:
        """Raises StoreAway while the store is switched off."""
        with self._lock:
            self.calls += 1
        time.sleep(self.seconds)
        if self.away:
            raise StoreAway(f"{name} does not answer")


@dataclass
class MemoryDeltas:
    """Deltas in memory.

    Attributes:
        reconciled: by ranking and version, the differences to the version before it in the chain.
        live: by ranking, deltas with their log second.
        standings: what `standing` and `publication` say.
        labels: names by key.
        switch: for all methods; `ranked_switch` for `ranked` alone.
    """

    reconciled: dict[str, dict[int, Sums]] = field(default_factory=dict)
    live: dict[str, list[tuple[datetime, SumKey, Total]]] = field(default_factory=dict)
    standings: Standing = field(default_factory=lambda: Standing(None, (), {}))
    labels: dict[str, str] = field(default_factory=dict)
    switch: Switch = field(default_factory=Switch)
    ranked_switch: Switch = field(default_factory=Switch)

    def publication(self) -> Publication | None:
        """The current one."""
        self.switch.count("ClickHouse")
        return self.standings.publication

    def standing(self) -> Standing:
        """As it was put there."""
        self.switch.count("ClickHouse")
        return self.standings

    def ranked(self, asked: Asked, publication: Publication | None) -> Ranked:
        """By the oracle."""
        self.switch.count("ClickHouse")
        self.ranked_switch.count("ClickHouse")
        parts = [(key, total, False) for key, total in self._history(asked, publication)]
        parts += [(key, total, True) for key, total in self._since(asked, publication)]
        turnover = [(abs(total.amount), live) for key, total, live in parts if _counts(asked, key)]
        return trimmed(
            asked,
            _shaped(asked, [(key, total) for key, total, _ in parts]),
            sum((amount for amount, live in turnover if live), Decimal(0)),
            sum((amount for amount, _ in turnover), Decimal(0)),
        )

    def names(self, label: Label, keys: Sequence[str]) -> dict[str, str]:
        """Those that are known."""
        self.switch.count("ClickHouse")
        return {key: self.labels[key] for key in keys if key in self.labels}

    def _history(self, asked: Asked, publication: Publication | None) -> list[tuple[SumKey, Total]]:
        if asked.view is View.LIVE or publication is None:
            return []
        versions = self.reconciled.get(asked.ranking.name, {})
        return [item for version in publication.versions for item in versions.get(version, {}).items()]

    def _since(self, asked: Asked, publication: Publication | None) -> list[tuple[SumKey, Total]]:
        if asked.view is View.RECONCILED:
            return []
        deltas = self.live.get(asked.ranking.name, [])
        since = publication.boundary if publication else datetime.min.replace(tzinfo=UTC)
        until = asked.until or datetime.max.replace(tzinfo=UTC)
        return [(key, total) for second, key, total in deltas if since <= second < until]


@dataclass
class MemoryTotals:
    """Reconciled totals in memory.

    Attributes:
        last: the version last published.
        totals: by ranking and version.
        labels: names by key.
    """

    last: Publication | None = None
    totals: dict[str, dict[int, Sums]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    switch: Switch = field(default_factory=Switch)

    def published(self) -> Publication | None:
        """As it was put there."""
        self.switch.count("PostgreSQL")
        return self.last

    def ranked(self, asked: Asked, publication: Publication) -> Ranked:
        """By the oracle."""
        self.switch.count("PostgreSQL")
        sums = self.totals.get(asked.ranking.name, {}).get(publication.version, {})
        return trimmed(asked, _shaped(asked, list(sums.items())))

    def names(self, label: Label, keys: Sequence[str]) -> dict[str, str]:
        """Those that are known."""
        self.switch.count("PostgreSQL")
        return {key: self.labels[key] for key in keys if key in self.labels}


@dataclass
class MemoryKeys:
    """Hashes of API keys in memory."""

    known: dict[bytes, ApiKey] = field(default_factory=dict)
    switch: Switch = field(default_factory=Switch)

    def find(self, key_hash: bytes) -> ApiKey | None:
        """The key of that hash."""
        self.switch.count("PostgreSQL")
        return self.known.get(key_hash)

    def revoke(self, key_hash: bytes) -> None:
        """Takes a key back."""
        self.known[key_hash] = replace(self.known[key_hash], revoked=True)


@dataclass
class MemoryCache:
    """A cache in memory; nothing runs out. Away, it holds nothing and grants every claim."""

    away: bool = False
    values: dict[str, bytes] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: str) -> bytes | None:
        """What was put there."""
        return None if self.away else self.values.get(key)

    def claim(self, key: str, milliseconds: int) -> str | None:
        """A token for the first who asks."""
        with self._lock:
            if not self.away and key in self.claims:
                return None
            self.claims[key] = f"claim {len(self.claims)}"
            return self.claims[key]

    def put(self, key: str, value: bytes, milliseconds: int, token: str) -> None:
        """Keeps the value, and gives the claim back."""
        if not self.away:
            self.values[key] = value
        self.release(key, token)

    def release(self, key: str, token: str) -> None:
        """Gives the claim back, if it is still this one."""
        with self._lock:
            if self.claims.get(key) == token:
                del self.claims[key]


def _filter(asked: Asked) -> Filter:
    first, last = asked.days
    return Filter(asked.currency, first, last, asked.country)


def _shaped(asked: Asked, parts: Sequence[tuple[SumKey, Total]]) -> list[Entry]:
    """One entry more than the limit in each group, as the real stores give it."""
    if asked.against:
        found = _compared(asked, parts)
    elif asked.step:
        found = _by_period(asked, parts, asked.step)
    else:
        found = _entries(asked, parts)
    last = asked.after + asked.limit + 1
    kept = [entry for entry in found if asked.after < entry.rank <= last]
    return [entry for entry in kept if asked.subject in (None, entry.subject)]


def _by_period(asked: Asked, parts: Sequence[tuple[SumKey, Total]], step: Step) -> list[Entry]:
    periods: dict[date, list[tuple[SumKey, Total]]] = {}
    for key, total in parts:
        periods.setdefault(first_day_of(key[0], step), []).append((key, total))
    return [
        replace(entry, period=period) for period, some in sorted(periods.items()) for entry in _entries(asked, some)
    ]


def _compared(asked: Asked, parts: Sequence[tuple[SumKey, Total]]) -> list[Entry]:
    assert asked.against
    first, last = asked.against
    others = {entry.subject: entry for entry in _entries(replace(asked, first_day=first, last_day=last), parts)}
    found = [replace(entry, before=_before(others.pop(entry.subject, None))) for entry in _entries(asked, parts)]
    gone = [Entry(0, other.subject, Decimal("0.00"), 0, before=_before(other)) for other in others.values()]
    within = len(asked.ranking.within)
    ordered = sorted(
        [*found, *gone], key=lambda entry: (entry.subject[:within], entry.rank == 0, entry.rank, entry.subject)
    )
    return _renumbered(ordered, within)


def _before(entry: Entry | None) -> Before:
    return Before(entry.rank, entry.amount, entry.sales) if entry else Before(0, Decimal("0.00"), 0)


def first_day_of(day: object, step: Step) -> date:
    """The first day of the period that a day lies in."""
    assert isinstance(day, date)
    if step is Step.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if step is Step.WEEK else day


def _entries(asked: Asked, parts: Sequence[tuple[SumKey, Total]]) -> list[Entry]:
    sums: dict[SumKey, Total] = {}
    for key, total in parts:
        sums[key] = sums.get(key, Total(Decimal("0.00"), 0)).plus(total.amount, total.sales)
    whole = answer(asked.ranking, sums, _filter(asked))
    entries = [Entry(each.rank, each.subject, each.amount, each.sales) for each in whole if each.sales or each.amount]
    return _renumbered(entries, len(asked.ranking.within))


def _renumbered(entries: list[Entry], within: int) -> list[Entry]:
    """Ranks anew, since subjects that are gone have been left out."""
    counted: dict[tuple[str, ...], int] = {}
    kept = []
    for entry in entries:
        group = entry.subject[:within]
        counted[group] = counted.get(group, 0) + 1
        kept.append(replace(entry, rank=counted[group]))
    return kept


def _counts(asked: Asked, key: SumKey) -> bool:
    spans = [asked.days, asked.against] if asked.against else [asked.days]
    return any(
        answer(asked.ranking, {key: Total(Decimal(1), 1)}, Filter(asked.currency, *span, asked.country))
        for span in spans
        if span
    )
