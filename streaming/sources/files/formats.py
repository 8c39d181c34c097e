"""The records of a file, one after the other, whatever it is written in."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from streaming.sources.files.content import Line, Lines, RefusedFileError, opened
from streaming.sources.files.definition import FilesSource
from streaming.sources.records import Row

LONGEST_RAW = 2**16
"""How many bytes of a record the quarantine is given at most."""

BOM = b"\xef\xbb\xbf"


def rows(source: FilesSource, copy: Path, path: str) -> Iterator[Row]:
    """The records of a copied file, in order; `at` is the path with the line or the record's number.

    Raises:
        RefusedFileError: the file cannot be read further.
    """
    wanted = source.format_of(path)
    if wanted is None:
        raise RefusedFileError("neither its name nor the definition tells its format")
    yield from _READERS[wanted](source, copy, path)


def _csv(source: FilesSource, copy: Path, path: str) -> Iterator[Row]:
    with opened(copy, path) as content:
        lines = _Told(Lines(content, source), source.encoding)
        reader = csv.reader(lines, delimiter=source.csv.delimiter, quotechar=source.csv.quote, strict=True)
        # The limit is the process's own; a source has a process of its own.
        csv.field_size_limit(source.limits.line_bytes)
        columns = source.csv.columns or _header(reader, lines)
        while (row := _next_row(reader, lines, columns, source, path)) is not None:
            yield row


class _Told:
    """Lines as text for the reader of CSV, and the bytes of those that its present record was made of."""

    def __init__(self, lines: Lines, encoding: str) -> None:
        self._lines, self._encoding = lines, encoding
        self.taken: list[Line] = []
        self.problem = ""

    def begin(self) -> None:
        """A new record begins."""
        self.taken.clear()
        self.problem = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        if line.too_long:
            self.problem = f"a line is longer than {len(line.content)} bytes"
            return "\n"
        content = line.content.removeprefix(BOM) if line.number == 1 else line.content
        try:
            return content.decode(self._encoding)
        except UnicodeDecodeError as error:
            self.problem = f"byte {error.start} of the line is not {self._encoding}"
            return "\n"

    @property
    def raw(self) -> bytes:
        """The bytes of the record."""
        return b"".join(line.content for line in self.taken)[:LONGEST_RAW]


def _header(reader: Any, lines: _Told) -> tuple[str, ...]:
    lines.begin()
    try:
        found = tuple(name.strip() for name in next(reader, ()))
    except csv.Error as error:
        raise RefusedFileError(f"its first line is no CSV: {error}") from error
    if lines.problem or len(set(found)) < len(found) or not all(found):
        why = lines.problem or "names are missing or stand twice"
        raise RefusedFileError(f"its first line tells no columns: {why}")
    return found


def _next_row(reader: Any, lines: _Told, columns: tuple[str, ...], source: FilesSource, path: str) -> Row | None:
    lines.begin()
    problem, values = "", []
    try:
        # An empty line is no record; one that could not be read comes as an empty one.
        while not (values := next(reader)) and not lines.problem:
            lines.begin()
    except StopIteration:
        return None
    except csv.Error as error:
        problem = f"no CSV: {error}"
    problem = lines.problem or problem
    if not problem and len(values) != len(columns):
        problem = f"received {len(values)} fields, valid: {len(columns)}"
    at = f"{path}:{lines.taken[0].number}"
    if problem:
        return Row(at, None, lines.raw, problem)
    fields = {name: None if value == source.csv.null else value for name, value in zip(columns, values, strict=True)}
    return Row(at, fields, lines.raw)


def _jsonl(source: FilesSource, copy: Path, path: str) -> Iterator[Row]:
    with opened(copy, path) as content:
        for line in Lines(content, source):
            at, raw = f"{path}:{line.number}", line.content.rstrip(b"\r\n")
            if line.number == 1:
                raw = raw.removeprefix(BOM)
            if line.too_long:
                yield Row(at, None, raw[:LONGEST_RAW], f"a line is longer than {len(line.content)} bytes")
            elif raw.strip():
                yield _json_row(at, raw, source.encoding)


def _json_row(at: str, raw: bytes, encoding: str) -> Row:
    kept = raw[:LONGEST_RAW]
    try:
        value = json.loads(raw.decode(encoding), parse_float=Decimal, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return Row(at, None, kept, f"byte {error.start} of the line is not {encoding}")
    except (ValueError, RecursionError) as error:
        return Row(at, None, kept, f"no JSON: {error}")
    if not isinstance(value, Mapping):
        return Row(at, None, kept, "received JSON that is no object, valid: an object a line")
    return Row(at, value, kept)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")


def _parquet(source: FilesSource, copy: Path, path: str) -> Iterator[Row]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        with ParquetFile(copy) as file:
            _check_size(source, file)
            for batch in file.iter_batches(batch_size=min(source.batch_rows, 10_000)):
                for fields in batch.to_pylist():
                    number += 1
                    yield Row(f"{path}:{number}", fields, json.dumps(fields, default=str).encode()[:LONGEST_RAW])
    except (pa.ArrowException, OSError) as error:
        raise RefusedFileError(f"it is no whole Parquet file: {error}") from error


def _check_size(source: FilesSource, file: Any) -> None:
    """By what the file says of itself; what it says falsely fails where it is read."""
    groups = range(file.metadata.num_row_groups)
    size = sum(file.metadata.row_group(at).total_byte_size for at in groups)
    if size > source.limits.content_bytes:
        raise RefusedFileError(f"its content is more than {source.limits.content_bytes} bytes")


_READERS = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
