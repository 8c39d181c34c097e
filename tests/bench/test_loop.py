"""The loop that the stream is measured against comes to the oracle's sums, over records as they are told."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from bench import loop, records
from rankings.contract import parse
from rankings.sale import Deletion, Sale

COUNT = 5_000


@pytest.fixture(scope="module")
def made() -> list[records.Record]:
    return list(records.records(COUNT, seed=7))


def test_the_same_seed_gives_the_same_records(made: list[records.Record]) -> None:
    assert made == list(records.records(COUNT, seed=7))
    assert made != list(records.records(COUNT, seed=8))


def test_the_contract_takes_every_record(made: list[records.Record]) -> None:
    assert {type(parse(each.payload)) for each in made} == {Sale, Deletion}


def test_the_shares_are_as_told(made: list[records.Record]) -> None:
    seen: set[bytes] = set()
    kinds: Counter[str] = Counter()
    for each in made:
        deletion = "deleted" in json.loads(each.payload)
        kinds["deleted" if deletion else "updated" if each.key in seen else "new"] += 1
        seen.add(each.key)
    assert kinds["new"] / COUNT == pytest.approx(0.85, abs=0.02)
    assert kinds["updated"] / COUNT == pytest.approx(records.UPDATES, abs=0.02)
    assert kinds["deleted"] / COUNT == pytest.approx(records.DELETIONS, abs=0.01)


def test_the_plain_loop_comes_to_the_oracles_sums(made: list[records.Record]) -> None:
    payloads = [each.payload for each in made]
    wanted = {
        ranking.name: {tuple(map(str, key)): (total.amount, total.sales) for key, total in sums.items()}
        for ranking, sums in loop.checked(payloads).items()
    }
    found = {
        name: {key: (Decimal(cents).scaleb(-2), sales) for key, (cents, sales) in sums.items()}
        for name, sums in loop.plain(payloads).totals().items()
    }
    assert found == wanted
