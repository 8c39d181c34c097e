"""A till that drops files: CSV, written beside and renamed, so that a file that is there is whole."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from rankings.sale import Sale
from stack.peers.ledger import Ledger, told

SOURCE = "till"
COLUMNS = ("id", "at", "country", "town", "seller", "name", "total", "currency")


class Till:
    """Drops its sales into a folder.

    Args:
        folder: made if it is missing.
        ledger: what it has sold.
    """

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.ledger = ledger
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def drop(self, name: str, sales: Sequence[Sale], broken: Sequence[str] = ()) -> Path:
        """One file of those sales, and of lines that no contract takes."""
        self.ledger.write(sales)
        unfinished, whole = self._folder / f".{name}.part", self._folder / name
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(told(sale) for sale in sales)
            file.writelines(f"{line}\n" for line in broken)
        return unfinished.rename(whole)
