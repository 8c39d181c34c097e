"""Tries a definition of files against the folder: what is there, what would be taken, and what sales it would give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from runtime.settings import Settings
from streaming.sources.files import inspection
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.names import shown
from streaming.sources.files.reader import store
from streaming.sources.files.rows import Part, format_for
from streaming.sources.files.store import RefusedFileError, Seen, Store, UnsteadyError, VanishedError
from streaming.sources.mapping import Mapper
from streaming.sources.records import Finding, Row

SAMPLE_ROWS, LOOKED_INTO = 5, 20


def check(source: FilesSource, chosen: Settings) -> Iterator[Finding]:
    """What is found; nothing is taken.

    Raises:
        Retryable: the folder is not there or does not answer.
        Permanent: it may not be read, or an expression is not valid.
    """
    mapper = Mapper(source)
    place = store(source, chosen)
    seen = sorted(place.look(), key=lambda each: (-each.modified, each.name))
    yield Finding(True, f"{source.folder} can be read: {len(seen):,} files are looked at")
    refused = list(_refused(source, seen))
    for each, why in refused[:LOOKED_INTO]:
        yield Finding(False, f"{shown(each.name)} is refused: {why}", "mend or ignore the file")
    names = {each.name for each, _ in refused}
    for each in (one for one in seen[:LOOKED_INTO] if one.name not in names):
        sample, finding = _sample(source, place, each)
        yield finding
        if sample:
            yield from _mapped(mapper, sample)
            return
    if not seen:
        yield Finding(True, "no file is there yet, so no sale can be shown", "put a file there and check again")


def _refused(source: FilesSource, seen: list[Seen]) -> Iterator[tuple[Seen, str]]:
    for each in seen:
        try:
            inspection.check_name(source, each)
        except RefusedFileError as error:
            yield each, str(error)


def _sample(source: FilesSource, place: Store, seen: Seen) -> tuple[list[Row], Finding]:
    """The first rows of a file."""
    name = shown(seen.name)
    try:
        with place.open(seen) as opened:
            part = Part(source, seen, opened.file)
            format_for(part).check(part)
            rows = list(islice(format_for(part).rows(part, 0), SAMPLE_ROWS))
    except RefusedFileError as error:
        return [], Finding(False, f"{name} would be refused: {error}", "mend the file or the definition")
    except (UnsteadyError, VanishedError):
        return [], Finding(True, f"{name} is still being written")
    return rows, Finding(True, f"{name} would be taken; its first {len(rows)} records:")


def _mapped(mapper: Mapper, rows: list[Row]) -> Iterator[Finding]:
    outcome = mapper.map(rows)
    for sale in outcome.accepted:
        yield Finding(True, sale.payload.decode())
    for wrong, count in Counter((each.field, each.reason) for each in outcome.refused).items():
        yield Finding(False, f"{count} of {len(rows)} records are refused: {wrong[1]}", "mend `fields`")
