"""The quarantine: what is refused on the way into the log is kept in ClickHouse, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

from streaming.clickhouse import connect, patiently
from streaming.sources.definition import Source
from streaming.sources.mapping import Refused

COLUMNS = ("topic", "partition", "offset", "log_time", "hop", "field", "reason", "key", "payload")


def keep(source: Source, refused: Sequence[Refused]) -> None:
    """Keeps refused records; one that is kept already changes nothing.

    Raises:
        OperationalError: ClickHouse cannot be reached.
        DatabaseError: ClickHouse refuses what was sent.
    """
    now = datetime.now(UTC)
    rows = [
        (source.into, 0, _identity(source, each), now, "source", each.field, each.reason, each.at, each.raw)
        for each in refused
    ]
    with closing(connect()) as client:
        patiently(lambda: client.insert("quarantine", rows, column_names=COLUMNS))


def _identity(source: Source, refused: Refused) -> int:
    """Stands for the offset of a record that never got one: the same record at the same place gives the same."""
    told = "\0".join((source.name, refused.at)).encode() + b"\0" + refused.raw
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "big")
