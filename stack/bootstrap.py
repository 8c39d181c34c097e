"""What the platform's stores need before the first sale: tables, and the operator's API key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING

from runtime.errors import Retryable
from runtime.settings import settings
from stack.model import Step
from stack.passwords import write_private

if TYPE_CHECKING:
    from psycopg2.extensions import connection


def platform_tables_step() -> Step:
    """Ledger, totals, API keys: the platform's own tables in PostgreSQL."""
    return Step("platform-tables", _make_platform_tables, needs=("databases",))


def clickhouse_tables_step() -> Step:
    """Live and reconciled deltas, publications, quarantine: the tables in ClickHouse."""
    return Step("clickhouse-tables", _make_clickhouse_tables, needs=("gateway",))


def api_key_step() -> Step:
    """The first API key: the database keeps its hash, the operator's copy lies in TIDELAKE_HOME."""
    return Step("api-key", _make_api_key, needs=("platform-tables",))


def _make_platform_tables() -> None:
    statements = (files("rankings") / "sql" / "postgres_tables.sql").read_text()
    with _platform() as connection, connection.cursor() as cursor:
        cursor.execute(statements)


def _make_clickhouse_tables() -> None:
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import OperationalError

    from rankings.render.clickhouse import ddl
    from rankings.render.cluster import Cluster, on_cluster
    from rankings.render.views import views

    dsn = settings().clickhouse.get_secret_value()
    server, _, database = dsn.rpartition("/")
    try:
        with closing(clickhouse_connect.get_client(dsn=f"{server}/default")) as client:
            client.command("CREATE DATABASE IF NOT EXISTS {name:Identifier}", parameters={"name": database})
            client.database = database
            cluster = Cluster.of(settings().clickhouse_cluster, dsn)
            for statement in on_cluster(cluster) if cluster else (*ddl(), *views()):
                client.command(statement)
    except OperationalError as error:
        raise Retryable("ClickHouse does not answer", received=str(error)) from error


def _make_api_key() -> None:
    """At the first start only: while the operator's copy exists, its hash is made sure of and no other key is made."""
    from serving.keys import SCOPES, keep_key, new_key

    path = settings().api_key_file
    if not path.exists():
        write_private(path, new_key())
    with _platform() as connection:
        keep_key(connection, path.read_text().strip(), "operator", SCOPES)


@contextmanager
def _platform() -> Iterator[connection]:
    """One transaction in the platform's database.

    Raises:
        Retryable: it does not answer.
    """
    import psycopg2

    try:
        opened = psycopg2.connect(settings().platform_dsn.get_secret_value(), connect_timeout=3)
    except psycopg2.OperationalError as error:
        raise Retryable("PostgreSQL does not answer", received=str(error).strip()) from error
    with closing(opened), opened:
        yield opened
