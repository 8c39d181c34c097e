"""PostgreSQL: the platform's own database, as the ledger and the totals need it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  (it is a class)
from psycopg2.sql import SQL, Identifier

from runtime.errors import Retryable

BLOCK_ROWS = 20_000


@contextmanager
def connected(dsn: str, name: str = "tidelake-reconcile", *, autocommit: bool = False) -> Iterator[Connection]:
    """A connection; without `autocommit` the block is one transaction.

    Raises:
        Retryable: there is no answer, or the connection breaks.
    """
    try:
        opened = psycopg2.connect(dsn, connect_timeout=5, application_name=name, options="-c timezone=UTC")
        with closing(opened):
            opened.autocommit = autocommit
            yield opened
            if not autocommit:
                opened.commit()
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        todo = "run it again once it is up"
        raise Retryable("PostgreSQL does not answer", received=str(error).strip(), todo=todo) from error


def add_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Copies rows into a table in the connection's transaction; rows whose key is there already are left as they are.

    A value may be a list of texts; None is NULL.
    """
    names = SQL(", ").join(map(Identifier, columns))
    into = Identifier(table)
    with connection.cursor() as cursor:
        cursor.execute(SQL("CREATE TEMPORARY TABLE incoming (LIKE {}) ON COMMIT DROP").format(into))
        copy = SQL("COPY incoming ({}) FROM STDIN WITH (FORMAT csv)").format(names)
        for block in _blocks(rows):
            cursor.copy_expert(copy, block)
        insert = SQL("INSERT INTO {} ({}) SELECT {} FROM incoming ON CONFLICT DO NOTHING")
        cursor.execute(insert.format(into, names, names))


def _blocks(rows: Iterable[Sequence[object]]) -> Iterator[io.StringIO]:
    """The rows as CSV, some thousands at a time."""
    left = iter(rows)
    while some := list(islice(left, BLOCK_ROWS)):
        block = io.StringIO()
        csv.writer(block).writerows([_field(value) for value in row] for row in some)
        block.seek(0)
        yield block


def _field(value: object) -> object:
    return _array(value) if isinstance(value, list | tuple) else value


def _array(values: Sequence[str]) -> str:
    r"""An array of texts as PostgreSQL reads it.

    >>> _array(["Germany", 'the "old" \\ town'])
    '{"Germany","the \\"old\\" \\\\ town"}'
    """
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}"
