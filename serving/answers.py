"""The answer: history before the boundary and live from it on, pinned to one publication, with its evidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from rankings.ranking import Label
from rankings.render.clickhouse import View
from serving.asked import Asked
from serving.cached import CachedFigures, Place
from serving.found import Entry, Found, Publication, Ranked, Standing, Store
from serving.ports import Clock, Deltas, StoreFailed, Totals
from serving.ticks import Remembered, tick_number, utc_now
from serving.versions import Versions

Names = Callable[[Label, Sequence[str]], dict[str, str]]


class Unanswerable(StoreFailed):
    """No store that is there can answer this."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A question's figures, and what has to be known to judge them.

    Attributes:
        asked: the question.
        store: who gave the figures.
        ranked: the figures.
        standing: where the platform stood just before they were read.
        history: the publication whose history is in the figures, or None.
        answered_at: when the answer was put together (UTC).
        read_at: when its figures began to be read (UTC).
        cached: whether another request of this tick made the figures.
    """

    asked: Asked
    store: Store
    ranked: Ranked
    standing: Standing
    history: Publication | None
    answered_at: datetime
    read_at: datetime
    cached: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """How long what may be served again.

    Attributes:
        tick_ms: answers with a live part, and the platform's standing.
        reconciled_ms: figures of a published version.
    """

    tick_ms: int
    reconciled_ms: int


class Answers:
    """Answers questions from ClickHouse, or with less from PostgreSQL.

    Args:
        deltas: holds everything.
        totals: holds the reconciled totals in case the other is away.
        versions: knows those that were published before.
        figures: the cache.
        pace: how long what may be served again.
        clock: tells the time.
    """

    def __init__(
        self,
        deltas: Deltas,
        totals: Totals,
        versions: Versions,
        figures: CachedFigures,
        *,
        pace: Pace,
        clock: Clock = utc_now,
    ) -> None:
        self._deltas, self._totals, self._versions, self._figures = deltas, totals, versions, figures
        self._pace, self._clock = pace, clock
        self._standing = Remembered(deltas.standing, pace.tick_ms, clock)
        self._last_published = Remembered(totals.published, pace.tick_ms, clock)

    def answer(self, asked: Asked, not_before: datetime | None = None) -> Answer:
        """The answer.

        Args:
            asked: the question.
            not_before: figures that began to be read earlier than this are read anew.

        Raises:
            Unanswerable: ClickHouse gives no figures, and PostgreSQL has none of this kind either.
            NoSuchVersion: the version that is asked for was never published.
            NotKept: it was, and part of what its figures are made of has been dropped.
            Busy: too many ask at once.
        """
        try:
            return self._fresh(asked, not_before)
        except StoreFailed as error:
            structlog.get_logger().warning("ClickHouse gave no figures", reason=error.wrong)
            return self._from_totals(asked)

    def standing(self) -> Standing:
        """Where the platform stands, as of this tick. Raises StoreFailed."""
        return self._standing.get()

    def _fresh(self, asked: Asked, not_before: datetime | None) -> Answer:
        answer = self._from_deltas(asked)
        while not_before and answer.read_at < not_before:
            time.sleep(self._pace.tick_ms / 1000)
            answer = self._from_deltas(asked)
        return answer

    def _from_deltas(self, asked: Asked) -> Answer:
        standing = self._pinned(asked)
        history = _history(asked, standing.publication)
        version = f"v{history.version if history else 0}"
        found, cached = self._figures.through(
            lambda: self._place(asked, version), lambda: self._find(asked, history, standing)
        )
        # What a published version says does not change with the live job's progress: show the newest.
        if asked.view is not View.RECONCILED:
            standing = found.standing
        return Answer(asked, Store.CLICKHOUSE, found.ranked, standing, history, self._clock(), found.read_at, cached)

    def _pinned(self, asked: Asked) -> Standing:
        """The platform's standing, at the version that is asked for."""
        standing = self._standing.get()
        if asked.as_of is None:
            return standing
        return replace(standing, publication=self._versions.get(asked.as_of) if asked.as_of else None)

    def _find(self, asked: Asked, history: Publication | None, standing: Standing) -> Found:
        read_at = self._clock()
        ranked = self._deltas.ranked(asked, history)
        current = self._standing.get().publication
        # All that the current version needs is kept.
        if asked.as_of is not None and not (current and current.version == asked.as_of):
            self._versions.check_kept(asked, history)
        return Found(_named(asked, ranked, self._deltas.names), standing, read_at)

    def _from_totals(self, asked: Asked) -> Answer:
        history = self._published(asked)
        place = self._place(replace(asked, view=View.RECONCILED), f"t{history.version}")
        found, cached = self._figures.through(lambda: place, lambda: self._find_totals(asked, history))
        now = self._clock()
        return Answer(asked, Store.POSTGRESQL, found.ranked, found.standing, history, now, found.read_at, cached)

    def _find_totals(self, asked: Asked, history: Publication) -> Found:
        read_at = self._clock()
        try:
            ranked = _named(asked, self._totals.ranked(asked, history), self._totals.names)
        except StoreFailed as error:
            raise Unanswerable("neither ClickHouse nor PostgreSQL gives figures", todo=LATER) from error
        return Found(ranked, Standing(history, (), {}), read_at)

    def _published(self, asked: Asked) -> Publication:
        if asked.view is View.LIVE:
            raise Unanswerable("ClickHouse gives no figures, and only it holds live ones", todo=RECONCILED_OR_LATER)
        if not asked.is_plain:
            raise Unanswerable("ClickHouse gives no figures, and only it compares periods", todo=LATER)
        try:
            published = self._last_published.get()
        except StoreFailed as error:
            raise Unanswerable("neither ClickHouse nor PostgreSQL gives figures", todo=LATER) from error
        if published is None:
            raise Unanswerable("ClickHouse gives no figures, and nothing has been reconciled yet", todo=LATER)
        if asked.as_of not in (None, published.version):
            raise Unanswerable("ClickHouse gives no figures, and only it holds older versions", todo=LATER)
        return published

    def _place(self, asked: Asked, version: str) -> Place:
        if asked.view is View.RECONCILED:
            return Place(asked, version, "all", self._pace.reconciled_ms)
        tick = tick_number(self._clock(), self._pace.tick_ms)
        return Place(asked, version, str(tick), 4 * self._pace.tick_ms)


LATER = "try again in a few seconds"
RECONCILED_OR_LATER = "ask for view=reconciled, or try again in a few seconds"


def _history(asked: Asked, publication: Publication | None) -> Publication | None:
    """The publication, if it has a history of this ranking."""
    return publication if publication and asked.ranking.name in publication.rankings else None


def _named(asked: Asked, ranked: Ranked, names: Names) -> Ranked:
    """The figures with the names that belong beside the subjects."""
    labels = asked.ranking.labels
    if not labels or not ranked.entries:
        return ranked
    columns = [_column(asked, ranked, label, names) for label in labels]
    named = zip(ranked.entries, zip(*columns, strict=True), strict=True)
    return replace(ranked, entries=tuple(replace(entry, names=tuple(found)) for entry, found in named))


def _column(asked: Asked, ranked: Ranked, label: Label, names: Names) -> list[str | None]:
    at = asked.ranking.subject.index(label.key)
    keys = [_key(entry, at) for entry in ranked.entries]
    known = names(label, sorted(set(keys)))
    return [known.get(key) for key in keys]


def _key(entry: Entry, at: int) -> str:
    return entry.subject[at]
