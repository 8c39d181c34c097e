"""In-memory doubles of all stores, for tests: they answer with the oracle, and can be switched off."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from rankings.oracle import Filter, SumKey, Total, answer
from rankings.ranking import Label
from rankings.render.clickhouse import View
from serving.asked import Asked
from serving.found import Entry, Publication, Ranked, Standing
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
        return Ranked(
            _entries(asked, [(key, total) for key, total, _ in parts]),
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
        return [(key, total) for second, key, total in deltas if not publication or second >= publication.boundary]


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
        return Ranked(_entries(asked, list(sums.items())))

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
    return Filter(asked.currency, first, last, asked.country, asked.limit)


def _entries(asked: Asked, parts: list[tuple[SumKey, Total]]) -> tuple[Entry, ...]:
    sums: dict[SumKey, Total] = {}
    for key, total in parts:
        sums[key] = sums.get(key, Total(Decimal("0.00"), 0)).plus(total.amount, total.sales)
    whole = answer(asked.ranking, sums, replace(_filter(asked), limit=None))
    entries = [Entry(each.rank, each.subject, each.amount, each.sales) for each in whole if each.sales or each.amount]
    return tuple(_renumbered(entries, len(asked.ranking.within), asked.limit))


def _renumbered(entries: list[Entry], within: int, limit: int) -> list[Entry]:
    """Ranks anew, since subjects that are gone have been left out."""
    seen: dict[tuple[str, ...], int] = {}
    kept = []
    for entry in entries:
        group = entry.subject[:within]
        seen[group] = seen.get(group, 0) + 1
        if seen[group] <= limit:
            kept.append(replace(entry, rank=seen[group]))
    return kept


def _counts(asked: Asked, key: SumKey) -> bool:
    return bool(answer(asked.ranking, {key: Total(Decimal(1), 1)}, _filter(asked)))
