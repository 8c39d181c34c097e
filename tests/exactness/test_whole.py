"""After all that the other tests did, history recomputed from the lake is what live came to, what was refused too."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from rankings.render.clickhouse import View
from runtime.settings import Settings
from streaming.clickhouse import connect
from tests import browser
from tests.exactness.quarantine import holds_exactly
from tests.exactness.truth import Truth, publication

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def test_history_is_what_live_came_to(truth: Truth, reconcile: Callable[[], None]) -> None:
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
