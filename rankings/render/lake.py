"""The lake's tables as Spark SQL: their names, layouts, branches and tags."""

from __future__ import annotations

from collections.abc import Mapping

from rankings.ranking import Ranking

BRONZE = "lake.bronze.log"
"""The log as it came."""

SALES = "lake.silver.sales"
"""The latest state of every sale there ever was, deleted ones too."""

QUARANTINE = "lake.silver.quarantine"
"""The records that the contract refuses."""

SALE_COLUMNS = ("occurred_at", "country", "city", "salesman_id", "salesman", "amount", "currency")
POSITION_COLUMNS = ("topic", "partition", "offset", "log_time")
STATE_COLUMNS = ("source", "sale_id", "deleted", *SALE_COLUMNS, *POSITION_COLUMNS)
"""The columns of silver, in their order."""

_SALE_TYPES = """occurred_at timestamp COMMENT 'when it happened',
    country string, city string, salesman_id string, salesman string,
    amount decimal(18, 2), currency string"""
_LOG_TIME = "log_time timestamp COMMENT 'when the log took the record'"
_REACHED = (
    "log_time timestamp COMMENT 'when the log took it, or a record of the sale before it there, if that was later'"
)
_POSITION_TYPES = f"""topic string COMMENT 'position of the record in the log', partition int, offset bigint,
    {_LOG_TIME}"""

PARSED_SCHEMA = f"""{_POSITION_TYPES},
    kind string COMMENT 'sale, deletion, mark or rejected',
    source string, sale_id string, {_SALE_TYPES},
    field string, reason string, key binary, payload binary"""
"""The columns of the view `parsed`, as DDL: the sale's are null unless it is a sale, the last four unless refused."""

_TYPES = {"business_day": "date"}

ROW_GROUP_BYTES = 16 << 20
"""Of silver's files, as Parquet's writer counts them before they are compressed: some 150,000 sales."""

_LAYOUT = {"format-version": "2", "write.distribution-mode": "hash", "write.parquet.compression-codec": "zstd"}
_MERGE_ON_READ = dict.fromkeys(("write.delete.mode", "write.update.mode", "write.merge.mode"), "merge-on-read")


def gold(ranking: Ranking) -> str:
    """The full name of a ranking's table of sums."""
    return f"lake.gold.{ranking.gold_table}"


def run_branch(version: int) -> str:
    """The branch that the run of a version writes to: what others read changes only when the version is published."""
    return f"run_{version:d}"


def on_run(table: str, version: int) -> str:
    """A table as the run of a version writes and reads it."""
    return f"{table}.branch_{run_branch(version)}"


def version_tag(version: int) -> str:
    """The tag of a version's snapshot in the tables of silver and gold, and of the snapshot of bronze that it read."""
    return f"v{version:d}"


def ddl(among: tuple[Ranking, ...]) -> list[str]:
    """Every statement that makes the lake's tables behind bronze, each safe to run again."""
    spaces = [f"CREATE NAMESPACE IF NOT EXISTS lake.{name}" for name in ("silver", "gold")]
    return [*spaces, _sales_table(), _quarantine_table(), *map(_gold_table, among)]


def _sales_table() -> str:
    return f"""CREATE TABLE IF NOT EXISTS {SALES}
(
    source string, sale_id string,
    deleted boolean COMMENT 'whether its last record said that it is gone; then only key and position are known',
    {_SALE_TYPES},
    {_POSITION_TYPES.replace(_LOG_TIME, _REACHED)}
)
USING iceberg PARTITIONED BY (months(occurred_at)) {_properties(_LAYOUT | _MERGE_ON_READ)}
COMMENT 'The latest state of every sale, with the position of the record that told it'"""


def order_sales() -> list[str]:
    """Has each file of silver hold its sales by their key, in row groups that tell apart where they lie.

    Spark's SQL can't say so of a table that it makes.
    """
    return [
        f"ALTER TABLE {SALES} SET TBLPROPERTIES ('write.parquet.row-group-size-bytes' = '{ROW_GROUP_BYTES}')",
        f"ALTER TABLE {SALES} WRITE DISTRIBUTED BY PARTITION LOCALLY ORDERED BY source, sale_id",
    ]


def _quarantine_table() -> str:
    return f"""CREATE TABLE IF NOT EXISTS {QUARANTINE}
(
    {_POSITION_TYPES},
    field string COMMENT 'the field that is wrong; null where the payload as a whole is',
    reason string COMMENT 'what was wrong, what came, what is valid',
    key binary, payload binary
)
USING iceberg {_properties(_LAYOUT)}
COMMENT 'Records that the contract refuses, each with its position and the reason'"""


def _gold_table(ranking: Ranking) -> str:
    columns = ", ".join(f"{name} {_TYPES.get(name, 'string')}" for name in ranking.sum_key)
    return f"""CREATE TABLE IF NOT EXISTS {gold(ranking)}
(
    {columns},
    amount decimal(38, 2) COMMENT 'sum over the sales that exist',
    sales bigint COMMENT 'how many they are'
)
USING iceberg PARTITIONED BY (months(business_day)) {_properties(_LAYOUT)}
COMMENT '{ranking.title}: the whole history summed'"""


def _properties(values: Mapping[str, str]) -> str:
    listed = ", ".join(f"'{name}' = '{value}'" for name, value in values.items())
    return f"TBLPROPERTIES ({listed})"


def begin_run(table: str, version: int, base_snapshot: int | None) -> str:
    """Begins the branch of a version's run at a snapshot, or at the table's present one."""
    branch = run_branch(version)
    if base_snapshot is None:
        return f"ALTER TABLE {table} CREATE BRANCH `{branch}`"
    return f"ALTER TABLE {table} CREATE OR REPLACE BRANCH `{branch}` AS OF VERSION {base_snapshot:d}"


def drop_run(table: str, version: int) -> str:
    """Drops the branch of a version's run."""
    return f"ALTER TABLE {table} DROP BRANCH `{run_branch(version)}`"


def set_tag(table: str, version: int, snapshot: int | None = None) -> str:
    """Names a snapshot after a version: the one given, or the table's present one."""
    of = "" if snapshot is None else f" AS OF VERSION {snapshot:d}"
    return f"ALTER TABLE {table} CREATE OR REPLACE TAG `{version_tag(version)}`{of}"


def drop_tag(table: str, version: int) -> str:
    """Takes a version's name from its snapshot."""
    return f"ALTER TABLE {table} DROP TAG `{version_tag(version)}`"


def show_version(table: str, version: int) -> str:
    """Lets all who read a table see the snapshot of a version."""
    name = table.removeprefix("lake.")
    return f"CALL lake.system.set_current_snapshot(table => '{name}', ref => '{version_tag(version)}')"
