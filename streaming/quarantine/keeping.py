"""What a source's reader refuses, brought into the quarantine before the source's position moves past it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256

from runtime.settings import settings
from streaming.clickhouse import connect, patiently
from streaming.quarantine.store import Quarantine, as_ours
from streaming.sources.definition import Source
from streaming.sources.mapping import Refused, key
from streaming.sources.text import text

HASH_DIGITS = 20

TRANSACTION = timedelta(seconds=60)
"""A transaction of a source's reader takes no longer than this: its good records are in the log by then."""


def keep(source: Source, refused: Sequence[Refused]) -> None:
    """Takes records that a source's reader refused into the platform's quarantine, over one connection for all calls.

    Raises:
        Retryable: ClickHouse does not answer, or refuses.
    """
    if refused:
        held = _connected(settings().clickhouse.get_secret_value())
        held.keep(rows(source, refused, datetime.now(UTC)))


@cache
def _connected(_dsn: str) -> Quarantine:
    """One connection for all calls, as long as the address is the same."""
    with as_ours():
        return Quarantine(patiently(connect))


def rows(source: Source, refused: Sequence[Refused], now: datetime) -> list[tuple[object, ...]]:
    """Refused records as the quarantine takes them; microseconds keep their order."""
    return [_row(source, each, now + timedelta(microseconds=number)) for number, each in enumerate(refused)]


def identity(source: Source, at: str, raw: bytes) -> str:
    """The name of a record that a source's reader refused."""
    told = (at if source.steady else "").encode() + b"\0" + raw
    return f"{source.name}/{sha256(told).hexdigest()[:HASH_DIGITS]}"


def _row(source: Source, refused: Refused, now: datetime) -> tuple[object, ...]:
    told = "" if refused.fields is None else json.dumps(dict(refused.fields), ensure_ascii=False, default=_told)
    sale_key = key(source.name, refused.sale_id) if refused.sale_id else b""
    kept = (identity(source, refused.at, refused.raw), "source", source.into, refused.at, now)
    wrong = (refused.field, refused.reason, sale_key, refused.raw, told)
    # A good record of the sale that goes to the log with it came before it, and must not count as its correction.
    order_time = now + TRANSACTION if refused.after_good else now
    return (*kept, *wrong, source.name, refused.sale_id, order_time)


def _told(value: object) -> object:
    """As the mapping reads it, so that a replay maps what the reader gave."""
    try:
        return dict(value) if isinstance(value, Mapping) else text(value)
    except ValueError:
        return str(value)
