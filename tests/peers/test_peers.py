"""The till, the web shop and the partner tell what they have sold, in their own words, and remember it."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from rankings.sale import Sale
from stack.peers import partner, webshop
from stack.peers.ledger import Ledger, drawn, told
from stack.peers.serving import served
from stack.peers.till import Till
from stack.shop.generator import Generator

COUNT = 230


@pytest.fixture
def sales() -> list[Sale]:
    return drawn("X", Generator("peers", until=datetime(2026, 3, 1, tzinfo=UTC), days=30), COUNT)


@pytest.fixture
def ledger(tmp_path: Path, sales: list[Sale]) -> Ledger:
    made = Ledger("peer", tmp_path / "sales.jsonl")
    made.write(sales)
    return made


def test_a_ledger_gives_the_last_state_of_each_sale(ledger: Ledger, sales: list[Sale]) -> None:
    corrected = replace(sales[0], amount=Decimal("1.00"))
    ledger.write([corrected])
    assert len(ledger.sales()) == COUNT
    assert ledger.after(COUNT, 10) == [(COUNT + 1, replace(corrected, source="peer"))]
    assert [number for number, _ in ledger.after(0, 3)] == [2, 3, 4]


def test_a_ledger_knows_what_it_wrote_down(ledger: Ledger, tmp_path: Path) -> None:
    assert Ledger("peer", tmp_path / "sales.jsonl").sales() == ledger.sales()


def test_a_till_drops_whole_files(tmp_path: Path, ledger: Ledger, sales: list[Sale]) -> None:
    till = Till(tmp_path / "drop", ledger)
    path = till.drop("a.csv", sales[:3], broken=["no,such"])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [*csv.DictReader(lines[:4])] == [told(sale) for sale in sales[:3]]
    assert lines[4:] == ["no,such"]
    assert [each.name for each in path.parent.iterdir()] == ["a.csv"]


def test_a_web_shop_gives_pages_to_those_who_have_the_key(ledger: Ledger) -> None:
    with served(webshop.app(ledger, "key")) as address:
        assert httpx.get(f"{address}/orders").status_code == 401
        after, found = "0", []
        while True:
            page = httpx.get(f"{address}/orders", params={"after": after}, headers={"X-Api-Key": "key"}).json()
            found += page["orders"]
            after = page["next"]
            if not page["more"]:
                break
    assert found == [told(sale) for sale in ledger.sales()]


def test_a_partner_answers_by_soap(ledger: Ledger) -> None:
    from zeep import Client

    with served(partner.app(ledger)) as address:
        client: Any = Client(f"{address}/?wsdl")
        answer = client.service.changed_after(COUNT - 2, 10)
        assert not client.service.changed_after(COUNT, 10)
    assert [(each.number, each.id, each.total) for each in answer] == [
        (number, sale.sale_id, sale.amount) for number, sale in ledger.after(COUNT - 2, 10)
    ]
