"""A quarantine over the servers that all tests of sources share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.settings import Settings
from tests.sources.quarantine.world import World, world


@pytest.fixture
def there(servers: Settings) -> Iterator[World]:
    """The log and the quarantine."""
    with world(servers) as made:
        yield made
