"""One reading of a folder in a process of its own: `python -m bench.files_reading FOLDER NAME WAY`.

The ways: `log` is the connector itself, from the folder into the log; `map` ends with the mapping; `read` before it.
Tells rows, seconds, and the most memory it took besides what it has before the first record, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.memory import peak_mib
from runtime.settings import settings
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.reader import reader
from streaming.sources.mapping import Mapper
from streaming.sources.records import Batch

FIELDS = {"sale_id": "id", "occurred_at": "at", "city": "town", "salesman_id": "seller", "amount": "total"}


def definition(folder: str, name: str) -> FilesSource:
    """The definition of the folder that is measured."""
    told = {"kind": "files", "name": name, "folder": folder, "settle_seconds": 0, "fields": FIELDS}
    return FilesSource.model_validate(told)


def into_the_log(source: FilesSource) -> int:
    """By the runner, as in production: mapped, and published batch by batch with the position."""
    from streaming.sources.runner import Runner, reader_of

    noted: list[Any] = []
    runner = Runner(settings(), source, reader_of(source, settings()), noted.append)
    runner.read()
    runner.close()
    accepted: int = noted[-1].counts["accepted"]
    return accepted


def mapped(source: FilesSource) -> int:
    """Read and mapped, without a log."""
    mapper = Mapper(source)
    return sum(len(mapper.map(batch.rows).accepted) for batch in _batches(source))


def read(source: FilesSource) -> int:
    """By the reader alone."""
    return sum(len(batch.rows) for batch in _batches(source))


def _batches(source: FilesSource) -> Iterator[Batch]:
    with closing(reader(source, settings())) as opened:
        yield from opened.read({})


WAYS: dict[str, Callable[[FilesSource], int]] = {"log": into_the_log, "map": mapped, "read": read}


def main(folder: str, name: str, way: str) -> None:
    """Reads once."""
    source = definition(folder, name)
    size = sum(path.stat().st_size for path in Path(folder).iterdir())
    began = time.perf_counter()
    rows = WAYS[way](source)
    seconds = time.perf_counter() - began
    peak = peak_mib()
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mib": peak, "file_mib": size / 2**20}))


if __name__ == "__main__":
    main(*sys.argv[1:])
