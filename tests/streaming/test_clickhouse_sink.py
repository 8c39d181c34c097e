"""Batches of the live plan become rows of ClickHouse's tables, exact to the cent and the byte."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from rankings.ranking import Ranking
from rankings.render.clickhouse import ddl
from rankings.render.flink import REFUSED_COLUMNS, sum_columns
from streaming.sinks.clickhouse import SumsToArrow, decimals, refused_to_arrow

LONG = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(LONG))
def test_hundredths_are_decimals_exactly(cents: list[int]) -> None:
    made = decimals(pd.Series(cents, dtype="int64"))
    assert made.type == pa.decimal128(38, 2)
    assert made.to_pylist() == [Decimal(each).scaleb(-2) for each in cents]


@pytest.mark.parametrize("cents", [-(2**63), 2**63 - 1, -1, 0, 1, 99, -100, 10**18 - 1, -(10**18) + 1])
def test_extremes_are_decimals_exactly(cents: int) -> None:
    assert decimals(pd.Series([cents], dtype="int64")).to_pylist() == [Decimal(cents).scaleb(-2)]


def sums(ranking: Ranking, seen: str | None = None) -> list[pd.Series]:
    """Two rows of a ranking's sums as Flink hands them over."""
    values: dict[str, list[object]] = {
        "second": [0, 4_000_000_000],
        "business_day": [0, 47_481],
        "currency": ["EUR", "JPY"],
        "country": ["Österreich", "日本"],
        "city": ["Wien", "東京"],
        "salesman_id": ["AT-1", "JP-1"],
        "cents": [-1, 10**18],
        "sales": [0, -3],
        "records": [1, 9],
        "seen_salesman": [seen, None],
    }
    return [pd.Series(values[name]) for name in sum_columns(ranking)]


@pytest.mark.parametrize("ranking", RANKINGS, ids=lambda ranking: ranking.name)
def test_sums_have_the_columns_of_the_live_table(ranking: Ranking) -> None:
    made = SumsToArrow(ranking)(*sums(ranking))
    (table,) = (text for text in ddl() if text.startswith(f"CREATE TABLE IF NOT EXISTS {ranking.live_table}\n"))
    columns = {line.split()[0] for line in table.partition("(")[2].partition("\n)")[0].strip().splitlines()}
    assert set(made.column_names) == columns
    assert made.num_rows == 2


def test_sums_are_as_they_were() -> None:
    made = SumsToArrow(TOP_SALES_PER_CITY)(*sums(TOP_SALES_PER_CITY)).to_pylist()
    assert made[0] == {
        **{"second": 0, "business_day": 0, "currency": "EUR", "country": "Österreich", "city": "Wien"},
        **{"amount": Decimal("-0.01"), "sales": 0, "records": 1},
    }
    assert (made[1]["second"], made[1]["business_day"]) == (4_000_000_000, 47_481)
    assert made[1]["amount"] == Decimal("10000000000000000.00")


def test_a_name_that_was_not_seen_is_empty() -> None:
    rows = SumsToArrow(TOP_SALESMAN_IN_COUNTRY)(*sums(TOP_SALESMAN_IN_COUNTRY, "1772359200000Zoë")).to_pylist()
    assert [row["seen_salesman"] for row in rows] == ["1772359200000Zoë", ""]
    nobody = SumsToArrow(TOP_SALESMAN_IN_COUNTRY)(*sums(TOP_SALESMAN_IN_COUNTRY))
    assert nobody.column("seen_salesman").to_pylist() == ["", ""]
    assert nobody.schema.field("seen_salesman").type == pa.string()


def test_refused_records_are_kept_byte_for_byte() -> None:
    columns: dict[str, list[object]] = {
        "topic": ["events.files", "cdc.public.sales"],
        "partition": [0, 1],
        "offset": [7, 2**40],
        "log_ms": [1_772_359_200_123, 0],
        "field": ["amount", ""],
        "reason": ["amount: missing", "payload: not UTF-8"],
        "key": [b"\x00\xff", None],
        "payload": [None, b"\xff\xfe{"],
    }
    made = refused_to_arrow(*(pd.Series(columns[name]) for name in REFUSED_COLUMNS)).to_pylist()
    assert made[0] == {
        **{"topic": "events.files", "partition": 0, "offset": 7, "field": "amount", "reason": "amount: missing"},
        **{"key": b"\x00\xff", "payload": b"", "hop": "stream"},
        "log_time": datetime(2026, 3, 1, 10, 0, 0, 123_000, UTC),
    }
    assert (made[1]["key"], made[1]["payload"], made[1]["offset"]) == (b"", b"\xff\xfe{", 2**40)
