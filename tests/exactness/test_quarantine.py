"""Every record that breaks the contract is kept with its position and a reason, and every good one beside it counts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from rankings.contract import Rejected, parse
from rankings.topics import TOPICS
from runtime.settings import Settings
from stack.shop.generator import Generator
from streaming.keeper import running
from tests.exactness.log import DIRECT, Record, produce, told
from tests.exactness.quarantine import holds_exactly
from tests.exactness.truth import Truth
from tests.golden import payloads
from tests.streaming.test_kernel_contract import damaged

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

BAD, GOOD = 10_000, 2_500


def all_records() -> list[Record]:
    """Every kind of the table once at least, then as many as it takes, the good ones among them."""
    draw = random.Random("quarantine")
    bad = [Record("events.files", each.name.encode(), each.payload) for each in payloads.bad()]
    more = bad_records(draw)
    bad += [next(more) for _ in range(BAD - len(bad))]
    records = [*bad, *good_records(draw)]
    draw.shuffle(records)
    return records


def bad_records(draw: random.Random) -> Iterator[Record]:
    """Records that the contract refuses, of every kind, without end."""
    kinds = payloads.bad()
    while True:
        payload = damaged(draw) if draw.random() < 0.5 else draw.choice(kinds).payload
        if isinstance(parse(payload), Rejected):
            yield Record(draw.choice(TOPICS), draw.randbytes(draw.randint(1, 12)), payload)


def good_records(draw: random.Random) -> Iterator[Record]:
    """Sales of ids of their own."""
    sales = Generator("good ones", until=datetime.now(UTC), days=30)
    for number in range(GOOD):
        where = draw.choice(TOPICS)
        sale = replace(sales.sale(f"{DIRECT}{number}"), source="good")
        yield told(sale, where)


def restarts(chosen: Settings) -> dict[str, tuple[str, int]]:
    """The jobs that run, each with its id and when it was last restarted (0: never)."""
    return {name: (job, _restarted(chosen.flink, job)) for name, job in running(chosen.flink).items()}


def _restarted(flink: str, job: str) -> int:
    return int(httpx.get(f"{flink}/jobs/{job}", timeout=10).raise_for_status().json()["timestamps"]["RESTARTING"])


def test_ten_thousand_bad_records_among_good_ones(stack: Settings, truth: Truth) -> None:
    before, known = restarts(stack), len(truth.refused())
    produce(stack, all_records())
    refused = truth.refused()
    assert len(refused) == known + BAD
    holds_exactly("stream", refused)
    truth.equals_live()
    truth.equals_merged()
    assert restarts(stack) == before
