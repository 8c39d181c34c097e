"""The sales that a peer knows of: what it tells, and what the answers have to be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Lock

from rankings.sale import Sale
from stack.shop.generator import Generator


class Ledger:
    """A peer's sales, each with the number of its last change; safe for several threads.

    Args:
        source: the name that its sales have in the platform.
        file: where every change is written down, so that a peer that starts again knows what it knew.
    """

    def __init__(self, source: str, file: Path) -> None:
        self.source = source
        self._file = file
        self._lock = Lock()
        self._changed: dict[str, tuple[int, Sale]] = {}
        self._last = 0
        if file.exists():
            self._keep(_sale(source, json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines())

    def write(self, sales: Iterable[Sale]) -> None:
        """New sales, or new states of sales of the same id."""
        own = [replace(sale, source=self.source) for sale in sales]
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(told(sale), ensure_ascii=False) + "\n" for sale in own)
            self._keep(own)

    def _keep(self, sales: Iterable[Sale]) -> None:
        for sale in sales:
            self._last += 1
            self._changed[sale.sale_id] = self._last, sale

    def sales(self) -> list[Sale]:
        """Every sale as it is."""
        return [sale for _, sale in self._after(0)]

    def after(self, number: int, most: int) -> list[tuple[int, Sale]]:
        """The sales that changed after a change's number, by the number of their last change; at most that many."""
        return list(self._after(number))[:most]

    def _after(self, number: int) -> Iterator[tuple[int, Sale]]:
        with self._lock:
            found = sorted((each for each in self._changed.values() if each[0] > number), key=lambda each: each[0])
        yield from found


def drawn(seed: str, generator: Generator, count: int) -> list[Sale]:
    """Sales out of a generator, with ids of their own."""
    return [replace(sale, sale_id=f"{seed}-{sale.sale_id}") for sale in generator.sales(1, count)]


def told(sale: Sale) -> dict[str, str]:
    """A sale in words that most systems understand: times in UTC, decimals as text."""
    return {
        "id": sale.sale_id,
        "at": sale.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "country": sale.country,
        "town": sale.city,
        "seller": sale.salesman_id,
        "name": sale.salesman or "",
        "total": format(sale.amount, "f"),
        "currency": sale.currency,
    }


def _sale(source: str, said: dict[str, str]) -> Sale:
    return Sale(
        source=source,
        sale_id=said["id"],
        occurred_at=datetime.fromisoformat(said["at"]),
        country=said["country"],
        city=said["town"],
        salesman_id=said["seller"],
        salesman=said["name"] or None,
        amount=Decimal(said["total"]),
        currency=said["currency"],
    )
