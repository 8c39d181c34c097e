"""The page on the running stack: what people see in a browser is what the sources hold, and what they click happens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rankings import oracle
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from rankings.oracle import Entry, Filter
from rankings.ranking import Ranking
from rankings.sale import Deletion, Sale
from runtime.settings import Settings
from stack.shop.simulator import Shop
from tests import browser
from tests.exactness.log import Record, produce, told
from tests.exactness.test_quarantine import missing, state
from tests.exactness.truth import Truth
from tests.exactness.waiting import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900), browser.needs_chromium]

LINES = 20
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SALE = Sale("page", "one", NOON, "Føroyar & <b>", "Tórshavn", "FO-1", "Rói", Decimal("1234567.89"), "EUR")
"""In a country that nobody else sells in."""

ALONE: Mapping[Ranking, Entry] = {
    TOP_SALES_PER_CITY: Entry(1, (SALE.country, SALE.city), SALE.amount, 1),
    TOP_SALESMAN_IN_COUNTRY: Entry(1, (SALE.country, SALE.salesman_id), SALE.amount, 1),
}


def shows(page: Any, wanted: Mapping[Ranking, list[Entry]]) -> None:
    """Waits until that is what stands in the page's tables."""
    for ranking, entries in wanted.items():
        wait_until(
            lambda: shown(page, ranking) == entries,  # noqa: B023 - called before the next one
            lambda: f"{ranking.name}: {shown(page, ranking)}, not {entries}",  # noqa: B023
        )


def shown(page: Any, ranking: Ranking) -> list[Entry]:
    """What stands in the page's table of a ranking."""
    rows = page.locator(f"[data-name={ranking.name}] tbody tr:has(a)").evaluate_all(
        "rows => rows.map(row => [row.cells[0].innerText, row.querySelector('a').getAttribute('href'),"
        " row.querySelector('a').innerText, row.cells[3].innerText])"
    )
    return [_entry(ranking, *row) for row in rows]


def _entry(ranking: Ranking, rank: str, link: str, amount: str, sales: str) -> Entry:
    about = parse_qs(urlsplit(link).query)
    subject = tuple(about[name][0] for name in ranking.subject)
    return Entry(int(rank), subject, Decimal(amount.replace(",", "")), int(sales.replace(",", "")))


def told_of_sales(page: Any) -> str:
    """What stands, asked anew, on the page about a number of the records behind it; the lake lags by a commit."""
    page.reload()
    return str(page.locator("section:has(#told)").inner_text())


def test_the_page_shows_what_the_sources_hold_and_follows_them(stack: Settings, truth: Truth, page: Any) -> None:
    page.goto(f"{stack.api}/?currency=EUR&limit={LINES}")
    page.locator(".state.on").nth(1).wait_for()
    with Shop(stack.source_dsn.get_secret_value(), seed=11) as shop:
        shop.run(rate=200, seconds=1)
    sums = truth.sums()
    wanted = {ranking: oracle.answer(ranking, sums[ranking], Filter("EUR", limit=LINES)) for ranking in RANKINGS}
    assert all(wanted.values())
    shows(page, wanted)


def test_a_number_fills_live_leads_to_its_evidence_and_goes_again(stack: Settings, page: Any) -> None:
    page.goto(f"{stack.api}/")
    page.get_by_label("Country", exact=True).fill(SALE.country)
    page.get_by_label("Currency", exact=True).select_option("EUR")
    page.get_by_role("button", name="Show").click()
    page.locator(".state.on").nth(1).wait_for()
    shows(page, {ranking: [] for ranking in RANKINGS})
    (at,) = produce(stack, [told(SALE, "events.rest")])
    shows(page, {ranking: [entry] for ranking, entry in ALONE.items()})
    page.get_by_text("Rói", exact=True).wait_for()
    address, amount = page.url, f"{SALE.amount:,.2f}"
    page.get_by_role("link", name=amount).first.click()
    page.get_by_role("heading", name="Why this number").wait_for()
    assert f"{amount} EUR from 1 sale" in page.locator(".big").inner_text()
    assert amount in page.locator("section:has(#deltas)").inner_text()
    behind = f"{SALE.source} {SALE.sale_id}", f"{at.topic}, partition {at.partition}, offset {at.offset}"
    wait_until(lambda: all(each in told_of_sales(page) for each in behind), lambda: told_of_sales(page))
    reasons = page.url
    page.get_by_role("link", name="Evidence").click()
    page.get_by_role("heading", name="Evidence of an answer").wait_for()
    assert page.locator(".badge").inner_text() == "the same"
    page.goto(address)
    page.locator(".state.on").nth(1).wait_for()
    (at,) = produce(stack, [told(Deletion(SALE.source, SALE.sale_id), "events.rest")])
    shows(page, {ranking: [] for ranking in RANKINGS})
    page.goto(reasons)
    gone = f"-{amount}", "deleted", f"{at.topic}, partition {at.partition}, offset {at.offset}"
    wait_until(lambda: all(each in told_of_sales(page) for each in gone), lambda: told_of_sales(page))


def test_a_record_is_refused_again_at_its_replay_and_missed_until_it_is_discarded(
    stack: Settings, truth: Truth, page: Any, console: list[str]
) -> None:
    source = "a till behind the page"
    fields = {"source": source, "sale_id": "1", "amount": 1}
    (at,) = produce(stack, [Record("events.rest", source.encode(), json.dumps(fields).encode())])
    record = f"{at.topic}/{at.partition}/{at.offset}"
    row = page.locator(f"tbody:has-text('{source}')")

    def listed(text: str) -> bool:
        page.goto(f"{stack.api}/quarantine")
        return row.count() == 1 and text in row.inner_text()

    wait_until(lambda: listed("refused"), lambda: str(page.locator("main").inner_text()))
    wait_until(lambda: missing(stack).get(source) == 1, lambda: str(missing(stack)))
    row.get_by_role("button", name="Replay").click()
    page.get_by_text("occurred_at: missing").wait_for()
    console.append("Failed to load resource: the server responded with a status of 409 (CONFLICT)")
    assert listed("open")
    row.get_by_text("Discard…").click()
    row.get_by_label("Why").fill("the till was tested")
    row.get_by_role("button", name="Yes, discard").click()
    page.get_by_text("The record has been discarded").wait_for()
    assert row.count() == 0
    assert state(record) == "discarded"
    wait_until(lambda: source not in missing(stack), lambda: str(missing(stack)))
    truth.equals_live()
