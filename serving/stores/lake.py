"""The lake: the sales behind history's sums, from Iceberg's silver table as of a publication, and those behind live
ones, from its copy of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from rankings.contract import parse
from rankings.sale import Sale
from serving.asked import Asked
from serving.found import Publication
from serving.ports import StoreAway
from serving.records import SaleSeen
from serving.slots import Slots

SALES, LOG = "silver.sales", "bronze.log"
COLUMNS = (
    "source", "sale_id", "occurred_at", "country", "city", "salesman_id", "salesman", "amount", "currency",
    "topic", "partition", "offset", "log_time",
)  # fmt: skip
LOG_COLUMNS = ("topic", "partition", "offset", "payload", "log_time")

MOST_SECONDS, MOST_RECORDS = 60, 20_000
"""So many seconds of the log are looked into at most, and so many of their records: a second or two of this process."""


class IcebergLake:
    """Reads the lake.

    Args:
        properties: pyiceberg's, of the catalogue; `type` says of which kind.
        zone: the business time zone, which business days are told in.
        slots: how many scans run at one time.
    """

    def __init__(self, properties: Mapping[str, str], zone: ZoneInfo, slots: Slots) -> None:
        self._properties, self._zone, self._slots = dict(properties), zone, slots

    def sales(self, asked: Asked, publication: Publication) -> tuple[SaleSeen, ...]:
        """The greatest sales of the subject that is asked for, as of that publication, `limit` at most.

        Raises:
            StoreAway: the lake cannot be read, or it has no snapshot of that version any more.
            Busy: others are reading.
        """
        found = self._slots.run(lambda: self._read(lambda: self._history(asked, publication)))
        rows = found.sort_by([("amount", "descending"), ("sale_id", "ascending")]).slice(0, asked.limit).to_pylist()
        return tuple(SaleSeen(**{**row, **_times(row)}) for row in rows)

    def told(self, asked: Asked, seconds: Sequence[datetime]) -> tuple[SaleSeen, ...]:
        """What records of some seconds of log time said of the subject's sales, newest first, `limit` at most.

        The lake is some seconds behind the log. Of a record that takes a sale away from the subject, what it took is
        not in the record: it is not found. Of a great many seconds or records, some are looked into.

        Raises:
            StoreAway: the lake cannot be read.
            Busy: others are reading.
        """
        if not seconds:
            return ()
        rows = self._slots.run(lambda: self._read(lambda: self._log(seconds))).to_pylist()
        # A lake job that was rebuilt from the log has delivered again.
        by_position = {(row["topic"], row["partition"], row["offset"]): row for row in rows}
        ordered = sorted(by_position.items(), key=lambda item: (item[1]["log_time"], item[0]), reverse=True)
        seen = (_seen(row, asked, self._zone) for _, row in ordered)
        return tuple(islice((each for each in seen if each), asked.limit))

    def _read(self, scan: Callable[[], Any]) -> Any:
        try:
            return scan()
        except StoreAway:
            raise
        except Exception as error:
            # pyiceberg passes on whatever the catalogue, the file system or Arrow raise.
            structlog.get_logger().warning("the lake could not be read", exc_info=True)
            raise StoreAway("the lake cannot be read", received=str(error)) from error

    def _history(self, asked: Asked, publication: Publication) -> Any:
        table = self._table(SALES)
        snapshot = table.snapshot_by_name(f"v{publication.version}")
        if snapshot is None:
            raise StoreAway(f"the lake has no snapshot of version {publication.version}")
        scan = table.scan(
            row_filter=_filter(asked, self._zone), selected_fields=COLUMNS, snapshot_id=snapshot.snapshot_id
        )
        return scan.to_arrow()

    def _log(self, seconds: Sequence[datetime]) -> Any:
        newest = sorted(set(seconds), reverse=True)[:MOST_SECONDS]
        within = reduce(_either, map(_second, newest))
        return self._table(LOG).scan(row_filter=within, selected_fields=LOG_COLUMNS, limit=MOST_RECORDS).to_arrow()

    def _table(self, name: str) -> Any:
        from pyiceberg.catalog import load_catalog

        return load_catalog("lake", **self._properties).load_table(name)


def _filter(asked: Asked, zone: ZoneInfo) -> Any:
    from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, LessThan

    subject = dict(zip(asked.ranking.subject, asked.subject or (), strict=True))
    terms: list[Any] = [
        EqualTo(term=column, value=value)
        for column, value in {"deleted": False, "currency": asked.currency, **subject}.items()
    ]
    if asked.first_day:
        terms.append(GreaterThanOrEqual(term="occurred_at", value=_begin(asked.first_day, zone)))
    if asked.last_day:
        terms.append(LessThan(term="occurred_at", value=_begin(asked.last_day + timedelta(days=1), zone)))
    return And(*terms)


def _second(second: datetime) -> Any:
    from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan

    ends = second.astimezone(UTC), (second + timedelta(seconds=1)).astimezone(UTC)
    since, until = (each.isoformat() for each in ends)
    return And(GreaterThanOrEqual(term="log_time", value=since), LessThan(term="log_time", value=until))


def _either(one: Any, other: Any) -> Any:
    from pyiceberg.expressions import Or

    return Or(one, other)


def _seen(row: Mapping[str, Any], asked: Asked, zone: ZoneInfo) -> SaleSeen | None:
    """The sale that a record of the log tells, if it is one that is asked for."""
    told = parse(row["payload"])
    if not isinstance(told, Sale) or told.currency != asked.currency:
        return None
    if tuple(getattr(told, column) for column in asked.ranking.subject) != asked.subject:
        return None
    day = told.business_day(zone)
    if (asked.first_day and day < asked.first_day) or (asked.last_day and day > asked.last_day):
        return None
    position = {name: row[name] for name in ("topic", "partition", "offset")}
    return SaleSeen(**asdict(told), **position, log_time=row["log_time"].astimezone(UTC))


def _begin(day: date, zone: ZoneInfo) -> str:
    return datetime.combine(day, time(), zone).astimezone(UTC).isoformat()


def _times(row: Mapping[str, Any]) -> dict[str, datetime]:
    return {name: row[name].replace(tzinfo=row[name].tzinfo or UTC) for name in ("occurred_at", "log_time")}
