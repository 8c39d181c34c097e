"""The end of the live plan: vectorised functions that insert a whole batch into ClickHouse, or raise.

Flink finishes the batch at hand before each checkpoint, so an offset that is committed says that everything below it
is in ClickHouse. A batch that is inserted twice changes nothing: of two rows of one key the fuller one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pyflink.table import DataTypes
from pyflink.table.udf import FunctionContext, ScalarFunction, udf

from rankings.ranking import Ranking
from rankings.render.flink import REFUSED_COLUMNS, sum_columns
from streaming.clickhouse import connect, patiently

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class _Insert(ScalarFunction):  # type: ignore[misc]
    """Inserts the columns of each call as rows of one table, and gives zeros."""

    def __init__(self, table: str, to_arrow: Callable[..., pa.Table]) -> None:
        self.table, self.to_arrow = table, to_arrow
        self.client: Any = None

    def open(self, _context: FunctionContext) -> None:
        """Connects; called once in each Python worker."""
        self.client = patiently(connect)

    def close(self) -> None:
        """Lets go of the connection."""
        if self.client is not None:
            self.client.close()

    def eval(self, *columns: pd.Series) -> pd.Series:
        """Inserts one batch."""
        rows = self.to_arrow(*columns)
        patiently(lambda: self.client.insert_arrow(self.table, rows))
        return columns[0].notna().astype("int64") * 0


class SumsToArrow:
    """Turns a ranking's sums into rows of its live table; days and seconds as ClickHouse counts them, from 1970."""

    def __init__(self, ranking: Ranking) -> None:
        self.names = sum_columns(ranking)

    def __call__(self, *columns: pd.Series) -> pa.Table:
        """The batch as an Arrow table whose columns are the live table's."""
        import pyarrow as pa

        made = dict(zip(self.names, columns, strict=True))
        amount = decimals(made.pop("cents"))
        arrays = {name: pa.array(series, from_pandas=True) for name, series in made.items()}
        for name, array in arrays.items():
            if name.startswith("seen_"):
                arrays[name] = array.cast(pa.string()).fill_null("")
        arrays["second"] = arrays["second"].cast(pa.uint32())
        arrays["business_day"] = arrays["business_day"].cast(pa.uint16())
        return pa.table({**arrays, "amount": amount})


def decimals(cents: pd.Series) -> pa.Array:
    """Whole hundredths as decimal(38, 2), exactly: the 128-bit integers that Arrow keeps are the hundredths."""
    import numpy as np
    import pyarrow as pa

    words = np.empty((len(cents), 2), dtype="<i8")
    words[:, 0] = cents.to_numpy(dtype="<i8")
    words[:, 1] = words[:, 0] >> 63
    return pa.Array.from_buffers(pa.decimal128(38, 2), len(cents), [None, pa.py_buffer(words)])


def refused_to_arrow(*columns: pd.Series | Sequence[object]) -> pa.Table:
    """Turns refused records into rows of the quarantine."""
    import pyarrow as pa

    made = dict(zip(REFUSED_COLUMNS, columns, strict=True))
    log_ms = pa.array(made.pop("log_ms"), pa.int64())
    binary = {name: pa.array(made.pop(name), pa.binary()).fill_null(b"") for name in ("key", "payload")}
    rest = {name: pa.array(series, from_pandas=True) for name, series in made.items()}
    hop = pa.array(["stream"] * len(log_ms))
    return pa.table({**rest, **binary, "log_time": log_ms.cast(pa.timestamp("ms", tz="UTC")), "hop": hop})


def sums_sink(ranking: Ranking) -> Any:
    """The function that inserts a ranking's sums; its arguments are `sum_columns`."""
    return _as_function(_Insert(ranking.live_table, SumsToArrow(ranking)))


def refused_sink() -> Any:
    """The function that inserts refused records; its arguments are `REFUSED_COLUMNS`."""
    return _as_function(_Insert("quarantine", refused_to_arrow))


def _as_function(insert: _Insert) -> Any:
    return udf(insert, result_type=DataTypes.BIGINT(), func_type="pandas")
