"""A folder, its source, and what the source remembers, without a log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.settings import Settings
from streaming.sources.catalogue import DEFINITION
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.history import Happened, every
from streaming.sources.files.reader import FilesReader, store
from streaming.sources.files.watch import Watch
from streaming.sources.records import Batch, Memory, Row

MAPPED = ("occurred_at", "country", "city", "salesman_id", "amount", "currency")


class Drop:
    """Only the column `id` has to be in a file."""

    def __init__(self, at: Path) -> None:
        self.folder = at / "drop"
        self.folder.mkdir()
        self.memory: dict[str, Any] = {}
        fields = {"sale_id": "id", **{name: {"constant": "x"} for name in MAPPED}}
        self.told: dict[str, Any] = {"settle_seconds": 0, "fields": fields}

    def source(self) -> FilesSource:
        made = DEFINITION.validate_python({"name": "till", "kind": "files", "folder": str(self.folder), **self.told})
        assert isinstance(made, FilesSource)
        return made

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def reader(self, watch: Watch | None = None) -> FilesReader:
        return FilesReader(self.source(), store(self.source(), Settings()), watch)

    def batches(self, reader: FilesReader) -> Iterator[Batch]:
        """The batches of one reading; each is remembered when the next is asked for."""
        for batch in reader.read(self.memory):
            yield batch
            self.remember(batch.remember)
            if batch.judged:
                self.remember(batch.judged(sum(row.fields is None for row in batch.rows)))

    def remember(self, told: Memory) -> None:
        self.memory |= told
        for name in [name for name, value in told.items() if value is None]:
            self.memory.pop(name)

    def read(self, batches: int | None = None, reader: FilesReader | None = None) -> list[Row]:
        """One reading, given up after some batches are published."""
        rows: list[Row] = []
        for number, batch in enumerate(self.batches(reader or self.reader()), 1):
            if batches is not None and number > batches:
                break
            rows += batch.rows
        return rows

    def fields(self, batches: int | None = None) -> list[Any]:
        """The fields of the readable records of one reading."""
        return [row.fields for row in self.read(batches) if row.fields is not None]

    def ids(self, batches: int | None = None) -> list[Any]:
        return [each["id"] for each in self.fields(batches)]

    def known(self, path: str | None = None) -> list[Happened]:
        """What is remembered, in the order in which it began."""
        found = sorted(every(self.memory), key=lambda each: each.turn)
        return [each for each in found if path is None or each.path == path]

    def fate(self, path: str) -> Happened:
        """What is remembered of the newest content of a path."""
        return self.known(path)[-1]


def numbered(count: int, first: int = 0) -> bytes:
    """CSV with that many ids."""
    return b"id\n" + b"".join(b"%d\n" % number for number in range(first, first + count))
