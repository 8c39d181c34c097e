"""Reads the files of a folder: each once, by path and content, and on from where it was if it was read in part.

A file is copied first, so that what is read is whole and cannot change any more; its SHA-256 is that of the copy.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from runtime.settings import Settings
from streaming.sources.files.content import RefusedFileError
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.folder import Entry, NotReadError, folder
from streaming.sources.files.formats import rows
from streaming.sources.files.history import Fate, Happened, happened
from streaming.sources.records import Batch, Memory, Reader, Row

log = structlog.get_logger()


def reader(source: FilesSource, chosen: Settings) -> Reader:
    """The reader of a source of files."""
    return FilesReader(source, chosen.home / "sources" / source.name)


class FilesReader:
    """Reads the files of one source.

    Args:
        source: its definition.
        work: a folder for the copy of the file at hand.
    """

    def __init__(self, source: FilesSource, work: Path) -> None:
        self._source, self._work = source, work
        self._folder = folder(source)
        self._watch: _Watch | None = None

    def read(self, memory: Memory) -> Iterator[Batch]:
        """Every file that is new, in the order in which they were written."""
        self._work.mkdir(parents=True, exist_ok=True)
        for entry in self._new(memory):
            yield from self._take(entry, happened(memory, entry.path))

    def _new(self, memory: Memory) -> list[Entry]:
        settled = time.time_ns() - int(self._source.settle_seconds * 1e9)
        found = (each for each in self._folder.entries() if each.changed <= settled)
        new = (each for each in found if _is_new(each, happened(memory, each.path)))
        return sorted(islice(new, self._source.limits.files), key=lambda each: each.order)

    def _take(self, entry: Entry, before: Happened | None) -> Iterator[Batch]:
        told = Happened(entry.path, Fate.REFUSED, entry.size, entry.changed)
        if refused := entry.refused or self._too_large(entry):
            yield Batch((), replace(told, reason=refused).remembered())
            return
        copy = self._work / "copy"
        try:
            told = replace(told, sha256=self._folder.copy(entry, copy))
            yield from self._content(told, before, copy)
        except NotReadError as error:
            log.warning("a file could not be read", source=self._source.name, path=entry.path, error=str(error))
            if before is None or (before.fate is not Fate.PART and before.reason != str(error)):
                yield Batch((), replace(told, fate=Fate.UNREADABLE, reason=str(error)).remembered())
        finally:
            copy.unlink(missing_ok=True)

    def _too_large(self, entry: Entry) -> str:
        most = self._source.limits.file_bytes
        return f"it has {entry.size} bytes, valid: at most {most}" if entry.size > most else ""

    def _content(self, told: Happened, before: Happened | None, copy: Path) -> Iterator[Batch]:
        same = before is not None and before.sha256 == told.sha256
        if before is not None and same and before.fate in (Fate.TAKEN, Fate.REFUSED):
            # Written again with the same bytes: only the time has changed.
            yield Batch((), replace(before, changed=told.changed).remembered())
            return
        upto = replace(told, rows=before.rows, bad=before.bad) if before is not None and same else told
        try:
            for batch, reached in self._batches(upto, copy):
                upto = reached
                yield Batch(batch, upto.remembered())
        except RefusedFileError as error:
            log.warning("a file is refused", source=self._source.name, path=told.path, error=str(error))
            yield Batch((), replace(upto, fate=Fate.REFUSED, reason=str(error)).remembered())
            return
        yield Batch((), replace(upto, fate=Fate.TAKEN).remembered())

    def _batches(self, begun: Happened, copy: Path) -> Iterator[tuple[list[Row], Happened]]:
        """What is not in the log yet, with what is remembered once it is."""
        upto = replace(begun, fate=Fate.PART)
        left = islice(rows(self._source, copy, begun.path), begun.rows, None)
        while batch := list(islice(left, self._source.batch_rows)):
            bad = sum(row.fields is None for row in batch)
            upto = replace(upto, rows=upto.rows + len(batch), bad=upto.bad + bad)
            if upto.rows > self._source.limits.rows:
                raise RefusedFileError(f"it has more than {self._source.limits.rows} records")
            yield batch, upto

    def wait(self, seconds: float) -> None:
        """Until something happens in the folder, and has settled; at most that long."""
        if self._source.is_s3:
            time.sleep(seconds)
            return
        self._watch = self._watch or _Watch(Path(self._source.folder), recursive=self._source.recursive)
        if self._watch.wait(seconds):
            time.sleep(min(seconds, self._source.settle_seconds))

    def close(self) -> None:
        """Stops watching, and removes the copy."""
        if self._watch is not None:
            self._watch.close()
        shutil.rmtree(self._work, ignore_errors=True)


def _is_new(entry: Entry, before: Happened | None) -> bool:
    """A refused file and a taken one are new again once they are written anew."""
    if before is None or before.fate in (Fate.PART, Fate.UNREADABLE):
        return True
    return (entry.size, entry.changed) != (before.size, before.changed)


class _Watch:
    """Wakes when something is written into a folder; a folder that cannot be watched is left to the next reading."""

    def __init__(self, folder: Path, *, recursive: bool) -> None:
        from watchdog.events import FileSystemEventHandler
        from watchdog.observers import Observer

        self._happened = threading.Event()
        handler = FileSystemEventHandler()
        handler.on_closed = handler.on_moved = handler.on_created = self._wake  # type: ignore[method-assign,assignment]
        self._observer: Any = Observer()
        try:
            self._observer.schedule(handler, str(folder), recursive=recursive)
            self._observer.start()
        except OSError as error:
            log.warning("the folder cannot be watched", folder=str(folder), error=str(error))

    def _wake(self, _: object) -> None:
        self._happened.set()

    def wait(self, seconds: float) -> bool:
        """Whether something happened within that time."""
        woken = self._happened.wait(seconds)
        self._happened.clear()
        return woken

    def close(self) -> None:
        """Stops watching."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
