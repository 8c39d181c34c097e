"""The lake: the sales behind history's sums, from Iceberg's silver table as of a publication, and those behind live
ones, from its copy of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial, reduce
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import structlog

from rankings.contract import parse
from rankings.sale import Deletion, Key, Sale
from serving.asked import Asked
from serving.found import Publication
from serving.ports import StoreAway
from serving.records import SaleChange, SaleSeen
from serving.slots import Slots
from serving.stores.lake_changes import Told, changes

SALES, LOG = "silver.sales", "bronze.log"
COLUMNS = (
    "source", "sale_id", "occurred_at", "country", "city", "salesman_id", "salesman", "amount", "currency",
    "topic", "partition", "offset", "log_time",
)  # fmt: skip
LOG_COLUMNS = ("topic", "partition", "offset", "key", "payload", "log_time")
SALE_COLUMNS = tuple(Sale.__slots__)

MOST_SECONDS, MOST_RECORDS = 60, 20_000
"""So many seconds of the log are looked into at most, and so many of their records: a second or two of this process."""

MOST_EARLIER_FILES, MOST_EARLIER_RECORDS = 100, 200_000
"""So much of the log before them is searched at most for what their sales were before: the newest of it."""

EPOCH = datetime.fromtimestamp(0, UTC)

Found = TypeVar("Found")


def within(properties: Mapping[str, str], seconds: float) -> dict[str, str]:
    """The properties of a catalogue that is waited for that long at most, by one statement or one request for a file.

    pyiceberg knows no such limit for a REST catalogue.
    """
    bounded = {"s3.connect-timeout": str(seconds), "s3.request-timeout": str(seconds), **properties}
    if properties.get("uri", "").startswith("postgresql"):
        from sqlalchemy.engine import make_url

        ms = str(int(seconds * 1000))
        limits = {"connect_timeout": "2", "tcp_user_timeout": ms, "options": f"-c statement_timeout={ms}"}
        address = make_url(properties["uri"]).update_query_dict({**limits, "application_name": "tidelake-api"})
        bounded["uri"] = address.render_as_string(hide_password=False)
    return bounded


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
        found = self._read(lambda tables: tables.history(asked, publication, self._zone))
        rows = found.sort_by([("amount", "descending"), ("sale_id", "ascending")]).slice(0, asked.limit).to_pylist()
        return tuple(SaleSeen(**{**row, **_times(row)}) for row in rows)

    def told(
        self, asked: Asked, publication: Publication | None, seconds: Sequence[datetime]
    ) -> tuple[SaleChange, ...]:
        """What records of some seconds of log time changed in the subject's figures, newest first, `limit` at most.

        The lake is some seconds behind the log. Of a great many seconds or records, some are looked into. What a sale
        was before is in the log since the boundary or in that publication's history; where the log since then is too
        long to be searched, it may not be known: a record that then tells a sale elsewhere is not found.

        Raises:
            StoreAway: the lake cannot be read, or it has no snapshot of that version any more.
            Busy: others are reading.
        """
        if not seconds:
            return ()
        counts = partial(_counts, asked=asked, zone=self._zone)

        def found(tables: _Tables) -> list[SaleChange]:
            records, whole = tables.records(seconds)
            before = self._before(tables, asked, publication, records) if whole else {}
            known = {key: sale if sale and counts(sale) else None for key, sale in before.items()}
            return list(changes(records, known, counts))

        return tuple(reversed(self._read(found)[-asked.limit :]))

    def _before(
        self, tables: _Tables, asked: Asked, publication: Publication | None, records: Sequence[Told]
    ) -> dict[Key, Sale | None]:
        """What their sales were before the first of some records, as far as that is known."""
        keys = {each.said.key: each.key for each in records if each.key is not None}
        if not keys:
            return {}
        since = publication.boundary if publication else EPOCH
        first = min(each.log_time for each in records)
        earlier, whole = tables.earlier(set(keys.values()), since, first)
        states = {each.said.key: each.said if isinstance(each.said, Sale) else None for each in earlier}
        if not whole:
            return states
        rest = keys.keys() - states.keys()
        held: dict[Key, Sale] = {}
        if publication:
            only = [sale_id for _, sale_id in rest]
            held = _by_key(tables.history(asked, publication, self._zone, only))
        return states | {key: held.get(key) for key in rest}

    def _read(self, scan: Callable[[_Tables], Found]) -> Found:
        """What is found with a catalogue that is closed again: its connections would outlive it."""
        from pyiceberg.catalog import load_catalog

        def reading() -> Found:
            try:
                with load_catalog("lake", **self._properties) as catalogue:
                    return scan(_Tables(catalogue))
            except StoreAway:
                raise
            except Exception as error:
                # pyiceberg passes on whatever the catalogue, the file system or Arrow raise.
                structlog.get_logger().warning("the lake could not be read", exc_info=True)
                raise StoreAway("the lake cannot be read", received=str(error)) from error

        return self._slots.run(reading)


class _Tables:
    """The lake's tables, while its catalogue is open."""

    def __init__(self, catalogue: Any) -> None:
        self._catalogue = catalogue

    def history(self, asked: Asked, publication: Publication, zone: ZoneInfo, only: Sequence[str] | None = None) -> Any:
        """The subject's sales as of that publication; `only` those of some ids."""
        from pyiceberg.expressions import And

        table = self._catalogue.load_table(SALES)
        snapshot = table.snapshot_by_name(f"v{publication.version}")
        if snapshot is None:
            raise StoreAway(f"the lake has no snapshot of version {publication.version}")
        wanted = _filter(asked, zone)
        if only is not None:
            wanted = And(wanted, _among("sale_id", only))
        return table.scan(row_filter=wanted, selected_fields=COLUMNS, snapshot_id=snapshot.snapshot_id).to_arrow()

    def records(self, seconds: Sequence[datetime]) -> tuple[list[Told], bool]:
        """What the newest of some seconds tell of sales, in the log's order, and whether that is all that they do."""
        newest = sorted(set(seconds), reverse=True)[:MOST_SECONDS]
        while True:
            rows = self._log(reduce(_either, map(_second, newest)), MOST_RECORDS).to_arrow()
            if len(rows) < MOST_RECORDS or len(newest) == 1:
                return _sales_of(rows), len(rows) < MOST_RECORDS
            newest = newest[: len(newest) // 2]

    def earlier(self, keys: set[bytes], since: datetime, until: datetime) -> tuple[list[Told], bool]:
        """What records of these keys tell in a span of the log, as far back as it is searched; whether that is all."""
        from pyiceberg.expressions import And
        from pyiceberg.io.pyarrow import ArrowScan

        if since >= until:
            return [], True
        scan = self._log(And(_span(since, until), _among("key", keys)))
        tasks, searched_since = _newest(scan)
        # What a table's scan does with all of its files.
        arrow = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter)
        found = _sales_of(arrow.to_table(tasks))
        return [each for each in found if each.log_time > searched_since], searched_since < since

    def _log(self, wanted: Any, limit: int | None = None) -> Any:
        return self._catalogue.load_table(LOG).scan(row_filter=wanted, selected_fields=LOG_COLUMNS, limit=limit)


def _by_key(rows: Any) -> dict[Key, Sale]:
    fields = rows.select(SALE_COLUMNS).to_pylist()
    sales = (Sale(**{**each, "occurred_at": _aware(each["occurred_at"])}) for each in fields)
    return {sale.key: sale for sale in sales}


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
    return _span(second, second + timedelta(seconds=1))


def _span(since: datetime, until: datetime) -> Any:
    from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan

    begin, end = since.astimezone(UTC).isoformat(), until.astimezone(UTC).isoformat()
    return And(GreaterThanOrEqual(term="log_time", value=begin), LessThan(term="log_time", value=end))


def _among(column: str, values: Any) -> Any:
    from pyiceberg.expressions import In

    return In(term=column, literals=values)


def _either(one: Any, other: Any) -> Any:
    from pyiceberg.expressions import Or

    return Or(one, other)


def _newest(scan: Any) -> tuple[list[Any], datetime]:
    """The newest files of a scan of the log, and the log time up to which there are records in others."""
    field = scan.table_metadata.schema().find_field("log_time")
    files = sorted(((_until(task.file, field), task) for task in scan.plan_files()), key=lambda each: each[0])
    found: list[Any] = []
    records = 0
    while files and len(found) < MOST_EARLIER_FILES:
        records += files[-1][1].file.record_count
        if found and records > MOST_EARLIER_RECORDS:
            break
        found.append(files.pop()[1])
    return found, files[-1][0] if files else EPOCH - timedelta(seconds=1)


def _until(file: Any, field: Any) -> datetime:
    """The greatest log time in a file; the end of time where that is not written down."""
    from pyiceberg.conversions import from_bytes

    bound = (file.upper_bounds or {}).get(field.field_id)
    if bound is None:
        return datetime.max.replace(tzinfo=UTC)
    micros: Any = from_bytes(field.field_type, bound)
    return EPOCH + timedelta(microseconds=micros)


def _sales_of(rows: Any) -> list[Told]:
    """What rows of the log's copy tell of sales, in the log's order; each record once.

    A lake job that was rebuilt from the log has delivered again. Within a partition the offset tells, also where the
    log's clock went back; between partitions the log time that the records of a key have reached.
    """
    by_position = {(row["topic"], row["partition"], row["offset"]): row for row in rows.to_pylist()}
    reached: dict[Any, datetime] = {}
    ordered = []
    for at, row in sorted(by_position.items()):
        of_key = row["key"], *at[:2]
        reached[of_key] = max(row["log_time"], reached.get(of_key, row["log_time"]))
        ordered.append((reached[of_key], at))
    return list(_parsed(by_position[at] for _, at in sorted(ordered)))


def _parsed(rows: Iterable[Mapping[str, Any]]) -> Iterator[Told]:
    for row in rows:
        said = parse(row["payload"])
        if isinstance(said, Sale | Deletion):
            place = {name: row[name] for name in ("topic", "partition", "offset", "key")}
            yield Told(**place, log_time=_aware(row["log_time"]), said=said)


def _counts(sale: Sale, asked: Asked, zone: ZoneInfo) -> bool:
    """Whether it is one that is asked for."""
    if sale.currency != asked.currency:
        return False
    if tuple(getattr(sale, column) for column in asked.ranking.subject) != asked.subject:
        return False
    first, last = asked.days
    return first <= sale.business_day(zone) <= last


def _begin(day: date, zone: ZoneInfo) -> str:
    return datetime.combine(day, time(), zone).astimezone(UTC).isoformat()


def _times(row: Mapping[str, Any]) -> dict[str, datetime]:
    return {name: _aware(row[name]) for name in ("occurred_at", "log_time")}


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
