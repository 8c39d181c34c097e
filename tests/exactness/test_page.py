"""The page on the running stack: what people see in a browser is what the sources hold, and what they click happens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rankings import oracle
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.oracle import Entry, Filter
from rankings.ranking import Ranking
from rankings.sale import Deletion, Sale
from runtime.settings import Settings
from stack.shop.simulator import Shop
from streaming.clickhouse import connect
from tests import browser
from tests.exactness.log import Record, produce, told
from tests.exactness.truth import Truth, publication
from tests.exactness.waiting import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900), browser.needs_chromium]

LINES = 20
NEWEST = Sale(
    "page", "greatest", datetime(2026, 3, 1, 12, tzinfo=UTC), "Føroyar", "Tórshavn", "FO-1", "Rói", Decimal(1), "EUR"
)


@pytest.fixture
def console() -> list[str]:
    """What the browser's console says is wrong; empty at the end of a test."""
    return []


@pytest.fixture
def page(stack: Settings, console: list[str], request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page of the running stack, as the operator sees it."""
    with browser.launched() as chromium:
        page, wrong = browser.opened(chromium, stack.api, stack.api_key_file.read_text().strip())
        yield page
        browser.picture(page, request.node.name)
    assert wrong == console


def wanted(truth: Truth, ranking: Ranking) -> list[Entry]:
    """What the sources say that the page has to show."""
    return oracle.answer(ranking, truth.sums()[ranking], Filter("EUR", limit=LINES))


def shown(page: Any, ranking: Ranking) -> list[Entry]:
    """What stands in the page's table of a ranking."""
    rows = page.locator(f"[data-name={ranking.name}] tbody tr:not(.group):has(a)").evaluate_all(
        "rows => rows.map(row => [row.cells[0].innerText, row.querySelector('a').getAttribute('href'),"
        " row.querySelector('a').innerText, row.cells[3].innerText])"
    )
    return [_entry(ranking, *row) for row in rows]


def _entry(ranking: Ranking, rank: str, link: str, amount: str, sales: str) -> Entry:
    about = parse_qs(urlsplit(link).query)
    subject = tuple(about[name][0] for name in ranking.subject)
    return Entry(int(rank), subject, Decimal(amount.replace(",", "")), int(sales.replace(",", "")))


def test_the_page_shows_what_the_sources_hold_and_follows_them(stack: Settings, truth: Truth, page: Any) -> None:
    with Shop(stack.source_dsn.get_secret_value(), seed=11) as shop:
        shop.run(rate=200, seconds=1)
    truth.equals_merged()
    page.goto(f"{stack.api}/?currency=EUR&limit={LINES}")
    page.locator(".state.on").nth(1).wait_for()
    before = {ranking: wanted(truth, ranking) for ranking in RANKINGS}
    assert all(before.values())
    for ranking, entries in before.items():
        wait_until(lambda: shown(page, ranking) == entries, lambda: f"{shown(page, ranking)}, not {entries}")  # noqa: B023
    greatest = replace(NEWEST, amount=before[TOP_SALES_PER_CITY][0].amount + 1)
    produce(stack, [told(greatest, "events.rest")])
    first = Entry(1, ("Føroyar", "Tórshavn"), greatest.amount, 1)
    wait_until(lambda: shown(page, TOP_SALES_PER_CITY)[:1] == [first], lambda: str(shown(page, TOP_SALES_PER_CITY)[:1]))
    for ranking in RANKINGS:
        wait_until(lambda: shown(page, ranking) == wanted(truth, ranking), lambda: str(shown(page, ranking)))  # noqa: B023
    link = page.get_by_role("link", name=f"{greatest.amount:,.2f}").first
    link.click()
    page.get_by_role("heading", name="Why this number").wait_for()
    assert f"{greatest.amount:,.2f} EUR" in page.locator(".big").inner_text()
    page.get_by_role("link", name="Evidence").click()
    page.get_by_role("heading", name="Evidence of an answer").wait_for()
    assert "the same" in page.locator(".badge").inner_text()
    produce(stack, [told(Deletion(greatest.source, greatest.sale_id), "events.rest")])
    truth.equals_merged()
    page.goto(f"{stack.api}/?currency=EUR&limit={LINES}")
    for ranking, entries in before.items():
        wait_until(lambda: shown(page, ranking) == entries, lambda: f"{shown(page, ranking)}, not {entries}")  # noqa: B023


def test_an_older_version_published_from_the_page_gives_the_same_answers(
    stack: Settings, truth: Truth, reconcile: Callable[[], None], page: Any
) -> None:
    page.goto(f"{stack.api}/publications")
    while page.get_by_text("Publish again…").count() == 0:
        reconcile()
        page.reload()
    with closing(connect()) as client:
        newest = publication(client)
        row = page.locator("tr:has-text('Publish again…')").first
        older = int(row.locator("td a").first.inner_text())
        row.get_by_text("Publish again…").click()
        page.set_default_timeout(180_000)
        page.get_by_role("button", name=f"Yes, publish version {older}").click()
        page.get_by_text(f"Version {older} has been published again").wait_for()
        assert publication(client)[1][-1] == older
        assert publication(client) != newest
    truth.equals_merged()
    truth.equals_api()
    page.get_by_role("link", name=str(older), exact=True).first.click()
    page.get_by_role("heading", name=f"Version {older}", exact=True).wait_for()
    assert page.get_by_role("heading", name="partitions").count() == 1


def test_a_record_that_is_replayed_from_the_page_and_still_wrong_stays(
    stack: Settings, truth: Truth, page: Any, console: list[str]
) -> None:
    source = "a till behind the page"
    fields = {"source": source, "sale_id": "1", "amount": 1}
    produce(stack, [Record("events.rest", source.encode(), json.dumps(fields).encode())])
    row = page.locator(f"tbody tr:has-text('{source}')")

    def listed(text: str) -> bool:
        page.goto(f"{stack.api}/quarantine")
        return row.count() == 1 and text in row.inner_text()

    wait_until(lambda: listed("refused"), lambda: page.locator("main").inner_text())
    page.set_default_timeout(180_000)
    row.get_by_role("button").first.click()
    page.get_by_text("occurred_at: missing").wait_for()
    console.append("Failed to load resource: the server responded with a status of 409 (CONFLICT)")
    wait_until(lambda: listed("refused 2 times"), lambda: page.locator("main").inner_text())
    truth.equals_live()
