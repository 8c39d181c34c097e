"""The scene of the other sources: files, REST and SOAP, defined while everything runs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from string import Template

from rankings.catalogue import TOP_SALES_PER_CITY
from rankings.oracle import Entry, Filter, answer, sums
from rankings.sale import Sale
from runtime.demo.answers import MOST, Answer
from runtime.demo.stage import Stage
from stack.passwords import write_private
from stack.peers import partner, till, webshop
from stack.peers.ledger import Ledger, drawn
from stack.peers.serving import served
from stack.shop.generator import Generator

EACH = 250
BROKEN = ("broken line", "x,yesterday,Germany,Berlin,DE-1,Ada,12.30,EUR")
"""Two lines of the till's file that no contract takes."""

DEFINITIONS = Path(webshop.__file__).with_name("definitions")


@dataclass(frozen=True)
class Others:
    """The other owners' systems, running."""

    till: till.Till
    webshop: Ledger
    partner: Ledger

    def sales(self) -> list[Sale]:
        """Every sale that they know of."""
        return [*self.till.ledger.sales(), *self.webshop.sales(), *self.partner.sales()]


@contextmanager
def running(stage: Stage) -> Iterator[Others]:
    """The systems serve, and the platform has their definitions; ending takes the definitions away again."""
    home = stage.chosen.home / "demo"
    till_sales, orders, partner_sales = (_ledger(home, each.SOURCE) for each in (till, webshop, partner))
    found = Others(till.Till(home / "till", till_sales), orders, partner_sales)
    key = home / "webshop.key"
    write_private(key, secrets.token_urlsafe(24))
    with ExitStack() as stack:
        addresses = {
            "folder": str(home / "till"),
            "key": str(key),
            "webshop": stack.enter_context(served(webshop.app(found.webshop, key.read_text()))),
            "partner": stack.enter_context(served(partner.app(found.partner))),
        }
        for path in _define(stage.chosen.sources_dir, addresses):
            stack.callback(path.unlink, missing_ok=True)
        yield found


def _ledger(home: Path, source: str) -> Ledger:
    """What a peer has sold, in earlier plays too: the platform knows of that."""
    home.mkdir(parents=True, exist_ok=True)
    return Ledger(source, home / f"{source}.jsonl")


def _define(folder: Path, addresses: dict[str, str]) -> list[Path]:
    """Writes the definitions into the user's folder; the keeper of the sources finds them there."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for template in sorted(DEFINITIONS.glob("*.yaml")):
        path = folder / template.name
        path.write_text(Template(template.read_text()).substitute(addresses))
        written.append(path)
    return written


def tell(stage: Stage, others: Others) -> None:
    """New sales of each, then a correction of each."""
    stage.title("Three other sources, defined while everything runs: files, REST and SOAP")
    draw = Generator("others", until=datetime.now(UTC), days=30)
    began = time.monotonic()
    others.till.drop(f"sales-{time.time_ns()}.csv", drawn(f"T{time.time_ns()}", draw, EACH), BROKEN)
    others.webshop.write(drawn(f"W{time.time_ns()}", draw, EACH))
    others.partner.write(drawn(f"P{time.time_ns()}", draw, EACH))
    _wait(stage, others)
    took = time.monotonic() - began
    stage.say(f"{3 * EACH} sales of a till, a web shop and a partner: in the answer after {took:.1f} s")
    stage.say(f"{len(BROKEN)} broken lines of the till's file are in quarantine: tidelake quarantine list")
    began = time.monotonic()
    _correct(others)
    _wait(stage, others)
    stage.say(f"each corrects a sale: in the answer after {time.monotonic() - began:.1f} s")


def _correct(others: Others) -> None:
    """One sale of each has another amount."""

    def corrected(ledger: Ledger) -> list[Sale]:
        sale = ledger.sales()[0]
        return [replace(sale, amount=sale.amount + Decimal("0.01"))]

    others.till.drop(f"corrections-{time.time_ns()}.csv", corrected(others.till.ledger))
    others.webshop.write(corrected(others.webshop))
    others.partner.write(corrected(others.partner))


def _wait(stage: Stage, others: Others) -> None:
    """Until the answers are those of the oracle over every source."""
    sales = [*stage.shop.all_sales(), *others.sales()]
    expected = sums(TOP_SALES_PER_CITY, sales, stage.zone)
    for currency in sorted({sale.currency for sale in sales}):
        wanted = answer(TOP_SALES_PER_CITY, expected, Filter(currency=currency, limit=MOST))

        def as_wanted(found: Answer, wanted: list[Entry] = wanted) -> bool:
            return found.entries == wanted

        stage.answers.wait(TOP_SALES_PER_CITY, as_wanted, currency=currency, limit=MOST)
