"""Records of Parquet, in small parts of a row group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson

from streaming.sources.files.content import Borrowed
from streaming.sources.files.rows import Part, check_columns
from streaming.sources.files.store import RefusedFileError
from streaming.sources.records import Row

ROWS_AT_A_TIME, NESTED_AT_A_TIME = 1000, 64
"""A value that is stored once may be meant by every row; of nested ones the length is not known beforehand."""

BUFFER = 2**16


def check(part: Part) -> None:
    """Whether the file keeps the limits and has the columns, as far as it tells itself."""
    limits = part.source.limits
    with _errors_told():
        told = _open(part).metadata
        groups = [told.row_group(number) for number in range(told.num_row_groups)]
    if told.num_rows > limits.rows:
        raise RefusedFileError(f"received {told.num_rows:,} rows, valid: at most {limits.rows:,}")
    size = sum(group.total_byte_size for group in groups)
    if size > limits.content_bytes:
        raise RefusedFileError(f"it holds {size:,} bytes once it is unpacked, valid: {limits.content_bytes:,}")
    check_columns(part.source, _columns(told.schema.to_arrow_schema()))


def rows(part: Part, done: int) -> Iterator[Row]:
    """The records behind the first `done`; row groups that are done are not read."""
    with _errors_told():
        file = _open(part)
        groups, number = _left(file.metadata, done)
        for batch in _batches(file, groups):
            skipped = min(batch.num_rows, max(0, done - number))
            yield from _rows(part, batch.slice(skipped), number + skipped)
            number += batch.num_rows


def _batches(file: Any, groups: list[int]) -> Iterator[Any]:
    """Row group by row group, so that a broken one costs none before it."""
    size, columns = _rows_at_a_time(file.schema_arrow), _columns(file.schema_arrow)
    for group in groups:
        yield from file.iter_batches(size, [group], columns, use_threads=False)


def _left(told: Any, done: int) -> tuple[list[int], int]:
    """The row groups that are still to be read, and how many rows stand before them."""
    first = before = 0
    while first < told.num_row_groups and before + told.row_group(first).num_rows <= done:
        before += told.row_group(first).num_rows
        first += 1
    return list(range(first, told.num_row_groups)), before


def _open(part: Part) -> Any:
    import pyarrow.parquet as pq

    part.file.seek(0)
    options: dict[str, Any] = {"buffer_size": BUFFER, "pre_buffer": False, "thrift_string_size_limit": 2**24}
    told = pq.ParquetFile(Borrowed(part.file), **options)
    # As dictionaries, values that repeat stay in memory once, however many rows mean them.
    texts = [field.name for field in told.schema_arrow if _is_text(field.type)]
    part.file.seek(0)
    return pq.ParquetFile(Borrowed(part.file), read_dictionary=texts, **options)


def _is_text(kind: Any) -> bool:
    import pyarrow.types as kinds

    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    return bool(kinds.is_string(kind) or kinds.is_binary(kind) or kinds.is_large_string(kind))


def _columns(schema: Any) -> list[str]:
    """The columns that are read: a list in one row can mean more than memory holds, and no field of a sale is one."""
    return [field.name for field in schema if not _holds_list(field.type)]


def _holds_list(kind: Any) -> bool:
    import pyarrow.types as kinds

    if kinds.is_struct(kind):
        return any(_holds_list(kind.field(number).type) for number in range(kind.num_fields))
    return bool(kinds.is_nested(kind))


def _rows_at_a_time(schema: Any) -> int:
    import pyarrow.types as kinds

    return NESTED_AT_A_TIME if any(kinds.is_nested(field.type) for field in schema) else ROWS_AT_A_TIME


def _rows(part: Part, batch: Any, before: int) -> Iterator[Row]:
    longest = part.source.limits.line_bytes
    too_long = _too_long(batch, longest)
    values = [_values(column, too_long, longest) for column in batch.columns]
    for place, is_long in enumerate(too_long.to_pylist()):
        at = part.at(before + place + 1)
        fields = {name: column[place] for name, column in zip(batch.schema.names, values, strict=True)}
        problem = f"its texts have more than {longest:,} bytes together, valid: at most that many" if is_long else None
        yield Row(at, None if is_long else fields, as_json(fields), problem)


def _too_long(batch: Any, longest: int) -> Any:
    """For each row, whether its texts together are longer than allowed; told without writing them out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    total = pa.array([0] * batch.num_rows, pa.int64())
    for column in batch.columns:
        if isinstance(column, pa.DictionaryArray):
            lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
            total = pc.add(total, pc.fill_null(lengths, 0).cast(pa.int64()))
    return pc.greater(total, longest)


def _values(column: Any, too_long: Any, longest: int) -> list[Any]:
    """The values; texts of rows that are too long are not written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.DictionaryArray):
        indices = pc.if_else(too_long, pa.scalar(None, column.indices.type), column.indices)
        column = pc.take(_short(column.dictionary, longest), indices)
    return list(column.to_pylist())


def _short(texts: Any, longest: int) -> Any:
    """The texts without those that are too long: memory is set aside by the average of all, also of unused ones."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_long = pc.fill_null(pc.greater(pc.binary_length(texts), longest), False)
    if not pc.any(is_long).as_py():
        return texts
    kept = (None if long else text.as_py() for text, long in zip(texts, is_long.to_pylist(), strict=True))
    return pa.array(kept, texts.type, size=len(texts))


def as_json(fields: Mapping[str, Any]) -> bytes:
    """A row as the quarantine keeps it."""
    try:
        return orjson.dumps(fields, default=str)
    except TypeError:
        return repr(fields).encode("utf-8", "replace")


@contextmanager
def _errors_told() -> Iterator[None]:
    """What the library says of a broken file; trouble of the disk has a number."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise RefusedFileError(f"it cannot be read as Parquet: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
