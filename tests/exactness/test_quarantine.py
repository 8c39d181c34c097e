"""Every record that breaks the contract is kept with its position and a reason, and every good one beside it counts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from typer.testing import CliRunner

from rankings.catalogue import RANKINGS
from rankings.contract import Rejected, parse
from rankings.topics import TOPICS
from runtime.cli import app
from runtime.settings import Settings
from stack.shop.generator import Generator
from streaming.keeper import running
from streaming.quarantine.store import quarantine
from tests.exactness.log import DIRECT, Record, produce, told
from tests.exactness.quarantine import holds_exactly
from tests.exactness.truth import Truth
from tests.exactness.waiting import wait_until
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


def test_a_refused_sale_is_missed_until_it_is_replayed(stack: Settings, truth: Truth) -> None:
    source = "a till that writes numbers"
    told = {"source": source, "sale_id": "7", "occurred_at": "2026-03-01T12:00:00Z", "country": "Polska"}
    sale = {**told, "city": "Łódź", "salesman_id": "PL-7", "currency": "PLN"}
    bad = [Record("events.rest", source.encode(), json.dumps({**sale, "amount": each}).encode()) for each in (1, 2)]
    first, last = (f"{at.topic}/{at.partition}/{at.offset}" for at in produce(stack, bad))
    wait_until(lambda: missing(stack).get(source) == 1, lambda: str(missing(stack)))
    assert CliRunner().invoke(app(), ["quarantine", "replay", last, "--set", "amount=12.30"]).exit_code == 0
    truth.equals_live()
    wait_until(lambda: source not in missing(stack), lambda: str(missing(stack)))
    assert state(first) == "superseded"
    assert state(last) == "replayed"


def missing(chosen: Settings) -> dict[str, int]:
    """How many sales an answer says that it may be missing, by source."""
    headers = {"Authorization": f"Bearer {chosen.api_key_file.read_text().strip()}"}
    address = f"{chosen.api}/v1/rankings/{RANKINGS[0].name}"
    answer = httpx.get(address, params={"currency": "PLN"}, headers=headers, timeout=30).raise_for_status()
    found: dict[str, int] = answer.json()["evidence"]["quarantine"]["missing_by_source"]
    return found


def state(record: str) -> str:
    """What has become of a record."""
    with quarantine() as held:
        return held.record(record).state
