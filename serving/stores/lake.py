"""The lake: the sales behind history's sums, from Iceberg's silver table as of a publication."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from serving.asked import Asked
from serving.found import Publication
from serving.ports import StoreAway
from serving.records import SaleSeen
from serving.slots import Slots

SALES = "silver.sales"
COLUMNS = (
    "source", "sale_id", "occurred_at", "country", "city", "salesman_id", "salesman", "amount", "currency",
    "topic", "partition", "offset", "log_time",
)  # fmt: skip


class IcebergLake:
    """Reads the lake.

    Args:
        properties: how pyiceberg's SQL catalogue is reached.
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
        return self._slots.run(lambda: self._read(asked, publication))

    def _read(self, asked: Asked, publication: Publication) -> tuple[SaleSeen, ...]:
        try:
            found = self._scan(asked, publication)
        except StoreAway:
            raise
        except Exception as error:
            # pyiceberg passes on whatever the catalogue, the file system or Arrow raise.
            structlog.get_logger().warning("the lake could not be read", exc_info=True)
            raise StoreAway("the lake cannot be read", received=str(error)) from error
        rows = found.sort_by([("amount", "descending"), ("sale_id", "ascending")]).slice(0, asked.limit).to_pylist()
        return tuple(SaleSeen(**{**row, **_times(row)}) for row in rows)

    def _scan(self, asked: Asked, publication: Publication) -> Any:
        from pyiceberg.catalog.sql import SqlCatalog

        table = SqlCatalog("lake", **self._properties).load_table(SALES)
        snapshot = table.snapshot_by_name(f"v{publication.version}")
        if snapshot is None:
            raise StoreAway(f"the lake has no snapshot of version {publication.version}")
        scan = table.scan(
            row_filter=_filter(asked, self._zone), selected_fields=COLUMNS, snapshot_id=snapshot.snapshot_id
        )
        return scan.to_arrow()


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


def _begin(day: date, zone: ZoneInfo) -> str:
    return datetime.combine(day, time(), zone).astimezone(UTC).isoformat()


def _times(row: Mapping[str, Any]) -> dict[str, datetime]:
    return {name: row[name].replace(tzinfo=row[name].tzinfo or UTC) for name in ("occurred_at", "log_time")}
