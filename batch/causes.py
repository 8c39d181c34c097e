"""The causes of a drift: each sum that live has otherwise is looked into, and told apart by what the log says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from batch.drift import LIVE_BEHIND, MOST, DriftRows, Key
from batch.gold import month_of
from rankings.ranking import Ranking
from rankings.render import causes as render

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

STATE_LOST = "live had lost its state"
REFUSED = "live had refused its records"
INVALID = "live had taken records that the contract refuses"
REGRESSED = "the log's clock went back"
LOST = "live lacks deltas"
FOREIGN = "live has deltas that no record explains"
ALTERED = "live has deltas with other figures than their records"
UNKNOWN = "unknown"

Figures = tuple[Decimal, int]
NOTHING: Figures = (Decimal(0), 0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one sum.

    Attributes:
        more: amount and sales by which live is more than the log.
        untaken: the effects of records that live had not taken.
        refused: of those that it had refused.
        regressed: of those whose log time lies before the span.
        behind: whether there are records that live had not taken.
        state_lost: whether live is more by what it would be, had it forgotten all sales at some moment.
        missing: log seconds that live lacks.
        foreign: log seconds that it has without any record.
        altered: log seconds that it has with other figures.
    """

    more: Figures
    untaken: Figures = NOTHING
    refused: Figures = NOTHING
    regressed: Figures = NOTHING
    behind: bool = False
    state_lost: bool = False
    missing: int = 0
    foreign: int = 0
    altered: int = 0


def cause(known: Evidence, *, refused_by_batch_alone: bool = False) -> str:
    """Why live is more or less than the log.

    >>> cause(Evidence(more=(Decimal(-5), -1), refused=(Decimal(5), 1)))
    'live had refused its records'
    """
    for effects, named in ((known.refused, REFUSED), (known.regressed, REGRESSED), (known.untaken, LIVE_BEHIND)):
        if effects != NOTHING and known.more == (-effects[0], -effects[1]):
            return named
    if known.state_lost:
        return STATE_LOST
    if known.foreign:
        return INVALID if refused_by_batch_alone else FOREIGN
    if known.missing or known.altered:
        return _of_seconds(known)
    return LIVE_BEHIND if known.behind else UNKNOWN


def _of_seconds(known: Evidence) -> str:
    if known.missing and known.altered:
        return UNKNOWN
    return LOST if known.missing else ALTERED


def look_into(spark: SparkSession, found: DriftRows, among: Iterable[Ranking], zone: str) -> None:
    """Names the causes of a drift; the view `parsed` holds the records of its span.

    Args:
        found: the drift.
        among: the rankings.
        zone: the business time zone's name.
    """
    make = spark.createDataFrame
    make(found.committed(), "topic string, partition int, committed bigint").createOrReplaceTempView(render.TAKEN)
    make(found.refused_by_live(), "topic string, partition int, offset bigint").createOrReplaceTempView(
        render.REFUSED_BY_LIVE
    )
    drifted = {ranking: rows for ranking in among if (rows := found.most(ranking, MOST))}
    base = found.base.version if found.base else None
    months = _months(row[2] for rows in drifted.values() for row in rows)
    steps = spark.sql(render.steps(base, months), {"since": found.since}).persist()
    steps.createOrReplaceTempView(render.STEPS)
    alone = bool(spark.sql(render.refused_by_batch_alone()).head(1))
    for ranking, rows in drifted.items():
        _views(spark, ranking, rows, found.live(ranking, MOST))
        told = spark.sql(render.evidence(ranking), {"zone": zone}).collect()
        known = ((_key(ranking, row), _evidence(row)) for row in told)
        found.name(rows, {key: cause(each, refused_by_batch_alone=alone) for key, each in known})
    steps.unpersist()


def _months(days: Iterable[date]) -> set[int]:
    """The months of UTC, counted from 1970, that have a part of some business days, whatever the time zone.

    >>> sorted(_months([date(2026, 1, 1), date(2026, 1, 15)]))
    [671, 672]
    """
    return {month_of(day + timedelta(days=near)) for day in days for near in (-1, 0, 1)}


def _views(
    spark: SparkSession, ranking: Ranking, rows: Sequence[Sequence[Any]], live: Sequence[tuple[Any, ...]]
) -> None:
    keys = "business_day date, currency string, " + ", ".join(f"{name} string" for name in ranking.subject)
    figures = "amount decimal(38, 2), sales bigint"
    more = [(day, currency, *subject, la - ra, ls - rs) for _, _, day, currency, subject, la, ra, ls, rs, _ in rows]
    spark.createDataFrame(more, f"{keys}, {figures}").createOrReplaceTempView(render.DRIFTED)
    spark.createDataFrame(live, f"{keys}, second timestamp, {figures}").createOrReplaceTempView(render.LIVE)


def _key(ranking: Ranking, row: Any) -> Key:
    return row.business_day, row.currency, tuple(row[name] for name in ranking.subject)


def _evidence(row: Any) -> Evidence:
    untaken, refused, regressed = _effects(row)
    seconds = row.missing, row.foreign, row.altered
    return Evidence((row.amount, row.sales), untaken, refused, regressed, row.behind, row.state_lost, *seconds)


def _effects(row: Any) -> Iterator[Figures]:
    for flag in ("untaken", "refused", "regressed"):
        yield row[f"{flag}_amount"], row[f"{flag}_sales"]
