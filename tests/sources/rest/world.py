"""What plays the runner's part in tests: takes batches, keeps the memory, and may be killed at every point."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

from streaming.sources.catalogue import DEFINITION
from streaming.sources.records import Row
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.reader import RestReader
from tests.sources.rest.service import HttpService

CURSOR = {"kind": "cursor", "next": "meta.next", "param": "cursor"}
SINCE = {"param": "since", "field": "changed_at", "overlap": 0}

PATHS: dict[str, dict[str, Any]] = {
    "cursor": {"records": "data.items", "paging": CURSOR},
    "feed": {"records": "/items", "paging": {**CURSOR, "next": "/next", "more": "more", "lasting": True}},
    "pages": {"paging": {"kind": "page", "param": "page", "size_param": "per_page", "size": 100}},
    "offset": {"records": "rows", "paging": {"kind": "offset", "param": "offset"}},
    "link": {"paging": {"kind": "link"}},
    "next_url": {"records": "rows", "paging": {"kind": "next_url", "next": "links.next"}},
}
"""How each way of paging of the service is defined."""


def defined(service: HttpService, path: str = "cursor", **more: Any) -> RestSource:
    """The definition of one of the service's paths; waits are short."""
    limits = {"wait_seconds": 2, "attempts": 3, **more.pop("limits", {})}
    told = {"name": "till", "kind": "rest", "url": f"{service.url}/{path}", **PATHS.get(path, {}), "limits": limits}
    source = DEFINITION.validate_python({**told, **more})
    assert isinstance(source, RestSource)
    return source


class World:
    """What is published, and what the source remembers.

    Attributes:
        rows: every row that was published, in order.
        memory: of the source.
        slept: the seconds of every wait.
    """

    def __init__(self, source: RestSource) -> None:
        self.source = source
        self.rows: list[Row] = []
        self.memory: dict[str, Any] = {}
        self.slept: list[float] = []
        self.batches = 0

    def read(self, kill_at: int | None = None) -> list[Row]:
        """One reading by a new reader, as after a start; what was published by it.

        Args:
            kill_at: the number of the batch, from 0, that is fetched and never published.
        """
        before = len(self.rows)
        with closing(RestReader(self.source, self.slept.append)) as reader:
            for number, batch in enumerate(reader.read(self.memory)):
                if number == kill_at:
                    break
                self.rows.extend(batch.rows)
                self.batches += 1
                # What is remembered has to outlive the process as JSON.
                self.memory |= json.loads(json.dumps(batch.remember))
                self.memory = {name: value for name, value in self.memory.items() if value is not None}
        return self.rows[before:]


def ids(rows: list[Row]) -> list[str]:
    """The sales' ids, in order."""
    return [str(row.fields["sale_id"]) if row.fields else "?" for row in rows]


def numbers(first: int, last: int) -> list[str]:
    """The ids of those sales, both included."""
    return [f"s{number}" for number in range(first, last + 1)]
