"""PostgreSQL: the platform's own database, as the ledger and the totals need it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from io import BufferedIOBase
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  (it is a class)
from psycopg2.sql import SQL, Identifier

from runtime.errors import Retryable

if TYPE_CHECKING:
    import pyarrow as pa


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


def add_csv(connection: Connection, table: str, columns: Sequence[str], rows: BufferedIOBase) -> None:
    """Copies rows into a table in the connection's transaction; rows whose key is there already are left as they are.

    Args:
        rows: CSV without a line of names; an array is PostgreSQL's text of it.
    """
    names = SQL(", ").join(map(Identifier, columns))
    into = Identifier(table)
    with connection.cursor() as cursor:
        cursor.execute(SQL("CREATE TEMPORARY TABLE incoming (LIKE {}) ON COMMIT DROP").format(into))
        cursor.copy_expert(SQL("COPY incoming ({}) FROM STDIN WITH (FORMAT csv)").format(names), rows)
        insert = SQL("INSERT INTO {} ({}) SELECT {} FROM incoming ON CONFLICT DO NOTHING")
        cursor.execute(insert.format(into, names, names))


def array_of(texts: Sequence[pa.Array]) -> pa.Array:
    r"""Columns of texts as one column of arrays, as PostgreSQL reads them.

    >>> import pyarrow as pa
    >>> array_of([pa.array(["Germany"]), pa.array(['the "old" \\ town'])])[0].as_py()
    '{"Germany","the \\"old\\" \\\\ town"}'
    """
    import pyarrow.compute as pc

    escaped = (pc.replace_substring_regex(text, pattern=r'([\\"])', replacement=r"\\\1") for text in texts)
    return pc.binary_join_element_wise("{", pc.binary_join_element_wise(*map(_quoted, escaped), ","), "}", "")


def _quoted(text: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.binary_join_element_wise('"', text, '"', "")
