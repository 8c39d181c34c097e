"""The services that the tests of SOAP ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from streaming.sources.records import Row
from streaming.sources.soap.definition import SoapSource
from streaming.sources.soap.reader import SoapReader
from tests.sources.soap import peer as http
from tests.sources.soap import till as spyne

Read = Callable[..., list[Row]]


@pytest.fixture
def ledger() -> Iterator[http.Peer]:
    """A server with the ledger's WSDL, whose answers the test writes."""
    with http.serving(http.Peer()) as peer:
        http.ledger(peer)
        yield peer


@pytest.fixture
def till() -> Iterator[spyne.Till]:
    """A real SOAP service without sales."""
    with spyne.serving(spyne.Till()) as served:
        yield served


@pytest.fixture
def read() -> Iterator[Read]:
    """One reading of a source: its rows; `memory` is changed as the log would remember it."""
    opened: list[SoapReader] = []

    def reading(source: SoapSource, memory: dict[str, Any] | None = None) -> list[Row]:
        told = {} if memory is None else memory
        opened.append(SoapReader(source))
        rows: list[Row] = []
        for batch in opened[-1].read(dict(told)):
            rows.extend(batch.rows)
            told.update(batch.remember)
            for name in [name for name, value in told.items() if value is None]:
                del told[name]
        return rows

    yield reading
    for each in opened:
        each.close()
