"""The records of an open file, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from rankings.contract import DELETED_FIELD, SALE_RULES
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.names import format_of, shown
from streaming.sources.files.store import RefusedFileError, Seen
from streaming.sources.records import Row

KEY = "sale_id"


@dataclass(frozen=True, slots=True)
class Part:
    """A file that is read: what defines it, its name, and its bytes."""

    source: FilesSource
    seen: Seen
    file: BinaryIO

    def at(self, number: int) -> str:
        """Where a record stands, for people: line or row, counted from 1."""
        return f"{shown(self.seen.name)}:{number}"


class Format(Protocol):
    """One format of files."""

    def check(self, part: Part) -> None:
        """Whether the file keeps the limits and has the columns, before any record is taken.

        Raises:
            RefusedFileError: it is refused.
        """
        ...

    def rows(self, part: Part, done: int) -> Iterator[Row]:
        """The records behind the first `done`.

        Raises:
            RefusedFileError: it cannot be read further.
        """
        ...


def format_for(part: Part) -> Format:
    """What reads the file; its name was found to tell a format."""
    from streaming.sources.files import csv_rows, json_rows, parquet_rows

    formats: dict[str, Format] = {"csv": csv_rows, "jsonl": json_rows, "parquet": parquet_rows}
    return formats[str(format_of(part.source, part.seen.name))]


def check_columns(source: FilesSource, names: Sequence[str]) -> None:
    """Whether every column is there that the mapping takes as it is; a file of deletions needs the key alone.

    Raises:
        RefusedFileError: columns are missing, or one is there twice.
    """
    if len(set(names)) < len(names):
        raise RefusedFileError(f"received a column twice ({', '.join(names)}), valid: each once")
    mapped = {name: each.field for name, each in source.fields.mapped().items() if each.field is not None}
    only_key = DELETED_FIELD in mapped and mapped[DELETED_FIELD] in names
    needed = {KEY} if only_key else {KEY, *(rule.field for rule in SALE_RULES if rule.required)}
    wanted = (field for name, field in mapped.items() if name in needed and field)
    if missing := sorted(field for field in wanted if not _is_there(field, names)):
        raise RefusedFileError(f"the columns {', '.join(missing)} are missing, received: {', '.join(names)[:500]}")


def _is_there(field: str, names: Sequence[str]) -> bool:
    """A dotted path may lead into a column."""
    return field in names or field.partition(".")[0] in names
