"""One reading in a process of its own: `python -m bench.rest_reading URL NAME WAY`; tells rate and memory as JSON.

The ways: `log` is the connector itself, from the service into the log; `read` ends before the mapping; `plain` is a
loop of httpx and Python's json over the same pages, which keeps nothing, checks nothing and makes floats of amounts.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from bench.memory import peak_mib
from bench.rest_service import PAGE
from runtime.settings import settings
from streaming.sources.rest.definition import RestSource


def definition(url: str, name: str) -> RestSource:
    """The definition of the service that is measured."""
    paging = {"kind": "cursor", "next": "next", "param": "cursor"}
    told = {"kind": "rest", "name": name, "url": url, "records": "items", "paging": paging}
    since = {"param": "since", "field": "version", "form": "number", "overlap": PAGE}
    return RestSource.model_validate({**told, "since": since, "fields": {"salesman": "salesman"}})


def into_the_log(source: RestSource) -> int:
    """By the runner, as in production: mapped, and published page by page with the position."""
    from streaming.sources.runner import Runner, reader_of

    noted: list[Any] = []
    with closing(Runner(settings(), source, reader_of(source, settings()), noted.append)) as runner:
        runner.read()
    accepted: int = noted[-1].counts["accepted"]
    return accepted


def read(source: RestSource) -> int:
    """By the reader alone."""
    from streaming.sources.rest.reader import RestReader

    with closing(RestReader(source)) as reader:
        return sum(len(batch.rows) for batch in reader.read({}))


def plain(source: RestSource) -> int:
    """By a loop."""
    import httpx

    rows, params = 0, dict[str, str]()
    with httpx.Client() as client:
        while True:
            page = json.loads(client.get(str(source.url), params=params).content)
            rows += len(page["items"])
            if page["next"] is None:
                return rows
            params = {"cursor": page["next"]}


WAYS: dict[str, Callable[[RestSource], int]] = {"log": into_the_log, "read": read, "plain": plain}


def main(url: str, name: str, way: str) -> None:
    """Reads once."""
    began = time.perf_counter()
    rows = WAYS[way](definition(url, name))
    seconds = time.perf_counter() - began
    peak = peak_mib()
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
