"""What records of the log changed in a subject's figures: each moves them from what its sale was to what it tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from rankings.sale import Deletion, Key, Sale
from serving.records import Happened, SaleChange


@dataclass(frozen=True, slots=True)
class Told:
    """A record of the log that tells a sale, or that it is gone.

    Attributes:
        topic, partition, offset: its position.
        log_time: when the log took it (UTC).
        key: its key in the log; the same for all records of a sale.
        said: what it says.
    """

    topic: str
    partition: int
    offset: int
    log_time: datetime
    key: bytes | None
    said: Sale | Deletion


Counts = Callable[[Sale], bool]
"""Whether a sale is in the figures."""


def changes(records: Iterable[Told], before: Mapping[Key, Sale | None], counts: Counts) -> Iterator[SaleChange]:
    """What each record changed; those that changed nothing are left out.

    Args:
        records: in the order of the log.
        before: what sales were before the first of their records, None where they were not in the figures; of a sale
            that is not in it, that is not known.
        counts: which sales are in the figures.
    """
    standing = dict(before)
    for record in records:
        key = record.said.key
        known, was = key in standing, standing.get(key)
        now = record.said if isinstance(record.said, Sale) and counts(record.said) else None
        standing[key] = now
        if now is not None and not known:
            yield _seen(record, now, None, None, None)
        elif now != was:
            yield from _change(record, was, now)


def _change(record: Told, was: Sale | None, now: Sale | None) -> Iterator[SaleChange]:
    """A sale that goes is shown as it counted until then."""
    if was is None:
        if now is not None:
            yield _seen(record, now, Happened.CAME, now.amount, 1)
    elif now is None:
        gone = isinstance(record.said, Deletion)
        yield _seen(record, was, Happened.DELETED if gone else Happened.MOVED_AWAY, -was.amount, -1)
    elif now.amount != was.amount:
        yield _seen(record, now, Happened.CHANGED, now.amount - was.amount, 0)


def _seen(record: Told, sale: Sale, happened: Happened | None, amount: Decimal | None, sales: int | None) -> SaleChange:
    return SaleChange(
        **asdict(sale),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        log_time=record.log_time,
        happened=happened,
        amount_change=amount,
        sales_change=sales,
    )
