"""In a real browser figures fill live; it works by keyboard, on a phone, in the dark, without JavaScript."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from rankings.catalogue import TOP_SALES_PER_CITY
from runtime.settings import Settings
from serving.compose import compose
from serving.http.app import create_app
from serving.keys import key_hash
from serving.ports import ApiKey
from tests.serving.test_operation import refused
from tests.serving.test_routes import fill
from tests.serving.world import Clock, Doubles, deltas, history, sale

CHROMIUM = os.environ.get("TIDELAKE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install Debian's `chromium`, or set TIDELAKE_CHROMIUM"),
]
KEY = "tl_the-browsers-key"
PICTURES = os.environ.get("TIDELAKE_SCREENSHOTS")


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
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(chromium: Any, address: str, **options: Any) -> tuple[Any, list[str]]:
    """A page that has logged in by the form, and what its console says is wrong."""
    page = chromium.new_context(**options).new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{address}/login")
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/")
    return page, wrong


def picture(page: Any, name: str) -> None:
    """Kept for people, if TIDELAKE_SCREENSHOTS names a folder."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES, f"{name}.png")), full_page=True)


def test_figures_fill_live(chromium: Any, address: str, doubles: Doubles, clock: Clock) -> None:
    page, wrong = opened(chromium, address, viewport={"width": 1280, "height": 900})
    card = page.locator(f"[data-name={TOP_SALES_PER_CITY.name}]")
    card.locator(".state.on").wait_for(timeout=10_000)
    assert card.locator("canvas").is_visible()
    picture(page, "desktop")
    change = (clock.at + timedelta(seconds=1), sale("big", city="Bonn", amount=Decimal("9999999.99")))
    doubles.deltas.live[TOP_SALES_PER_CITY.name] += [row[:3] for row in deltas(TOP_SALES_PER_CITY, [change])]
    card.locator("tbody tr:first-child:has-text('9999999.99')").wait_for(timeout=10_000)
    card.get_by_role("link", name="9999999.99").click()
    page.wait_for_url("**/why/**")
    assert "9999999.99" in page.locator(".big").inner_text()
    picture(page, "why")
    assert wrong == []
    page.context.close()


def test_a_phone_in_the_dark(chromium: Any, address: str) -> None:
    options = {"viewport": {"width": 375, "height": 740}, "color_scheme": "dark", "is_mobile": True, "has_touch": True}
    page, wrong = opened(chromium, address, **options)
    page.locator(".state.on").first.wait_for(timeout=10_000)
    for path in ("/", "/publications", "/quarantine", "/drift"):
        page.goto(address + path)
        picture(page, f"phone{path.replace('/', '-')}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, path
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == "rgb(15, 23, 32)"
    assert wrong == []
    page.context.close()


def test_without_javascript_the_tables_are_there(chromium: Any, address: str) -> None:
    page, _ = opened(chromium, address, java_script_enabled=False)
    rows = page.locator(f"[data-name={TOP_SALES_PER_CITY.name}] tbody tr")
    assert rows.count() > 3
    page.fill("#limit", "2")
    page.click("text=Show")
    assert rows.count() == 2
    picture(page, "without-javascript")
    page.context.close()


def test_everything_can_be_reached_by_keyboard(chromium: Any, address: str) -> None:
    page, _ = opened(chromium, address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _step in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href')"))
    assert {"country", "from", "to", "currency", "limit", "view", "/publications", "/quarantine"} <= reached
    assert any(str(each).startswith("/why/") for each in reached)
    page.context.close()


def test_an_operator_rolls_back(chromium: Any, address: str, doubles: Doubles) -> None:
    page, wrong = opened(chromium, address)
    page.goto(f"{address}/publications")
    picture(page, "publications")
    page.click("text=Publish again")
    page.wait_for_url(f"{address}/publications")
    page.goto(f"{address}/quarantine")
    picture(page, "quarantine")
    page.click("text=Replay >> nth=0")
    page.wait_for_url(f"{address}/quarantine")
    assert doubles.operations.asked == ["publish 1", "replay events.rest/0/0 by tl_browser"]
    assert wrong == []
    page.context.close()


def test_the_reference_draws_itself_without_the_net(chromium: Any, address: str) -> None:
    page, wrong = opened(chromium, address)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/docs")
    page.locator("#operations-Answers-get_ranking").wait_for(timeout=20_000)
    picture(page, "docs")
    assert all(each.startswith((address, "data:")) for each in asked)
    assert wrong == []
    page.context.close()
