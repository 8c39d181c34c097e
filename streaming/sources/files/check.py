"""Tries a definition of files against what lies there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.sources.files.content import RefusedFileError
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.folder import Entry, NotReadError, folder
from streaming.sources.files.formats import rows
from streaming.sources.mapping import Mapper
from streaming.sources.records import Finding, Row

SAMPLE = 5


def check(source: FilesSource, chosen: Settings) -> Iterator[Finding]:
    """What is found: the folder, its files, and the first records of the newest one as sales.

    Raises:
        Permanent: an expression of the definition is not valid.
    """
    mapper = Mapper(source)
    yield Finding(True, "the mapping is valid")
    try:
        entries = sorted(folder(source).entries(), key=lambda each: each.order)
    except Retryable as error:
        yield Finding(False, str(error), error.todo or "")
        return
    yield Finding(True, f"{source.folder} can be looked into: {len(entries)} files fit {source.names}")
    for entry in (each for each in entries if each.refused):
        yield Finding(False, f"{entry.path} would be refused: {entry.refused}", "put the file itself there")
    plain = [each for each in entries if not each.refused]
    if plain:
        yield from _sample(source, mapper, plain[-1])
    else:
        yield Finding(True, "no file lies there yet: nothing can be tried")


def _sample(source: FilesSource, mapper: Mapper, entry: Entry) -> Iterator[Finding]:
    try:
        found = _first_rows(source, entry)
    except (NotReadError, RefusedFileError) as error:
        yield Finding(False, f"{entry.path} would be refused: {error}", "mend the file, or the definition")
        return
    outcome = mapper.map(found)
    for refused in outcome.refused:
        yield Finding(False, f"{refused.at} would be quarantined: {refused.reason}", "mend the file, or the mapping")
    for accepted in outcome.accepted:
        yield Finding(True, f"would be the sale {accepted.payload.decode()}")


def _first_rows(source: FilesSource, entry: Entry) -> list[Row]:
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work) / "copy"
        folder(source).copy(entry, copy)
        return list(islice(rows(source, copy, entry.path), SAMPLE))
