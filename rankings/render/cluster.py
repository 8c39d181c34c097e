"""ClickHouse on a real cluster: its tables and views, and what changes and drops rows of them.

Each table is a replicated `<table>_local` in each shard, and a distributed table of its own name in front of it, by
which everything is read and written. A distributed table takes no `ALTER`: that goes to the tables behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from rankings.render.clickhouse import ddl
from rankings.render.views import views

PROFILE = "tidelake"
"""The settings profile of the users that the platform comes with."""

SETTINGS = {"distributed_foreground_insert": "1", "distributed_product_mode": "global"}
"""What a cluster has to be asked for: an insert that has returned can be read, and offsets are committed by that; and
a query may ask for rows of one table by those of another.
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A real cluster: tables are replicated in each shard, and distributed ones stand in front of them.

    Attributes:
        name: as the servers' configuration has it.
        database: where the tables are.
    """

    name: str
    database: str = "tidelake"

    @classmethod
    def of(cls, name: str, dsn: str) -> Cluster | None:
        """The one of that name, with the database that an address ends with; none without a name.

        >>> Cluster.of("main", "http://x:y@host:8123/sales"), Cluster.of("", "http://host:8123/sales")
        (Cluster(name='main', database='sales'), None)
        """
        return cls(name, dsn.rpartition("/")[2]) if name else None


def altered(statement: str, cluster: Cluster | None) -> str:
    """A statement; if it is an `ALTER TABLE` and there is a cluster, for the table's rows in all of its shards.

    A replicated table has to be told that each replica may ask another table by itself what is meant.
    """
    if cluster is None:
        return statement
    there = _ALTERED.sub(rf"ALTER TABLE \1_local ON CLUSTER {cluster.name}", statement, count=1)
    if there == statement or "(SELECT" not in statement:
        return there
    return f"{there}, allow_nondeterministic_mutations = 1"


def drop_partition(table: str, partition: str) -> str:
    """Drops a partition, named as SQL names it: `3`, or `'2026-01-31'`; nothing happens if there is none."""
    return f"ALTER TABLE {table} DROP PARTITION {partition}"


def loaded_versions(cluster: Cluster | None) -> str:
    """Every version that some tables, partitioned by it, have rows of; binds `tables` Array(String)."""
    return f"SELECT DISTINCT toUInt32(partition) {_parts(cluster)} IN {{tables:Array(String)}}"


def live_days_before(cluster: Cluster | None) -> str:
    """The log days before a day of which a table has rows; binds `table` String and `day` String in ISO 8601."""
    return f"SELECT DISTINCT partition {_parts(cluster)} = {{table:String}} AND partition < {{day:String}}"


def _parts(cluster: Cluster | None) -> str:
    """What stands before the comparison with a table's name."""
    if cluster is None:
        return "FROM system.parts WHERE database = currentDatabase() AND active AND table"
    everywhere = f"clusterAllReplicas('{cluster.name}', system.parts)"
    return f"FROM {everywhere} WHERE database = '{cluster.database}' AND active AND extract(table, '^(.*)_local$')"


def profile(cluster: Cluster) -> list[str]:
    """The settings that users of the platform need there, for the administrator to give them."""
    listed = ", ".join(f"{name} = {value if value.isdigit() else repr(value)}" for name, value in SETTINGS.items())
    return [f"CREATE SETTINGS PROFILE IF NOT EXISTS {PROFILE} ON CLUSTER {cluster.name} SETTINGS {listed}"]


_ALTERED = re.compile(r"^ALTER TABLE (\w+)")
_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")
_ENGINE = re.compile(r"ENGINE = (\w*MergeTree)(\([^)]*\))?")


def on_cluster(cluster: Cluster, among: tuple[Ranking, ...] = RANKINGS, *, tables_alone: bool = False) -> list[str]:
    """Database, tables and views, each statement safe to run again; or the tables alone.

    Rows of one key go to one shard, so that replacing rows still works. Views read the distributed tables; materialized
    views see the rows of the local ones, and fill distributed ones.
    """
    statements = ddl(among)
    known = [match[1] for statement in statements if (match := _TABLE.search(statement))]
    tables = [made for statement in statements for made in _on_cluster(statement, cluster, known)]
    if tables_alone:
        return tables
    database = f"CREATE DATABASE IF NOT EXISTS {cluster.database} ON CLUSTER {cluster.name}"
    return [database, *tables, *(_everywhere(statement, cluster.name) for statement in views(among))]


def _on_cluster(statement: str, cluster: Cluster, known: list[str]) -> list[str]:
    match = _TABLE.search(statement)
    if match is None:
        return [_everywhere(_from_local(statement, known), cluster.name)]
    table = match[1]
    local = _TABLE.sub(rf"CREATE TABLE IF NOT EXISTS \1_local ON CLUSTER {cluster.name}", statement, count=1)
    return [_ENGINE.sub(_replicated, local, count=1), _distributed(table, statement, cluster)]


def _from_local(statement: str, known: list[str]) -> str:
    """A materialized view sees the rows of the table that they are stored in; it writes to the distributed one."""
    if "MATERIALIZED" not in statement:
        return statement
    return re.sub(rf"FROM ({'|'.join(known)})\b", r"FROM \1_local", statement)


def _replicated(match: re.Match[str]) -> str:
    inner = (match[2] or "()")[1:-1]
    path = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
    return f"ENGINE = Replicated{match[1]}({path}{', ' + inner if inner else ''})"


def _distributed(table: str, statement: str, cluster: Cluster) -> str:
    """Sharded by what rows replace each other by, which is the sorting key."""
    order = statement.partition("ORDER BY")[2].strip().partition("\n")[0]
    key = order.strip("()") if order.startswith("(") else order.split()[0]
    return (
        f"CREATE TABLE IF NOT EXISTS {table} ON CLUSTER {cluster.name} AS {table}_local\n"
        f"ENGINE = Distributed({cluster.name}, {cluster.database}, {table}_local, cityHash64({key}))"
    )


_MADE = re.compile(r"^CREATE (OR REPLACE )?(MATERIALIZED )?VIEW (IF NOT EXISTS )?(\w+)", re.M)


def _everywhere(statement: str, name: str) -> str:
    return _MADE.sub(lambda match: f"{match[0]} ON CLUSTER {name}", statement, count=1)
