"""In a real browser figures fill live; it works by keyboard, on a phone, in the dark, without JavaScript."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.serving import make_server

from rankings.catalogue import TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from runtime.settings import Settings
from serving.compose import compose
from serving.http.app import create_app
from serving.keys import key_hash
from serving.ports import ApiKey
from tests import browser
from tests.browser import picture
from tests.serving.test_operation import refused
from tests.serving.test_routes import fill
from tests.serving.world import Clock, Doubles, deltas, history, sale

pytestmark = [pytest.mark.servers, browser.needs_chromium]
KEY = "tl_the-browsers-key"


@pytest.fixture
def address(doubles: Doubles, clock: Clock) -> Iterator[str]:
    """The API over doubles with sales in them, on a port."""
    doubles.keys.known[key_hash(KEY)] = ApiKey("tl_browser", key_hash(KEY), ("read", "operate"))
    fill(doubles, history(7))
    doubles.deltas.labels = {f"s{number}": name for number, name in enumerate(("Ana", "Béla", "Chloé", "Dörte", "李"))}
    doubles.records.quarantine = [refused(number) for number in range(3)]
    app = create_app(compose(Settings(rate_limit="", cache_tick_ms=50), doubles.stores, Moving(clock.at)))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


class Moving(Clock):
    """Time goes on with every look."""

    def __call__(self) -> Any:
        self.forward(milliseconds=20)
        return self.at


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.launched() as chromium:
        yield chromium


def opened(chromium: Any, address: str, **options: Any) -> tuple[Any, list[str]]:
    """A page that has logged in, and what its console says is wrong."""
    return browser.opened(chromium, address, KEY, **options)


def test_figures_fill_live(chromium: Any, address: str, doubles: Doubles, clock: Clock) -> None:
    page, wrong = opened(chromium, address, viewport={"width": 1280, "height": 900})
    card = page.locator(f"[data-name={TOP_SALES_PER_CITY.name}]")
    card.locator(".state.on").wait_for()
    assert card.locator("canvas").is_visible()
    picture(page, "desktop")
    # Who stands on a line keeps standing on it while lines move about.
    mine = card.locator("tbody a").nth(2)
    mine.focus()
    stands_on = mine.get_attribute("href")
    change = (clock.at + timedelta(seconds=1), sale("big", city="Bonn", amount=Decimal("9999999.99")))
    doubles.deltas.live[TOP_SALES_PER_CITY.name] += [row[:3] for row in deltas(TOP_SALES_PER_CITY, [change])]
    card.locator("tbody tr:first-child:has-text('9,999,999.99')").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('href')") == stands_on
    card.get_by_role("link", name="9,999,999.99").click()
    page.get_by_role("heading", name="Why this number").wait_for()
    assert "9,999,999.99" in page.locator(".big").inner_text()
    picture(page, "why")
    assert wrong == []
    page.context.close()


def test_the_script_draws_what_the_server_drew(chromium: Any, address: str) -> None:
    page, _ = opened(chromium, address)
    plain, _ = opened(chromium, address, java_script_enabled=False)
    page.locator(".state.on").nth(1).wait_for()
    for name in (TOP_SALES_PER_CITY.name, TOP_SALESMAN_IN_COUNTRY.name):
        rows = f"[data-name={name}] tbody tr"
        assert page.locator(rows).all_inner_texts() == plain.locator(rows).all_inner_texts()
        links = f"{rows} a"
        drawn, served = (
            [dict(parse_qsl(urlsplit(each.get_attribute("href")).query)) for each in where.locator(links).all()]
            for where in (page, plain)
        )
        assert drawn == served
    page.context.close()
    plain.context.close()


def test_figures_of_history_alone_are_not_called_live(chromium: Any, address: str, doubles: Doubles) -> None:
    page, _ = opened(chromium, address)
    card = page.locator(f"[data-name={TOP_SALES_PER_CITY.name}]")
    card.locator(".state.on").wait_for()
    assert not page.locator("#lacks").is_visible()
    publication = doubles.deltas.standings.publication
    assert publication
    doubles.totals.last = publication
    doubles.deltas.switch.away = True
    card.locator(".state:not(.on):has-text('history only')").wait_for()
    page.get_by_text("reconciled totals that PostgreSQL keeps").wait_for()
    doubles.deltas.switch.away = False
    card.locator(".state.on").wait_for()
    page.context.close()


def test_freshness_of_each_source_goes_on(chromium: Any, address: str, doubles: Doubles, clock: Clock) -> None:
    page, _ = opened(chromium, address)
    row = page.locator("[data-topic='events.rest']")
    assert "REST services" in row.inner_text()
    assert page.locator(".timeline .history").count() == 1
    assert page.locator(".timeline .boundary").count() == 1
    behind = tuple(replace(each, lag_records=1834) for each in doubles.deltas.standings.progress)
    doubles.deltas.standings = replace(doubles.deltas.standings, progress=behind)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    row.locator(".left:has-text('1,834')").wait_for()
    page.context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_screen(chromium: Any, address: str, doubles: Doubles, width: int) -> None:
    name = "W" * 100
    live = doubles.deltas.live[TOP_SALES_PER_CITY.name]
    change = (doubles.deltas.standings.publication.boundary, sale("long", country=name, city=name))  # type: ignore[union-attr]
    live += [row[:3] for row in deltas(TOP_SALES_PER_CITY, [(change[0], replace(change[1], amount=Decimal(10**15)))])]
    page, wrong = opened(
        chromium, address, viewport={"width": width, "height": 740}, color_scheme="dark", is_mobile=width < 600
    )
    page.locator(".state.on").first.wait_for()
    evidence = page.get_by_role("link", name="Evidence").first.get_attribute("href")
    for path in ("/", "/publications", "/publications/2", "/quarantine", "/drift", evidence):
        page.goto(address + path)
        picture(page, f"{width}{path.replace('/', '-')[:20]}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == "rgb(15, 23, 32)"
    assert wrong == []
    page.context.close()


def test_nothing_jumps_while_a_page_fills(chromium: Any, address: str) -> None:
    page, _ = opened(chromium, address, viewport={"width": 1280, "height": 900})
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((each) => {"
        " window.shift += each.value; })).observe({ type: 'layout-shift', buffered: true });"
    )
    page.goto(f"{address}/")
    page.locator(".state.on").nth(1).wait_for()
    assert page.evaluate("window.shift") < 0.1
    page.context.close()


def test_without_javascript_the_tables_are_there(chromium: Any, address: str) -> None:
    page, _ = opened(chromium, address, java_script_enabled=False)
    rows = page.locator(f"[data-name={TOP_SALES_PER_CITY.name}] tbody tr")
    assert rows.count() > 3
    assert not page.locator("canvas").first.is_visible()
    page.get_by_label("Top", exact=True).fill("2")
    page.get_by_label("Figures", exact=True).select_option("History only")
    page.get_by_role("button", name="Show").click()
    page.locator("caption:has-text('history only')").first.wait_for()
    assert rows.count() == 2
    picture(page, "without-javascript")
    page.context.close()


def test_wrong_filters_say_what_is_valid_beside_their_field(chromium: Any, address: str) -> None:
    page, wrong = opened(chromium, address)
    page.goto(f"{address}/?from=2026-02-01&to=2026-01-01")
    field = page.get_by_label("From", exact=True)
    assert field.get_attribute("aria-invalid") == "true"
    assert "2026-01-01" in page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
    assert wrong == []
    page.context.close()


def test_everything_can_be_reached_by_keyboard(chromium: Any, address: str) -> None:
    page, _ = opened(chromium, address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _step in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href')"))
        assert page.evaluate(RING), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    assert {"country", "from", "to", "currency", "limit", "view", "/publications", "/quarantine"} <= reached
    assert any(str(each).startswith("/why/") for each in reached)
    page.context.close()


RING = "document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none'"
"""Whether one sees where one stands."""


def test_an_operator_rolls_back_by_keyboard(chromium: Any, address: str, doubles: Doubles) -> None:
    page, wrong = opened(chromium, address)
    page.goto(f"{address}/publications")
    page.get_by_text("Publish again…").focus()
    page.keyboard.press("Enter")
    picture(page, "publications")
    assert doubles.operations.asked == []
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Version 1 has been published again").wait_for()
    page.goto(f"{address}/quarantine")
    picture(page, "quarantine")
    page.get_by_role("button", name="Replay").first.click()
    page.get_by_text("sent through the checks again").wait_for()
    assert doubles.operations.asked == ["publish 1", "replay events.rest/0/0 by tl_browser"]
    assert wrong == []
    page.context.close()


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_an_operator_discards_by_keyboard(chromium: Any, address: str, doubles: Doubles, script: bool) -> None:
    page, wrong = opened(chromium, address, java_script_enabled=script)
    page.goto(f"{address}/quarantine")
    row = page.locator("tbody").nth(1)
    row.get_by_text("Discard…").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert row.get_by_label("Why").is_visible()
    page.keyboard.press("Enter")
    assert doubles.operations.asked == []
    page.keyboard.type("a test of the till")
    picture(page, "discard")
    page.keyboard.press("Enter")
    page.get_by_text("has been discarded").wait_for()
    assert doubles.operations.asked == ["discard events.rest/0/1 by tl_browser: a test of the till"]
    assert wrong == []
    page.context.close()


def test_the_reference_draws_itself_without_the_net(chromium: Any, address: str) -> None:
    page, wrong = opened(chromium, address)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/docs")
    page.locator("#operations-Answers-get_ranking").wait_for()
    picture(page, "docs")
    assert all(each.startswith((address, "data:")) for each in asked)
    assert wrong == []
    page.context.close()
