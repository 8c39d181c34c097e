"""After all that the other tests did, history recomputed from the lake is what live came to, what was refused too.

In the end a person is forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from batch.forget import FORGOTTEN, LEFT
from rankings.render.clickhouse import View
from rankings.sale import Deletion, Sale
from runtime.settings import Settings
from streaming.clickhouse import connect
from tests import browser
from tests.exactness.command import tidelake
from tests.exactness.log import produce, told
from tests.exactness.places import holding
from tests.exactness.quarantine import holds_exactly
from tests.exactness.truth import Truth, publication

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


OF_ONE = Sale(
    *("a till of one person", "1", datetime(2026, 3, 1, 12, tzinfo=UTC), "Polska", "Łódź"),
    *("PL/Łucja", "Łucja Znikająca", Decimal("120.50"), "PLN"),
)
TELLING = ("Łucja", "u0141ucja")
"""What tells of that person; the second with or without the backslashes that a store shows."""


def tell_of_one_person(chosen: Settings) -> None:
    """Two sales, one that is deleted, and a record that is refused."""
    said: list[Sale | Deletion] = [replace(OF_ONE, sale_id=str(number)) for number in range(3)]
    records = [told(each, "events.files") for each in (*said, Deletion(OF_ONE.source, "2"))]
    refused = replace(records[0], payload=json.dumps({"salesman_id": OF_ONE.salesman_id, "amount": 120.5}).encode())
    produce(chosen, [*records, refused])


def test_history_is_what_live_came_to(stack: Settings, truth: Truth, reconcile: Callable[[], None]) -> None:
    tell_of_one_person(stack)
    truth.equals_live()
    reconcile()
    truth.equals_everywhere()
    truth.equals_api(View.RECONCILED)
    truth.equals_api()
    holds_exactly("batch", truth.refused())
    holds_exactly("stream", truth.refused())


@browser.needs_chromium
def test_an_older_version_that_is_published_from_the_page_gives_the_same_answers(
    stack: Settings, truth: Truth, reconcile: Callable[[], None], page: Any
) -> None:
    page.goto(f"{stack.api}/publications")
    while page.get_by_text("Publish again…").count() == 0:
        reconcile()
        page.reload()
    with closing(connect()) as client:
        newest = publication(client)
        row = page.locator("tr:has-text('Publish again…')").first
        older = int(row.locator("td a").inner_text())
        row.get_by_text("Publish again…").click()
        row.get_by_role("button", name=f"Yes, publish version {older}").click()
        page.get_by_text(f"Version {older} has been published again").wait_for()
        assert publication(client)[1][-1] == older
        assert publication(client)[0] < newest[0]
    truth.equals_merged()
    truth.equals_api()
    page.get_by_role("link", name=str(older), exact=True).click()
    page.get_by_role("heading", name=f"Version {older}", exact=True).wait_for()
    page.get_by_role("heading", name="partitions", exact=True).wait_for()


def test_a_person_is_forgotten_by_every_place_beside_the_jobs(
    stack: Settings, truth: Truth, reconcile: Callable[[], None]
) -> None:
    if not holding(stack, TELLING):
        tell_of_one_person(stack)
        reconcile()
    found = holding(stack, TELLING)
    for place in ("ClickHouse quarantine", "ClickHouse labels", "PostgreSQL totals", "PostgreSQL labels", "the lake's"):
        assert any(each.startswith(place) for each in found), found
    said = tidelake(stack, "forget", "--salesman", OF_ONE.salesman_id, "--yes")
    assert all(each in said for each in ("3 sales rewritten", *LEFT))
    assert holding(stack, TELLING) == []
    credited = [sale.salesman_id for sale in truth.sales() if sale.source == OF_ONE.source]
    assert credited == [FORGOTTEN] * 2
    truth.equals_everywhere()
    truth.equals_api()
