"""Realistic sales out of a seed: the same seed, end and number of days give the same sales."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from math import log, sqrt

from rankings.sale import Sale
from stack.shop.places import Country, countries

SOURCE = "shop"
"""The source that the sales name."""

MEDIAN_EUROS, SPREAD = 42.0, 1.1
"""Half of all sales are below the median; the logarithm of an amount has this standard deviation."""

EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
"""The contract refuses sales from before."""

REFUND_SHARE = 0.01
OPENS, PEAK, CLOSES = 7.0, 15.0, 23.0
"""Hours of the day (UTC) between which sales happen."""


@dataclass(frozen=True, slots=True)
class _Weights:
    """Cumulative weights of a country's cities and salesmen."""

    cities: list[float]
    salesmen: list[float]


class Generator:
    """Draws sales and changes of them.

    Args:
        seed: what the draws start from; a number or a text.
        until: the newest possible time of a sale, aware, UTC.
        days: over how many days before it the sales are spread.
    """

    def __init__(self, seed: int | str, *, until: datetime, days: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - realism, not secrecy
        self._until, self._days = until, days
        self._countries = countries()
        # The square root keeps the biggest countries from hiding all the others.
        inhabitants = (sum(city.population for city in country.cities) for country in self._countries)
        self._country_weights = list(accumulate(sqrt(each) for each in inhabitants))
        self._weights = {country.name: _weights(country) for country in self._countries}

    def sales(self, first: int, count: int) -> Iterator[Sale]:
        """That many sales, with ids numbered from `first` on."""
        for number in range(first, first + count):
            yield self.sale(sale_id(number))

    def sale(self, sale_id: str) -> Sale:
        """One sale of that id."""
        return self._in_country(sale_id, self._a_country(), self.moment())

    def _in_country(self, sale_id: str, country: Country, occurred_at: datetime) -> Sale:
        weights = self._weights[country.name]
        city = self.random.choices(country.cities, cum_weights=weights.cities)[0]
        salesman = self.random.choices(country.salesmen, cum_weights=weights.salesmen)[0]
        return Sale(
            source=SOURCE,
            sale_id=sale_id,
            occurred_at=occurred_at,
            country=country.name,
            city=city.name,
            salesman_id=salesman.id,
            salesman=salesman.name,
            amount=self.amount(country),
            currency=country.currency,
        )

    def amount(self, country: Country) -> Decimal:
        """A price in the country's currency; one in a hundred is a refund."""
        euros = self.random.lognormvariate(log(MEDIAN_EUROS), SPREAD)
        units = max(1, round(euros * country.per_euro * 10**country.decimals))
        sign = -1 if self.random.random() < REFUND_SHARE else 1
        return (Decimal(sign * units).scaleb(-country.decimals)).quantize(Decimal("0.01"))

    def moment(self) -> datetime:
        """A time within the days, more often in the afternoon than at the edges of a day."""
        midnight = self._until.replace(hour=0, minute=0, second=0, microsecond=0)
        day = midnight - timedelta(days=self.random.randrange(self._days))
        moment = day + timedelta(microseconds=round(self.random.triangular(OPENS, CLOSES, PEAK) * 3_600_000_000))
        if moment <= self._until:
            return moment
        return midnight + self.random.random() * (self._until - midnight)

    def with_other_amount(self, sale: Sale) -> Sale:
        """The same sale at another price."""
        amount = self.amount(self._country_of(sale))
        return replace(sale, amount=amount if amount != sale.amount else amount + 1)

    def in_other_city(self, sale: Sale) -> Sale:
        """The same sale in another city of its country."""
        cities = [city.name for city in self._country_of(sale).cities if city.name != sale.city]
        return replace(sale, city=self.random.choice(cities))

    def by_other_salesman(self, sale: Sale) -> Sale:
        """The same sale, credited to someone else in its country."""
        others = [each for each in self._country_of(sale).salesmen if each.id != sale.salesman_id]
        other = self.random.choice(others)
        return replace(sale, salesman_id=other.id, salesman=other.name)

    def in_other_country(self, sale: Sale) -> Sale:
        """The same sale elsewhere: country, city, salesman, price and currency are others."""
        country = self.random.choice([each for each in self._countries if each.name != sale.country])
        return self._in_country(sale.sale_id, country, sale.occurred_at)

    def on_other_day(self, sale: Sale) -> Sale:
        """The same sale, one to five days earlier, as far as the contract lets it."""
        earlier = sale.occurred_at - timedelta(days=self.random.randint(1, 5))
        return replace(sale, occurred_at=max(earlier, EARLIEST))

    def _a_country(self) -> Country:
        return self.random.choices(self._countries, cum_weights=self._country_weights)[0]

    def _country_of(self, sale: Sale) -> Country:
        return next((each for each in self._countries if each.name == sale.country), self._countries[0])


def sale_id(number: int) -> str:
    """The id of the shop's sale of that number; ids sort as their numbers do.

    >>> sale_id(17)
    'S000000017'
    """
    return f"S{number:09}"


def _weights(country: Country) -> _Weights:
    """Cities by their inhabitants; the salesman of rank r sells 1/r of what the first one sells."""
    return _Weights(
        cities=list(accumulate(float(city.population) for city in country.cities)),
        salesmen=list(accumulate(1 / rank for rank, _ in enumerate(country.salesmen, start=1))),
    )
