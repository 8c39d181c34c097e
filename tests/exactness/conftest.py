"""What the exactness tests share: the truth, and a way to reconcile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.settings import Settings
from tests import browser
from tests.exactness.command import tidelake
from tests.exactness.truth import Truth
from tests.running_stack import at_home

OPERATION_SECONDS = 240.0
"""Longest wait for what an operator clicks, on a busy machine."""


@pytest.fixture(scope="session")
def whole_truth(stack_home: Path) -> Iterator[Truth]:
    with at_home(stack_home) as chosen:
        made = Truth(chosen)
    yield made
    made.close()


@pytest.fixture
def truth(stack: Settings, whole_truth: Truth) -> Truth:
    """What the answers have to be; the stack's addresses are known meanwhile."""
    return whole_truth


@pytest.fixture
def reconcile(stack: Settings) -> Callable[[], None]:
    """Runs `tidelake reconcile --through now`."""

    def run() -> None:
        tidelake(stack, "reconcile", "--through", "now")

    return run


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a file's tests, and gone after them: it keeps its event loop running in this thread."""
    with browser.launched() as chromium:
        yield chromium


@pytest.fixture
def console() -> list[str]:
    """What the browser's console is to say that is wrong, in the end."""
    return []


@pytest.fixture
def page(stack: Settings, chromium: Any, console: list[str], request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page of the running stack, as the operator sees it."""
    page, wrong = browser.opened(chromium, stack.api, stack.api_key_file.read_text().strip())
    page.set_default_timeout(OPERATION_SECONDS * 1000)
    yield page
    browser.picture(page, request.node.name)
    page.context.close()
    assert wrong == console
