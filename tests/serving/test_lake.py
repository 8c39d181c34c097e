"""The sales behind live sums, from a lake's copy of the log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyiceberg.catalog import Catalog, load_catalog

from rankings.catalogue import TOP_SALES_PER_CITY
from rankings.render.clickhouse import View
from serving.asked import Asked
from serving.ports import StoreAway
from serving.slots import Slots
from serving.stores import lake
from serving.stores.lake import IcebergLake

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = Asked(TOP_SALES_PER_CITY, View.MERGED, "EUR", subject=("Germany", "Berlin"))
LOG = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("payload", pa.binary()),
        ("log_time", pa.timestamp("us", "UTC")),
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
    """It, with an empty copy of the log."""
    made = load_catalog("lake", **properties)
    made.create_namespace("bronze")
    made.create_table("bronze.log", schema=LOG)
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
            "payload": payload if isinstance(payload, bytes) else json.dumps(payload).encode(),
            "log_time": NOON + timedelta(seconds=seconds),
        }
        for offset, seconds, payload in rows
    ]
    table = catalogue.load_table("bronze.log")
    path = Path(table.location().removeprefix("file://"), f"{len(table.snapshots())}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    # pyiceberg writes with a later version of pyarrow alone.
    parquet.write_table(pa.Table.from_pylist(columns, LOG), path)
    table.add_files([path.as_uri()])


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
    found = read.told(BERLIN, [NOON, NOON + timedelta(seconds=2)])
    assert [(each.sale_id, each.offset) for each in found] == [("newest", 9), ("last", 7), ("first", 1)]
    assert (found[0].salesman, found[0].topic, found[0].partition) == ("Ana", "events.rest", 1)
    assert found[0].log_time == NOON + timedelta(seconds=2.5)
    assert str(found[2].amount) == "-2.00"
    assert [each.sale_id for each in read.told(replace(BERLIN, limit=1), [NOON])] == ["last"]


def test_business_days_bound_what_is_found(catalogue: Catalog, read: IcebergLake) -> None:
    times = {"first of March": "2026-03-01T15:59:59Z", "second of March": "2026-03-01T16:00:00Z"}
    write(
        catalogue, [(n, 0, SALE | {"sale_id": name, "occurred_at": at}) for n, (name, at) in enumerate(times.items())]
    )
    for day, name in zip((date(2026, 3, 1), date(2026, 3, 2)), times, strict=True):
        assert [each.sale_id for each in read.told(replace(BERLIN, first_day=day, last_day=day), [NOON])] == [name]


def test_no_seconds_are_no_question_and_many_are_bounded(
    catalogue: Catalog, read: IcebergLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read.told(BERLIN, []) == ()
    write(catalogue, [(n, n, SALE | {"sale_id": str(n)}) for n in range(4)])
    monkeypatch.setattr(lake, "MOST_SECONDS", 2)
    asked = [NOON + timedelta(seconds=n) for n in range(4)]
    assert [each.sale_id for each in read.told(BERLIN, asked)] == ["3", "2"]


def test_a_lake_without_a_log_is_away(read: IcebergLake) -> None:
    with pytest.raises(StoreAway, match="the lake cannot be read"):
        read.told(BERLIN, [NOON])
