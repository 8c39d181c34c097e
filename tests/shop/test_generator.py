"""The shop's sales are realistic, keep the contract, and are the same for the same seed."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

from rankings.contract import parse
from rankings.sale import Sale
from stack.shop.generator import Generator
from stack.shop.places import countries

UNTIL = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def drawn(count: int, seed: int = 1) -> list[Sale]:
    return list(Generator(seed, until=UNTIL, days=7).sales(1, count))


def test_places_and_people_are_those_of_twenty_countries() -> None:
    assert len(countries()) == 20
    assert sum(len(country.cities) for country in countries()) == 200
    people = [salesman for country in countries() for salesman in country.salesmen]
    assert len({salesman.id for salesman in people}) == len(people) == 300
    assert not all(salesman.name.isascii() for salesman in people)


def test_the_same_seed_gives_the_same_sales() -> None:
    assert drawn(200) == drawn(200)
    assert drawn(200) != drawn(200, seed=2)


def test_every_sale_keeps_the_contract_however_often_it_moves_to_another_day() -> None:
    draw = Generator(3, until=datetime(1971, 1, 9, tzinfo=UTC), days=1)
    (first,) = draw.sales(1, 1)
    moved = [first := draw.on_other_day(first) for _ in range(20)]
    assert moved[0].occurred_at > moved[-1].occurred_at
    for sale in (*drawn(2_000), *moved):
        fields = {name: getattr(sale, name) for name in Sale.__dataclass_fields__}
        fields["occurred_at"] = sale.occurred_at.isoformat().replace("+00:00", "Z")
        assert parse(json.dumps(fields, default=str).encode()) == sale


def test_a_country_has_its_currency_and_its_salesmen() -> None:
    currencies = {country.name: country.currency for country in countries()}
    salesmen = {salesman.id: salesman.name for country in countries() for salesman in country.salesmen}
    for sale in drawn(2_000):
        assert sale.currency == currencies[sale.country]
        assert sale.salesman == salesmen[sale.salesman_id]


def test_times_lie_within_the_days_asked_for() -> None:
    moments = [sale.occurred_at for sale in drawn(2_000)]
    assert max(moments) <= UNTIL
    assert len({moment.date() for moment in moments}) == 7


def test_bigger_cities_sell_more_and_amounts_are_skewed() -> None:
    german = [sale for sale in drawn(20_000) if sale.country == "Germany"]
    assert Counter(sale.city for sale in german).most_common(1)[0][0] == "Berlin"
    amounts = [sale.amount for sale in german]
    assert statistics.mean(amounts) > Decimal("1.3") * statistics.median(amounts)
    assert 0 < sum(amount < 0 for amount in amounts) < len(amounts) / 20
