"""One gateway for all tests that do not need to stop it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from tests.stack_clickhouse.gateway import Gateway, running


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A running gateway."""
    with running(tmp_path_factory.mktemp("gateway")) as one:
        yield one


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Client]:
    """A client of clickhouse-connect, with a session of its own."""
    one = gateway.client()
    yield one
    one.close()


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    """An empty table `t (a UInt64, b String, d Decimal(18, 2))`."""
    client.command("CREATE TABLE t (a UInt64, b String, d Decimal(18, 2)) ENGINE = MergeTree ORDER BY a")
    yield "t"
    client.command("DROP TABLE t SYNC")
