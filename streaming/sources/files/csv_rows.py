"""Records of CSV. A record that is broken costs itself alone: reading goes on with the line behind its first."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from streaming.sources.files.content import Line, as_it_came, lines, unknown_byte, unpacked
from streaming.sources.files.inspection import check_text
from streaming.sources.files.names import compression, inner_ending
from streaming.sources.files.rows import Part, check_columns
from streaming.sources.files.store import RefusedFileError
from streaming.sources.records import Row

LINE_ENDS = "\r\n"


class _TooLongError(csv.Error):
    """A record that is longer than allowed."""


@dataclass(slots=True)
class _Record:
    """One record: its values, or what is wrong with it, and the lines it is made of."""

    lines: list[Line]
    values: list[str] = field(default_factory=list)
    wrong: str | None = None


class _Lines:
    """Hands lines to the parser, remembers those of the record at hand, and takes back what a broken one swallowed."""

    def __init__(self, source: Iterator[Line], longest: int) -> None:
        self._source, self._longest = source, longest
        self._again: deque[Line] = deque()
        self._length = 0
        self.taken: list[Line] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        self.taken.append(line)
        self._length += len(line.text)
        if self._length > self._longest + len(LINE_ENDS) or not line.is_whole:
            raise _TooLongError(f"it is longer than {self._longest:,} characters, or a quote is never closed")
        return line.text

    def begin(self) -> None:
        """The next line begins a record."""
        self.taken, self._length = [], 0

    def put_back(self) -> None:
        """All lines of the record but its first are read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def check(part: Part) -> None:
    """Whether the file keeps the limits and has the columns."""
    check_text(part.source, part.seen, part.file)
    names = _names(part, _records(part))
    if names is not None:
        check_columns(part.source, names)


def rows(part: Part, done: int) -> Iterator[Row]:
    """The records behind the first `done`."""
    records = _records(part)
    names = _names(part, records) or []
    nulls = {part.source.csv.null: None}
    for record in islice(records, done, None):
        yield _row(part, names, nulls, record)


def _names(part: Part, records: Iterator[_Record]) -> list[str] | None:
    """The columns; None where the file is empty."""
    if part.source.csv.columns:
        return list(part.source.csv.columns)
    header = next(records, None)
    if header is None:
        return None
    if header.wrong or unknown_byte(header.lines[0].text, part.source.encoding):
        raise RefusedFileError(f"its header cannot be read: {header.wrong or 'it is not ' + part.source.encoding}")
    return [name.strip() for name in header.values]


def _records(part: Part) -> Iterator[_Record]:
    """Every record that is no empty line, the header as the first."""
    source, longest = part.source, part.source.limits.line_bytes
    csv.field_size_limit(max(csv.field_size_limit(), longest + len(LINE_ENDS)))
    content = unpacked(part.file, compression(source, part.seen.name))
    handed = _Lines(islice(lines(content, source.encoding, longest), source.csv.skip_lines, None), longest)
    parser = csv.reader(handed, strict=True, **_dialect(part))
    while (record := _next(parser, handed)) is not None:
        if record.values or record.wrong:
            yield record


def _next(parser: Iterator[list[str]], handed: _Lines) -> _Record | None:
    handed.begin()
    try:
        return _Record(handed.taken, next(parser))
    except StopIteration:
        return None
    except csv.Error as error:
        handed.put_back()
        return _Record(handed.taken, wrong=f"the line is no record of CSV: {error}")


def _dialect(part: Part) -> dict[str, Any]:
    told = part.source.csv
    tab_or_comma = "\t" if inner_ending(part.seen.name) == "tsv" else ","
    return {
        "delimiter": told.delimiter or tab_or_comma,
        "quotechar": told.quote or None,
        "quoting": csv.QUOTE_MINIMAL if told.quote else csv.QUOTE_NONE,
        "escapechar": told.escape,
        "doublequote": told.escape is None,
        "skipinitialspace": not told.spaces,
    }


def _row(part: Part, names: list[str], nulls: Mapping[str, None], record: _Record) -> Row:
    encoding = part.source.encoding
    text = record.lines[0].text if len(record.lines) == 1 else "".join(line.text for line in record.lines)
    at, raw = part.at(record.lines[0].number), as_it_came(text, encoding)
    problem = record.wrong or unknown_byte(text, encoding)
    if problem is None and len(record.values) != len(names):
        problem = f"received {len(record.values)} values, valid: {len(names)}, as many as columns"
    if problem is not None:
        return Row(at, None, raw, problem)
    return Row(at, {name: nulls.get(value, value) for name, value in zip(names, record.values, strict=True)}, raw)
