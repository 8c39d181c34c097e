"""The operational table `public.sales`: its statements, and rows as sales."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from rankings.contract import TRIMMED
from rankings.oracle import SumKey, Total
from rankings.ranking import Ranking
from rankings.render.postgres import sums
from rankings.sale import Sale
from runtime.errors import Retryable
from stack.shop.generator import SOURCE

COLUMNS = ("sale_id", "occurred_at", "country", "city", "salesman_id", "salesman", "amount", "currency")

_COPY = """
COPY public.sales (sale_id, occurred_at, country, city, salesman_id, salesman, amount, currency) FROM STDIN
"""
_INSERT = """
INSERT INTO public.sales (sale_id, occurred_at, country, city, salesman_id, salesman, amount, currency)
VALUES (%(sale_id)s, %(occurred_at)s, %(country)s, %(city)s, %(salesman_id)s, %(salesman)s, %(amount)s, %(currency)s)
"""
_UPDATE = """
UPDATE public.sales
SET occurred_at = %(occurred_at)s, country = %(country)s, city = %(city)s, salesman_id = %(salesman_id)s,
    salesman = %(salesman)s, amount = %(amount)s, currency = %(currency)s
WHERE sale_id = %(sale_id)s
"""
_DELETE = "DELETE FROM public.sales WHERE sale_id = %s"
_SELECT = """
SELECT sale_id, occurred_at, country, city, salesman_id, salesman, amount, currency FROM public.sales
"""
_FIND = _SELECT + "WHERE sale_id = %s"
_ROWS_AT_ONCE = 10_000


def connect(dsn: str) -> Connection:
    """A connection on which each statement is a transaction of its own.

    Raises:
        Retryable: the database does not answer.
    """
    try:
        made = psycopg2.connect(dsn, connect_timeout=5, application_name="shop")
    except psycopg2.OperationalError as error:
        todo = "start the stack with `tidelake up`, or set TIDELAKE_SOURCE_DSN"
        raise Retryable("the shop's database does not answer", received=str(error).strip(), todo=todo) from error
    made.autocommit = True
    return made


def copy(connection: Connection, sales: Iterable[Sale]) -> None:
    """Adds sales in one transaction, by COPY."""
    text = StringIO("".join(_line(sale) for sale in sales))
    with connection.cursor() as cursor:
        cursor.copy_expert(_COPY, text)


def insert(connection: Connection, sale: Sale) -> None:
    """Adds one sale."""
    _execute(connection, _INSERT, _row(sale))


def update(connection: Connection, sale: Sale) -> None:
    """Gives the sale of that id these values."""
    _execute(connection, _UPDATE, _row(sale))


def delete(connection: Connection, sale_id: str) -> None:
    """Takes the sale of that id away."""
    _execute(connection, _DELETE, (sale_id,))


def find(connection: Connection, sale_id: str) -> Sale | None:
    """The sale of that id, if it exists."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, (sale_id,))
        row = cursor.fetchone()
    return _sale(row) if row else None


def ids(connection: Connection) -> list[str]:
    """The ids of all sales, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sale_id FROM public.sales ORDER BY sale_id")
        return [row[0] for row in cursor]


def all_sales(dsn: str) -> list[Sale]:
    """Every sale in the table at one moment, for the oracle."""
    with closing(connect(dsn)) as connection:
        connection.autocommit = False
        return list(_stream(connection))


def _stream(connection: Connection) -> Iterator[Sale]:
    with connection.cursor("all_sales") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(_SELECT)
        yield from map(_sale, cursor)


def totals(dsn: str, ranking: Ranking, zone: ZoneInfo) -> dict[SumKey, Total]:
    """A ranking's sums as PostgreSQL itself makes them with GROUP BY; shaped as the oracle's."""
    with closing(connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(sums(ranking), {"zone": zone.key})
        return {tuple(key): Total(amount, count) for *key, amount, count in cursor}


def _execute(connection: Connection, statement: str, values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _row(sale: Sale) -> dict[str, object]:
    return {column: getattr(sale, column) for column in COLUMNS}


def _line(sale: Sale) -> str:
    """One line of COPY's text format."""
    values = (str(getattr(sale, column)) for column in COLUMNS)
    return "\t".join(value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n") for value in values) + "\n"


def _sale(row: tuple[Any, ...]) -> Sale:
    sale_id, occurred_at, country, city, salesman_id, salesman, amount, currency = row
    return Sale(
        source=SOURCE,
        sale_id=_text(sale_id),
        occurred_at=occurred_at.astimezone(UTC),
        country=_text(country),
        city=_text(city),
        salesman_id=_text(salesman_id),
        salesman=_text(salesman),
        amount=amount,
        currency=_text(currency),
    )


def _text(value: str) -> str:
    """Trimmed and normalized, as the contract reads it."""
    return unicodedata.normalize("NFC", value.strip(TRIMMED))
