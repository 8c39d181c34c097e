"""The shop's table on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from tests import postgres

TABLE = """
DROP TABLE IF EXISTS public.sales;
CREATE TABLE public.sales (
    sale_id text PRIMARY KEY, occurred_at timestamptz NOT NULL, country text NOT NULL, city text NOT NULL,
    salesman_id text NOT NULL, salesman text NOT NULL, amount numeric(18, 2) NOT NULL, currency char(3) NOT NULL
);
"""


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A server for the whole run of tests."""
    with postgres.running() as dsn:
        yield dsn


@pytest.fixture
def dsn(server: str) -> str:
    """A database with an empty table of sales."""
    with closing(psycopg2.connect(server)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
    return server
