"""The sales behind live sums, from a lake's copy of the log and the history before it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyiceberg.catalog import Catalog, load_catalog

from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.oracle import state
from rankings.ranking import Ranking
from rankings.render.clickhouse import View
from rankings.sale import Deletion, Sale
from serving.asked import Asked
from serving.ports import StoreAway
from serving.records import Happened
from serving.slots import Slots
from serving.stores import lake
from serving.stores.lake import MOST_SECONDS, IcebergLake, within
from tests.serving.world import ZONE, Change, deltas, history, publication, sale

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = Asked(TOP_SALES_PER_CITY, View.MERGED, "EUR", subject=("Germany", "Berlin"))
LOG = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("key", pa.binary()),
        ("payload", pa.binary()),
        ("log_time", pa.timestamp("us", "UTC")),
    ]
)
SALES = pa.schema(
    [
        *((name, pa.string()) for name in ("source", "sale_id", "country", "city", "salesman_id", "salesman")),
        ("deleted", pa.bool_()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("amount", pa.decimal128(18, 2)),
        ("currency", pa.string()),
        *(field for field in LOG if field.name not in ("key", "payload")),
    ]
)
SALE = {
    "source": "till",
    "occurred_at": "2026-03-01T11:59:00Z",
    "country": "Germany",
    "city": "Berlin",
    "salesman_id": "7",
    "amount": "1.50",
    "currency": "EUR",
}


@pytest.fixture
def properties(tmp_path: Path) -> dict[str, str]:
    """Those of a catalogue in a file."""
    return {"type": "sql", "uri": f"sqlite:///{tmp_path / 'catalogue'}", "warehouse": tmp_path.as_uri()}


@pytest.fixture
def catalogue(properties: dict[str, str]) -> Catalog:
    """It, with an empty copy of the log, and a history of nothing."""
    made = load_catalog("lake", **properties)
    for name, schema in (("bronze.log", LOG), ("silver.sales", SALES)):
        made.create_namespace(name.partition(".")[0])
        made.create_table(name, schema=schema)
    return made


@pytest.fixture
def read(properties: dict[str, str]) -> IcebergLake:
    """What is tested, in a zone whose days end at 16 o'clock UTC."""
    return IcebergLake(properties, ZoneInfo("Asia/Shanghai"), Slots("the lake", 1, 0, 1))


def write(catalogue: Catalog, rows: Iterable[tuple[int, float, Any]]) -> None:
    """Appends records, each of an offset, seconds after noon and a payload."""
    columns = [
        {
            "topic": "events.rest",
            "partition": 1,
            "offset": offset,
            "key": str(payload.get("sale_id")).encode() if isinstance(payload, dict) else b"k",
            "payload": json.dumps(payload).encode() if isinstance(payload, dict) else payload,
            "log_time": NOON + timedelta(seconds=seconds),
        }
        for offset, seconds, payload in rows
    ]
    append(catalogue, "bronze.log", pa.Table.from_pylist(columns, LOG))


def append(catalogue: Catalog, name: str, rows: pa.Table) -> None:
    """Appends rows to a table, as a file of their own."""
    table = catalogue.load_table(name)
    path = Path(table.location().removeprefix("file://"), f"{len(table.snapshots())}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    # pyiceberg writes with a later version of pyarrow alone.
    parquet.write_table(rows, path)
    table.add_files([path.as_uri()])


def reconcile(catalogue: Catalog, changes: Sequence[Change], version: int) -> None:
    """Silver as of a version: what is left of all the sales."""
    place = {"topic": "events.rest", "partition": 1, "offset": 0, "log_time": NOON, "deleted": False}
    left = [asdict(sale) | place for sale in state(record for _, record in changes).values()]
    append(catalogue, "silver.sales", pa.Table.from_pylist(left, SALES))
    table = catalogue.load_table("silver.sales")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    table.manage_snapshots().create_tag(snapshot.snapshot_id, f"v{version}").commit()


def payload(record: Sale | Deletion) -> dict[str, Any]:
    """A record as sources write it."""
    if isinstance(record, Deletion):
        return asdict(record) | {"deleted": True}
    moment = record.occurred_at.isoformat().replace("+00:00", "Z")
    return asdict(record) | {"occurred_at": moment, "amount": str(record.amount)}


def test_the_records_of_some_seconds_that_tell_a_sale_of_the_subject_are_found(
    catalogue: Catalog, read: IcebergLake
) -> None:
    told = [
        (0, -0.001, SALE | {"sale_id": "before"}),
        (1, 0.0, SALE | {"sale_id": "first", "amount": "-2"}),
        (2, 0.5, SALE | {"sale_id": "elsewhere", "city": "Bonn"}),
        (3, 0.5, SALE | {"sale_id": "other money", "currency": "USD"}),
        (4, 0.6, {"source": "till", "sale_id": "first", "deleted": True}),
        (5, 0.7, b"rubbish"),
        (6, 0.8, {"mark": "2026-03-01T12:00:00.800Z"}),
        (7, 0.999, SALE | {"sale_id": "last", "city": " Berlin\t"}),
        (8, 1.0, SALE | {"sale_id": "not asked for"}),
        (9, 2.5, SALE | {"sale_id": "newest", "salesman": "Ana"}),
    ]
    write(catalogue, told)
    write(catalogue, told[6:])  # a lake job that was rebuilt from the log delivers again
    found = read.told(BERLIN, None, [NOON, NOON + timedelta(seconds=2)])
    assert [(each.sale_id, each.offset, each.happened) for each in found] == [
        ("newest", 9, "came"), ("last", 7, "came"), ("first", 4, "deleted"), ("first", 1, "came"),
    ]  # fmt: skip
    assert (found[0].salesman, found[0].topic, found[0].partition) == ("Ana", "events.rest", 1)
    assert found[0].log_time == NOON + timedelta(seconds=2.5)
    assert [str(each.amount_change) for each in found] == ["1.50", "1.50", "2.00", "-2.00"]
    assert str(found[2].amount) == "-2.00", "a sale that went is shown as it counted"
    assert [each.sale_id for each in read.told(replace(BERLIN, limit=1), None, [NOON])] == ["last"]


def test_business_days_bound_what_is_found(catalogue: Catalog, read: IcebergLake) -> None:
    times = {"first of March": "2026-03-01T15:59:59Z", "second of March": "2026-03-01T16:00:00Z"}
    write(
        catalogue, [(n, 0, SALE | {"sale_id": name, "occurred_at": at}) for n, (name, at) in enumerate(times.items())]
    )
    for day, name in zip((date(2026, 3, 1), date(2026, 3, 2)), times, strict=True):
        asked = replace(BERLIN, first_day=day, last_day=day)
        assert [each.sale_id for each in read.told(asked, None, [NOON])] == [name]


def test_no_seconds_are_no_question_and_many_are_bounded(
    catalogue: Catalog, read: IcebergLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read.told(BERLIN, None, []) == ()
    write(catalogue, [(n, n, SALE | {"sale_id": str(n)}) for n in range(4)])
    monkeypatch.setattr(lake, "MOST_SECONDS", 2)
    asked = [NOON + timedelta(seconds=n) for n in range(4)]
    assert [each.sale_id for each in read.told(BERLIN, None, asked)] == ["3", "2"]


@pytest.mark.parametrize("is_reconciled", [True, False])
@pytest.mark.parametrize("ranking", RANKINGS, ids=lambda ranking: ranking.name)
def test_what_is_found_sums_to_the_live_deltas(
    catalogue: Catalog, properties: dict[str, str], ranking: Ranking, is_reconciled: bool
) -> None:
    changes = [each for each in history(7) if isinstance(each[1], Deletion) or each[1].country]
    boundary = changes[150][0].replace(microsecond=0)
    if is_reconciled:
        reconcile(catalogue, [each for each in changes if each[0] < boundary], 3)
    told = [(n, (at - NOON).total_seconds(), payload(record)) for n, (at, record) in enumerate(changes)]
    for first in range(0, len(told), 90):
        write(catalogue, told[first : first + 90])
    read = IcebergLake(properties, ZONE, Slots("the lake", 1, 0, 1))
    pinned = publication(3, boundary) if is_reconciled else None
    live = [row for row in deltas(ranking, changes) if row[0] >= boundary or not is_reconciled]
    happened: set[str | None] = set()
    for currency, subject in sorted({(str(key[1]), tuple(map(str, key[2:]))) for _, key, _, _ in live}):
        of_it = [row for row in live if row[1][1] == currency and row[1][2:] == subject]
        seconds = sorted({row[0] for row in of_it})[-MOST_SECONDS:]
        found = read.told(Asked(ranking, View.MERGED, currency, subject=subject, limit=1000), pinned, seconds)
        expected = [row[2] for row in of_it if row[0] in seconds]
        assert sum(each.amount_change or 0 for each in found) == sum(each.amount for each in expected), subject
        assert sum(each.sales_change or 0 for each in found) == sum(each.sales for each in expected), subject
        happened |= {each.happened for each in found}
    assert happened == set(Happened)


def test_a_sale_that_goes_is_found_with_what_it_was(catalogue: Catalog, read: IcebergLake) -> None:
    names = ("deleted", "elsewhere", "other day", "stays", "changed")
    there = [sale(name, source="till", amount=Decimal("7.00"), occurred_at=NOON) for name in names]
    reconcile(catalogue, [(NOON, each) for each in there], 4)
    write(
        catalogue,
        [
            (1, 5, {"source": "till", "sale_id": "deleted", "deleted": True}),
            (2, 5, SALE | {"sale_id": "elsewhere", "city": "Bonn"}),
            (3, 5, SALE | {"sale_id": "other day", "occurred_at": "2026-03-02T11:00:00Z"}),
            (4, 5, SALE | {"sale_id": "stays", "amount": "7"}),
            (5, 5, SALE | {"sale_id": "changed"}),
            (6, 5, {"source": "till", "sale_id": "never known", "deleted": True}),
            (7, 5, {"source": "another till", "sale_id": "deleted", "deleted": True}),
        ],
    )
    asked = replace(BERLIN, first_day=date(2026, 3, 1), last_day=date(2026, 3, 1))
    found = read.told(asked, publication(4, NOON), [NOON + timedelta(seconds=5)])
    assert [(each.sale_id, each.happened, str(each.amount), str(each.amount_change)) for each in found] == [
        ("changed", "changed", "1.50", "-5.50"),
        ("other day", "moved away", "7.00", "-7.00"),
        ("elsewhere", "moved away", "7.00", "-7.00"),
        ("deleted", "deleted", "7.00", "-7.00"),
    ]
    assert (found[-1].offset, found[-1].log_time) == (1, NOON + timedelta(seconds=5))


def test_records_are_taken_in_the_order_of_their_partition_though_the_clock_of_the_log_went_back(
    catalogue: Catalog, read: IcebergLake
) -> None:
    one, another = SALE | {"sale_id": "one"}, SALE | {"sale_id": "another"}
    write(catalogue, [(1, 2.8, one), (2, 2.2, one | {"amount": "5"}), (3, 2.5, another)])
    found = read.told(BERLIN, None, [NOON + timedelta(seconds=2)])
    assert [(each.offset, each.happened, str(each.amount_change)) for each in found] == [
        (2, "changed", "3.50"), (1, "came", "1.50"), (3, "came", "1.50"),
    ]  # fmt: skip


def test_what_a_sale_was_is_searched_for_in_so_many_files_of_the_log(
    catalogue: Catalog, read: IcebergLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second, name in enumerate(("old", "newer", "newest")):
        write(catalogue, [(second, second, SALE | {"sale_id": name})])
    write(catalogue, [(9 + n, 9, SALE | {"sale_id": name, "amount": "2"}) for n, name in enumerate(("old", "newest"))])
    write(catalogue, [(11, 9, SALE | {"sale_id": "newer", "city": "Bonn"})])

    def found() -> list[tuple[str, str | None]]:
        return [(each.sale_id, each.happened) for each in read.told(BERLIN, None, [NOON + timedelta(seconds=9)])]

    assert found() == [("newer", "moved away"), ("newest", "changed"), ("old", "changed")]
    monkeypatch.setattr(lake, "MOST_EARLIER_FILES", 2)
    assert found() == [("newer", "moved away"), ("newest", "changed"), ("old", None)]
    monkeypatch.setattr(lake, "MOST_EARLIER_RECORDS", 1)
    assert found() == [("newest", "changed"), ("old", None)]


def test_what_a_file_tells_may_be_overtaken_by_one_that_is_not_searched(
    catalogue: Catalog, read: IcebergLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(catalogue, [(0, 0, SALE | {"sale_id": "one"}), (1, 8, SALE | {"sale_id": "another"})])
    write(catalogue, [(2, 5, SALE | {"sale_id": "one", "city": "Bonn"})])
    write(catalogue, [(3, 9, SALE | {"sale_id": "one", "amount": "2"})])
    for most, happened in ((2, "came"), (1, None)):
        monkeypatch.setattr(lake, "MOST_EARLIER_FILES", most)
        assert [each.happened for each in read.told(BERLIN, None, [NOON + timedelta(seconds=9)])] == [happened]


def test_a_lake_without_the_history_that_live_follows_is_away(catalogue: Catalog, read: IcebergLake) -> None:
    write(catalogue, [(1, 5, SALE | {"sale_id": "one"})])
    with pytest.raises(StoreAway, match="no snapshot of version 9"):
        read.told(BERLIN, publication(9, NOON), [NOON + timedelta(seconds=5)])


def test_a_lake_without_a_log_is_away(read: IcebergLake) -> None:
    with pytest.raises(StoreAway, match="the lake cannot be read"):
        read.told(BERLIN, None, [NOON])


def test_a_catalogue_that_does_not_answer_is_not_waited_for_without_end() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"postgresql+psycopg2://u:p%40ss@127.0.0.1:{silent.getsockname()[1]}/lake"
        properties = within({"type": "sql", "uri": address, "warehouse": "file:///nowhere"}, 1)
        lake = IcebergLake(properties, ZONE, Slots("the lake", 1, 0, 1))
        with pytest.raises(StoreAway, match="timeout"):
            lake.told(BERLIN, None, [NOON])


def test_no_connection_to_the_catalogue_outlives_a_reading(catalogue: Catalog, read: IcebergLake) -> None:
    write(catalogue, [(1, 0, SALE | {"sale_id": "one"})])
    opened = [len(list(Path("/proc/self/fd").iterdir())) for _ in range(5) if read.told(BERLIN, None, [NOON])]
    assert opened == opened[:1] * 5
