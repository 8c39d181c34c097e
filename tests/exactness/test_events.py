"""Sales that other sources write into the log count as the shop's do; what comes twice or again changes nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rankings.render.clickhouse import View
from rankings.sale import Deletion, Sale
from rankings.topics import EVENTS
from runtime.settings import Settings
from stack.shop.generator import Generator
from stack.shop.simulator import Shop
from tests.exactness.log import Record, produce, told
from tests.exactness.truth import Truth

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def states(source: str) -> list[Sale | Deletion]:
    """One sale from its first record to its last, a deletion among them."""
    sale = Sale(source, "7", NOON, "Polska", "Łódź", "PL-7", "Żaneta", Decimal("120.50"), "PLN")
    return [
        sale,
        replace(sale, amount=Decimal("99.99")),
        replace(sale, city="Kraków", occurred_at=NOON + timedelta(days=1)),
        Deletion(source, "7"),
        replace(sale, country="Česko", city="Brno", currency="CZK", salesman=None),
        replace(sale, salesman_id="PL-8", salesman="Ola"),
    ]


def test_each_state_of_a_sale_arrives(stack: Settings, truth: Truth) -> None:
    for number in range(len(states(""))):
        produce(stack, [told(states(f"till of {where}")[number], where) for where in EVENTS])
        truth.equals_live()


def test_records_delivered_twice_change_nothing(stack: Settings, truth: Truth) -> None:
    for where in EVENTS:
        produce(stack, [told(state, where) for state in states(f"echo of {where}") for _ in range(3)])
    truth.equals_live()


def test_a_history_told_again_changes_nothing(stack: Settings, truth: Truth) -> None:
    for cut in (6, 2, 6, 4, 6):
        for where in EVENTS:
            produce(stack, [told(state, where) for state in states(f"replay of {where}")[:cut]])
        truth.equals_live()


def test_a_deletion_of_what_never_was(stack: Settings, truth: Truth) -> None:
    produce(stack, [told(Deletion("nobody", str(number)), where) for number in range(5) for where in EVENTS])
    truth.equals_live()


def test_the_same_id_in_two_sources_is_two_sales(stack: Settings, truth: Truth) -> None:
    sale = states("left")[0]
    assert isinstance(sale, Sale)
    pair = [sale, replace(sale, source="right", amount=Decimal("1.00"))]
    produce(stack, [told(each, where) for each, where in zip(pair, EVENTS[:2], strict=True)])
    truth.equals_live()
    produce(stack, [told(Deletion("left", "7"), EVENTS[0])])
    truth.equals_live()


def test_composed_and_decomposed_names_are_one_subject(stack: Settings, truth: Truth) -> None:
    sale = Sale("names", "", NOON, "Việt Nam", "Đà Nẵng", "VN-Ổ", "Nguyễn", Decimal("10.00"), "VND")
    records = []
    for number, form in enumerate(("NFC", "NFD") * 4):
        record = told(replace(sale, sale_id=str(number)), EVENTS[number % 3])
        payload = unicodedata.normalize(form, str(record.payload, "utf-8") if record.payload else "")  # type: ignore[arg-type]
        records.append(Record(record.topic, record.key, payload.replace("10.00", " 10.0\t").encode()))
    produce(stack, records)
    truth.equals_live()
    truth.equals_api()


def test_a_storm_of_all_sources(stack: Settings, truth: Truth) -> None:
    draw = Generator("events", until=datetime.now(UTC), days=30)
    records = []
    for number in range(3000):
        sale = replace(draw.sale(f"E{draw.random.randrange(600)}"), source=f"storm {number % 3}")
        said = Deletion(sale.source, sale.sale_id) if draw.random.random() < 0.1 else sale
        records.append(told(said, EVENTS[number % 3]))
        if draw.random.random() < 0.1:
            records.append(draw.random.choice(records[-200:]))
    produce(stack, records)
    truth.equals_live()
    truth.equals_merged()


def test_history_is_what_live_was_and_later_changes_come_on_top(
    stack: Settings, truth: Truth, reconcile: Callable[[], None]
) -> None:
    reconcile()
    truth.equals_everywhere()
    truth.equals_api(View.RECONCILED)
    with Shop(stack.source_dsn.get_secret_value(), seed=5) as shop:
        shop.run(rate=200, seconds=2)
    produce(stack, [told(Deletion("storm 0", f"E{number}"), "events.files") for number in range(100)])
    truth.equals_merged()
    truth.equals_live()
    truth.equals_api()
