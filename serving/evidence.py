"""What an answer rests on, and what it lacks, as every answer says it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from rankings.render.clickhouse import View
from rankings.topics import TOPICS
from serving.answers import Answer
from serving.found import Publication, Ranked, SourceFares, SourceProgress, Standing, Store
from serving.records import Reconciliation

STANDING_STILL = ("stopped", "retrying")
"""States of a source that may have more to tell than it has."""

SHARE_STEP = Decimal("0.000001")

Document = dict[str, object]


def evidence(answer: Answer, freshness_limit_seconds: float) -> Document:
    """The part `evidence` of an answer.

    Args:
        answer: the answer.
        freshness_limit_seconds: a source read no further than this many seconds ago makes an answer partial.
    """
    because = partial_because(answer, freshness_limit_seconds)
    return {
        "store": answer.store,
        "publication": publication_short(answer.standing.publication),
        "boundary": instant(answer.history.boundary) if answer.history else None,
        "live_share": live_share(answer.ranked),
        "freshness": [freshness(each, answer.answered_at) for each in answer.standing.progress],
        "sources": None if answer.store is Store.POSTGRESQL else sources(answer.standing, answer.answered_at),
        "quarantine": _quarantine(answer),
        "partial": bool(because),
        "partial_because": because,
        "answered_at": instant(answer.answered_at),
        "cached": answer.cached,
    }


def partial_because(answer: Answer, freshness_limit_seconds: float) -> list[str]:
    """Everything that the answer lacks or may lack, a sentence each; nothing if it is whole."""
    if answer.store is Store.POSTGRESQL:
        return [
            "ClickHouse gives no figures: these are the reconciled totals that PostgreSQL keeps, "
            "without anything from the boundary on"
        ]
    lacks = _history_lacks(answer)
    if answer.asked.view is not View.RECONCILED:
        lacks += _live_lacks(answer, freshness_limit_seconds)
    told = (_untold(each, answer, freshness_limit_seconds) for each in answer.standing.sources)
    return lacks + [each for each in told if each]


def _untold(source: SourceFares, answer: Answer, limit: float) -> str | None:
    """What a source may not have told the log yet. What it told before the boundary is in a history already."""
    read = source.last_read_at
    if answer.asked.view is View.RECONCILED and not (answer.history and read and read < answer.history.boundary):
        return None
    if source.state in STANDING_STILL:
        since = f", last read {instant(read)}" if read else ""
        why = f": {source.last_error}" if source.last_error else ""
        return f"source {source.name} ({source.kind}) is {source.state}{since}{why}"
    if _seconds_since(source.measured_at, answer.answered_at) > limit:
        told = instant(source.measured_at)
        return f"source {source.name} ({source.kind}): it has not been told since {told} how it fares"
    return None


def _history_lacks(answer: Answer) -> list[str]:
    if answer.history or answer.asked.view is View.LIVE:
        return []
    published = answer.standing.publication
    if published:
        name = answer.asked.ranking.name
        return [f"publication {published.version} has no history of {name}: the next reconciliation brings it"]
    if answer.asked.view is View.RECONCILED:
        return ["nothing has been reconciled yet"]
    return []


def _live_lacks(answer: Answer, freshness_limit_seconds: float) -> list[str]:
    measured = {each.topic: each for each in answer.standing.progress}
    if not measured:
        return ["it is not known how far any source has been read: no progress has been measured"]
    expected = sorted(set(TOPICS) | set(measured))
    lacks = [_source_lacks(topic, measured.get(topic), answer, freshness_limit_seconds) for topic in expected]
    return [lack for lack in lacks if lack]


def _source_lacks(topic: str, progress: SourceProgress | None, answer: Answer, limit: float) -> str | None:
    if progress is None or progress.seen_through is None:
        return f"{topic}: it is not known how far it has been read"
    if answer.history and progress.seen_through < answer.history.boundary:
        return f"{topic}: live has been read up to {instant(progress.seen_through)} only, which is before the boundary"
    lag = _seconds_since(progress.seen_through, answer.answered_at)
    if lag > limit:
        # The moment and not its age: what has not changed reads the same, and so does its ETag.
        return f"{topic}: read up to {instant(progress.seen_through)} only, more than {limit:g} s ago"
    return None


def live_share(ranked: Ranked) -> str:
    """How much of the turnover that an answer sums came live, from 0 to 1, as a decimal string."""
    if not ranked.all_turnover:
        return "0"
    share = (ranked.live_turnover / ranked.all_turnover).quantize(SHARE_STEP)
    return f"{share.normalize():f}"


def instant(moment: datetime) -> str:
    """A UTC time in ISO 8601 with Z.

    >>> from datetime import UTC
    >>> instant(datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=UTC))
    '2026-01-31T12:00:00.250Z'
    """
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def publication_short(publication: Publication | None) -> Document | None:
    """The reconciliation that answers are pinned to."""
    if publication is None:
        return None
    at = publication.published_at
    return {
        "version": publication.version,
        "boundary": instant(publication.boundary),
        "published_at": instant(at) if at else None,
    }


def freshness(progress: SourceProgress, now: datetime) -> Document:
    """How far a source has been read, as of a moment."""
    seen = progress.seen_through
    return {
        "topic": progress.topic,
        "seen_through": instant(seen) if seen else None,
        "lag_seconds": round(_seconds_since(seen, now), 3) if seen else None,
        "lag_records": progress.lag_records,
    }


def sources(standing: Standing, now: datetime) -> list[Document]:
    """How each source fares, as of a moment."""
    return [_source(each, now) for each in standing.sources]


def _source(source: SourceFares, now: datetime) -> Document:
    read = source.last_read_at
    return {
        "name": source.name,
        "kind": source.kind,
        "topic": source.topic,
        "state": source.state,
        "last_read_at": instant(read) if read else None,
        "lag_seconds": round(_seconds_since(read, now), 3) if read else None,
        "last_error": source.last_error or None,
        "measured_at": instant(source.measured_at),
    }


def reconciliation(found: Reconciliation | None) -> Document | None:
    """How the runs of the reconciliation and the nights ended; None where it is not known."""
    return {**asdict(found), **_ends(found)} if found else None


def _ends(found: Reconciliation) -> Document:
    """Two runs and a night with their times as text."""
    ends = {
        "last_success": found.last_success,
        "last_failure": found.last_failure,
        "last_night": found.last_night,
    }
    return {name: {**asdict(end), "at": instant(end.at)} if end else None for name, end in ends.items()}


def _quarantine(answer: Answer) -> Document | None:
    """None where it is not known."""
    if answer.store is Store.POSTGRESQL:
        return None
    by_topic, missing = answer.standing.quarantine, answer.standing.missing
    return {
        "total": sum(by_topic.values()),
        "by_topic": by_topic,
        "missing_sales": sum(missing.values()),
        "missing_by_source": missing,
    }


def _seconds_since(moment: datetime, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())
