"""Every record that breaks the contract is kept with its position and a reason, and every good one beside it counts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from rankings.contract import Rejected, parse
from rankings.render.clickhouse import View
from rankings.topics import TOPICS
from runtime.settings import Settings
from stack.shop.generator import Generator
from streaming.clickhouse import connect
from streaming.keeper import running
from tests.exactness.log import DIRECT, Record, Taken, produce, told
from tests.exactness.test_kills import wait_until
from tests.exactness.truth import Truth
from tests.golden import payloads
from tests.streaming.test_kernel_contract import AS_A_WHOLE, damaged

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

BAD, GOOD = 10_000, 2_500


@dataclass(frozen=True, slots=True)
class Refused:
    """A row of the quarantine; the reason only where it is the same in every language."""

    field: str
    reason: str
    key: bytes
    payload: bytes
    log_time: datetime


Rows = dict[tuple[str, int, int], Refused]


def bad_records(draw: random.Random) -> Iterator[Record]:
    """Records that the contract refuses, of every kind, without end."""
    kinds = payloads.bad()
    while True:
        payload = damaged(draw) if draw.random() < 0.5 else draw.choice(kinds).payload
        where = draw.choice(TOPICS)
        if isinstance(parse(payload, where), Rejected):
            yield Record(where, draw.randbytes(draw.randint(1, 12)), payload)


def good_records(draw: random.Random) -> Iterator[Record]:
    """Sales of ids of their own."""
    sales = Generator("good ones", until=datetime.now(UTC), days=30)
    for number in range(GOOD):
        where = draw.choice(TOPICS)
        sale = replace(sales.sale(f"{DIRECT}{number}"), source=where.source or "good")
        yield told(sale, where)


def all_records() -> list[Record]:
    """Every kind of the table once at least, then as many as it takes, the good ones among them."""
    draw = random.Random("quarantine")
    bad = [Record(each.topic, each.name.encode(), each.payload) for each in payloads.bad()]
    more = bad_records(draw)
    bad += [next(more) for _ in range(BAD - len(bad))]
    records = [*bad, *good_records(draw)]
    draw.shuffle(records)
    return records


def expected(records: list[Record], taken: list[Taken]) -> Rows:
    """What has to be in the quarantine."""
    return {
        (at.topic, at.partition, at.offset): Refused(
            said.field or "", comparable(said.reason), record.key or b"", record.payload or b"", at.log_time
        )
        for record, at in zip(records, taken, strict=True)
        if isinstance(said := parse(record.payload, record.topic), Rejected)
    }


def found(client: Any, hop: str) -> Rows:
    """What is in the quarantine, byte for byte."""
    text = (
        "SELECT topic, partition, offset, field, reason, key, payload, log_time FROM quarantine FINAL "
        "WHERE hop = {hop:String}"
    )
    rows = client.query(text, parameters={"hop": hop}, column_formats={"key": "bytes", "payload": "bytes"}).result_rows
    return {
        (topic, partition, offset): Refused(field, comparable(reason), key, payload, at.replace(tzinfo=UTC))
        for topic, partition, offset, field, reason, key, payload, at in rows
    }


def count(client: Any, hop: str, since: datetime) -> int:
    """How many records are in the quarantine that the log took since then."""
    text = "SELECT count() FROM quarantine FINAL WHERE hop = {hop:String} AND log_time >= {since:DateTime64(3)}"
    return int(client.query(text, parameters={"hop": hop, "since": since}).result_rows[0][0])


def comparable(reason: str) -> str:
    """Each language words it its own way where a payload is no JSON object."""
    return "payload" if reason.startswith(AS_A_WHOLE) else reason


def holds(hop: str, wanted: Rows) -> None:
    """Waits until all of them are in quarantine, then looks whether they are as they have to be."""
    since = min(each.log_time for each in wanted.values())
    with closing(connect()) as client:
        wait_until(lambda: count(client, hop, since) >= len(wanted), lambda: missing(found(client, hop), wanted))
        rows = found(client, hop)
        assert rows.keys() >= wanted.keys(), missing(rows, wanted)
        wrong = [(at, rows[at], wanted[at]) for at in wanted if rows[at] != wanted[at]]
        assert not wrong, f"{len(wrong)} are not as they have to be: {wrong[:5]}"


def missing(rows: Rows, wanted: Rows) -> str:
    absent = [at for at in wanted if at not in rows]
    return f"{len(absent)} of {len(wanted)} are missing: {[(at, wanted[at]) for at in absent[:5]]}"


def restarts(chosen: Settings) -> dict[str, tuple[str, int]]:
    """The jobs that run, each with its id and when it was last restarted (0: never)."""
    return {name: (job, _restarted(chosen.flink, job)) for name, job in running(chosen.flink).items()}


def _restarted(flink: str, job: str) -> int:
    return int(httpx.get(f"{flink}/jobs/{job}", timeout=10).raise_for_status().json()["timestamps"]["RESTARTING"])


def test_ten_thousand_bad_records_among_good_ones(stack: Settings, truth: Truth, reconcile: Callable[[], None]) -> None:
    before, records = restarts(stack), all_records()
    wanted = expected(records, produce(stack, records))
    assert len(wanted) >= BAD
    holds("stream", wanted)
    truth.equals_live()
    truth.equals_merged()
    assert restarts(stack) == before
    reconcile()
    holds("batch", wanted)
    truth.equals_everywhere()
    truth.equals_api(View.RECONCILED)
