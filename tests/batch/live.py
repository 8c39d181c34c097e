"""What live has in ClickHouse after it has taken some records, or some of them only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from rankings.catalogue import RANKINGS
from rankings.contract import Rejected
from rankings.sale import Deletion, Sale
from tests.batch.log import Record
from tests.batch.world import World
from tests.golden.deltas import Delta, Live, live

Rows = dict[str, Live]


def told(world: World, records: Iterable[Record], forget_at: datetime | None = None) -> Rows:
    """The live rows of records; a job that forgets its state at some moment knows no sale from then on."""
    zone = ZoneInfo(world.settings.business_time_zone)
    changes = [(each.log_time, said) for each in records if isinstance(said := each.said, Sale | Deletion)]
    parts = [changes]
    if forget_at:
        parts = [[each for each in changes if (each[0] < forget_at) is early] for early in (True, False)]
    rows: Rows = {}
    for ranking in RANKINGS:
        found: Live = {}
        for part in parts:
            for at, delta in live(ranking, part, zone).items():
                old = found.get(at, Delta(Decimal(0), 0, 0))
                found[at] = Delta(old.amount + delta.amount, old.sales + delta.sales, old.records + delta.records)
        rows[ranking.name] = found
    return rows


def lived(world: World, rows: Rows, records: Sequence[Record]) -> None:
    """Live has these rows, and has taken or refused these records."""
    for ranking in RANKINGS:
        world.insert(
            ranking.live_table,
            [
                {
                    "second": second,
                    **dict(zip(ranking.sum_key, key, strict=True)),
                    **{"amount": delta.amount, "sales": delta.sales, "records": delta.records},
                }
                for (second, key), delta in rows[ranking.name].items()
            ],
        )
    refused = [each for each in records if isinstance(each.said, Rejected)]
    text = {"field": "", "reason": "no", "key": "", "payload": "", "hop": "stream"}
    world.insert(
        "quarantine",
        [
            {"topic": each.topic, "partition": each.partition, "offset": each.offset, "log_time": each.log_time, **text}
            for each in refused
        ],
    )
    ends: dict[tuple[str, int], Record] = {}
    for each in records:
        ends[each.topic, each.partition] = each
    position = {"path": "live", "log_end": 1}
    world.insert(
        "progress",
        [
            {**position, "topic": topic, "partition": at, "committed": last.offset + 1, "seen_through": last.log_time}
            | {"measured_at": last.log_time}
            for (topic, at), last in ends.items()
        ],
    )
