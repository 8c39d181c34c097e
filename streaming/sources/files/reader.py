"""Takes the finished files of a folder, each once, in the order of their modification, from where it was left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import structlog

from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.sources.files import inspection
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.folder import Folder
from streaming.sources.files.history import Book, Fate, Happened, is_old
from streaming.sources.files.names import shown
from streaming.sources.files.prefix import Prefix
from streaming.sources.files.rows import Part, format_for
from streaming.sources.files.store import (
    Opened,
    RefusedFileError,
    Seen,
    Store,
    UnreadableError,
    UnsteadyError,
    VanishedError,
)
from streaming.sources.files.watch import Watch
from streaming.sources.records import Batch, Memory, Row

BATCH_BYTES = 2**22
"""A batch is closed when its records have so many bytes, however few they are."""

UNSTEADY_SECONDS = 0.5
"""A file that changed while it was looked at is looked at again no sooner."""

CHANGED = "it changed while it was read, after {rows:,} records; what it holds then is a file of its own"
GONE = "it was taken away, or replaced, after {rows:,} records"

log = structlog.get_logger()


def reader(source: FilesSource, chosen: Settings) -> FilesReader:
    """The reader of a source."""
    return FilesReader(source, store(source, chosen), Watch(source) if not source.is_s3 else None)


def store(source: FilesSource, chosen: Settings) -> Store:
    """Where the source's files lie."""
    if source.is_s3:
        return Prefix(source, chosen.temporary_dir / "files")
    return Folder(source)


class FilesReader:
    """Reads one folder.

    Args:
        source: its definition.
        place: where the files lie.
        watch: what wakes it; None where nothing can.
    """

    def __init__(self, source: FilesSource, place: Store, watch: Watch | None = None) -> None:
        self._source, self._place, self._watch = source, place, watch
        self._due: float | None = None

    def read(self, memory: Memory) -> Iterator[Batch]:
        """Every file that is finished and not taken yet."""
        self._due = None
        seen = self._look()
        book, there = Book(memory), {each.name for each in seen}
        new = sorted((each for each in seen if not self._is_known(each, book)), key=lambda one: _order(one, book))
        for each in new[: self._source.limits.files]:
            yield from self._file(each, book, there)
        if len(new) > self._source.limits.files:
            self._settles(time.time())
        else:
            yield from self._left_over(book, there)

    def _look(self) -> list[Seen]:
        if self._watch is None:
            return self._place.look()
        self._place.look()  # a folder that is not there is told as such, not as one that cannot be watched
        self._watch.begin()
        return self._place.look()

    def wait(self, seconds: float) -> None:
        """Until something happens in the folder, or a file will have settled; no longer than that."""
        if self._due is not None:
            seconds = max(0.0, min(seconds, self._due - time.time()))
        if self._watch is None:
            time.sleep(seconds)
        else:
            self._watch.wait(seconds)

    def close(self) -> None:
        """Watches no more."""
        if self._watch is not None:
            self._watch.close()

    def _is_known(self, seen: Seen, book: Book) -> bool:
        """Whether nothing more can come of a file as it lies there."""
        known = book.newest(seen.name)
        is_known = known is not None and known.stamp == seen.stamp and self._is_over(known)
        if is_known and self._watch is not None:
            self._watch.finished.discard(seen.name)
        return is_known

    def _file(self, seen: Seen, book: Book, there: set[str]) -> Iterator[Batch]:
        try:
            inspection.check_name(self._source, seen)
            if self._is_settled(seen):
                with self._place.open(seen) as opened:
                    yield from self._opened(seen, opened, book, there)
        except VanishedError:
            return
        except UnsteadyError:
            self._settles(time.time() + max(self._source.settle_seconds, UNSTEADY_SECONDS))
        except RefusedFileError as error:
            yield self._refused(seen, str(error), b"", book)
        except UnreadableError as error:
            yield from self._unreadable(seen, str(error), book)
        except OSError as error:
            raise Retryable(f"the file {shown(seen.name)} cannot be read", received=str(error)) from error

    def _is_over(self, record: Happened) -> bool:
        """Whether nothing more can come of the file; another way of reading is a new chance for what was refused."""
        if record.fate in (Fate.PART, Fate.UNREADABLE):
            return False
        return record.fate is Fate.TAKEN or record.reading == self._source.reading

    def _is_settled(self, seen: Seen) -> bool:
        if self._is_hinted(seen):
            return True
        # A clock that was set back must not keep a file waiting for ever.
        age = abs(time.time() - seen.touched)
        if age < self._source.settle_seconds:
            self._settles(time.time() + self._source.settle_seconds - age)
        return age >= self._source.settle_seconds

    def _is_hinted(self, seen: Seen) -> bool:
        """Whether the file was renamed to its name; that counts once."""
        if self._watch is None or seen.name not in self._watch.finished:
            return False
        self._watch.finished.discard(seen.name)
        return True

    def _settles(self, at: float) -> None:
        self._due = at if self._due is None else min(self._due, at)

    def _opened(self, seen: Seen, opened: Opened, book: Book, there: set[str]) -> Iterator[Batch]:
        digest = inspection.digest(opened.file)
        record, forgotten = self._known(seen, digest, book, there)
        if self._is_over(record):
            yield Batch((), {**forgotten, **record.remembered()})
            return
        part = Part(self._source, seen, opened.file)
        try:
            format_for(part).check(part)
        except RefusedFileError as error:
            book.forget(record)
            if not opened.is_steady():
                raise UnsteadyError from error
            yield self._refused(seen, str(error), inspection.first_bytes(opened.file), book, digest)
            return
        if not opened.is_steady():
            book.forget(record)
            raise UnsteadyError
        yield from self._taken(part, opened, record, forgotten, book)

    def _known(self, seen: Seen, digest: str, book: Book, there: set[str]) -> tuple[Happened, dict[str, None]]:
        """The file's record, and what is forgotten with it: a renamed file goes on under its new name."""
        known, forgotten = book.newest(seen.name), {}
        if known is not None and not known.sha256:
            book.forget(known)
            forgotten, known = {known.key: None}, book.find(seen.name, digest)
        goes_on = known if known is not None and known.sha256 == digest else book.renamed(digest, there)
        if goes_on is None or (goes_on.fate is not Fate.TAKEN and goes_on.reading != self._source.reading):
            return book.begin(self._source, seen, digest), forgotten
        book.forget(goes_on)
        record = book.note(self._going_on(goes_on, seen))
        return record, forgotten | ({goes_on.key: None} if goes_on.key != record.key else {})

    def _going_on(self, record: Happened, seen: Seen) -> Happened:
        """The record of a content that lies there under this name; one that was left goes on."""
        now = replace(record, path=seen.name, stamp=seen.stamp, changed=seen.modified)
        return replace(now, fate=Fate.PART, reason="", ended=None) if now.fate is Fate.LEFT else now

    def _taken(self, part: Part, opened: Opened, record: Happened, forgotten: Memory, book: Book) -> Iterator[Batch]:
        log.info("a file is taken", file=shown(record.path), size=record.size, from_row=record.rows)
        tally = _Tally(record, forgotten, book)
        try:
            for rows, is_last in _portions(format_for(part).rows(part, record.rows), self._source.batch_rows):
                if not opened.is_steady():
                    yield tally.over(Fate.LEFT, CHANGED.format(rows=tally.record.rows))
                    return
                yield tally.batch(rows, is_last=is_last)
        except RefusedFileError as error:
            row = Row(shown(part.seen.name), None, inspection.first_bytes(opened.file), str(error))
            yield tally.over(Fate.REFUSED, str(error), row)

    def _refused(self, seen: Seen, why: str, begins: bytes, book: Book, digest: str = "") -> Batch:
        log.warning("a file is refused", file=shown(seen.name), why=why)
        record = book.begin(self._source, seen, digest, Fate.REFUSED)
        row = Row(shown(seen.name), None, begins, f"the file is refused: {why}")
        return _Tally(record, {}, book).over(Fate.REFUSED, why, row)

    def _unreadable(self, seen: Seen, reason: str, book: Book) -> Iterator[Batch]:
        """Told once, though every reading tries again."""
        known = book.newest(seen.name)
        if known is None or (known.fate, known.reason, known.stamp) != (Fate.UNREADABLE, reason, seen.stamp):
            log.warning("a file may not be read", file=shown(seen.name), why=reason)
            record = book.begin(self._source, seen, "", Fate.UNREADABLE)
            yield Batch((), book.note(record.over(Fate.UNREADABLE, reason)).remembered())

    def _left_over(self, book: Book, there: set[str]) -> Iterator[Batch]:
        """Files that went away half taken, and what need not be known any longer."""
        changed: dict[str, object] = {}
        for record in book.gone(there):
            if record.fate is Fate.PART:
                over = book.note(record.over(Fate.LEFT, GONE.format(rows=record.rows)))
                changed |= over.remembered()
            elif is_old(record, self._source.remember_days):
                book.forget(record)
                changed[record.key] = None
        if changed:
            yield Batch((), changed)


class _Tally:
    """What is known of a file while it is taken; how many of its records are bad is known once they are mapped."""

    def __init__(self, record: Happened, forgotten: Memory, book: Book) -> None:
        self.record, self._forgotten, self._book = record, forgotten, book

    def batch(self, rows: Sequence[Row], *, is_last: bool) -> Batch:
        """The next records."""
        done = replace(self.record, rows=self.record.rows + len(rows))
        return self._batch(rows, done.over(Fate.TAKEN) if is_last else done)

    def over(self, fate: Fate, why: str, *rows: Row) -> Batch:
        """The end, with what is told to the quarantine of the file as a whole."""
        return self._batch(rows, self.record.over(fate, why))

    def _batch(self, rows: Sequence[Row], record: Happened) -> Batch:
        self.record = self._book.note(record)

        def judged(refused: int) -> Memory:
            self.record = self._book.note(replace(self.record, bad=self.record.bad + refused))
            return {**self._forgotten, **self.record.remembered()}

        return Batch(rows, judged=judged)


def _order(seen: Seen, book: Book) -> tuple[bool, int, str]:
    """A file that is half taken comes before all others."""
    known = book.newest(seen.name)
    return known is None or known.fate is not Fate.PART, seen.modified, seen.name


def _portions(rows: Iterator[Row], most: int) -> Iterator[tuple[list[Row], bool]]:
    """The records in portions of bounded number and size, and whether one is the last.

    Raises:
        RefusedFileError: the file cannot be read further; the records before that are in portions.
    """
    portion: list[Row] = []
    size = 0
    try:
        for row in rows:
            if len(portion) == most or size > BATCH_BYTES:
                yield portion, False
                portion, size = [], 0
            portion.append(row)
            size += len(row.raw)
    except RefusedFileError:
        yield portion, False
        raise
    yield portion, True
