"""The service that the tests of the REST source ask, and what plays the runner's part."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sources.rest.service import HttpService


@pytest.fixture
def service() -> Iterator[HttpService]:
    """A running service with ten sales."""
    with HttpService().running() as running:
        yield running


@pytest.fixture
def other() -> Iterator[HttpService]:
    """Another running service: another host, as far as a definition goes."""
    with HttpService().running() as running:
        yield running
