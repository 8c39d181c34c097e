"""The lake job: the log copied to Iceberg as it came. Nothing is parsed, so nothing can be lost."""

from __future__ import annotations

from typing import Any

from rankings.render import flink
from runtime.iceberg import CATALOG, java_properties
from runtime.settings import Settings
from streaming.jobs.environment import Job, ending, environment
from streaming.sinks.iceberg import BRONZE

NAME = "tidelake-lake"


def job(chosen: Settings, restore: str | None = None) -> Job:
    """How the job runs: one writer, so that a commit adds one file an hour of log time."""
    return Job(
        name=NAME,
        group=NAME,
        checkpoint_seconds=chosen.lake_checkpoint_seconds,
        parallelism=1,
        checkpoints=f"{chosen.checkpoints}/lake",
        restore=restore,
    )


def plan(chosen: Settings, restore: str | None = None, *, bounded: bool = False, table: str = BRONZE) -> Any:
    """The job's statement, ready to be executed; `bounded` ends it at the log's present end."""
    how = ending(job(chosen, restore), chosen) if bounded else job(chosen, restore)
    planned = environment(how, chosen)
    properties = {"type": "iceberg", **java_properties(chosen)}
    listed = ", ".join(f"'{name}' = '{value}'" for name, value in properties.items())
    planned.execute_sql(f"CREATE CATALOG {CATALOG} WITH ({listed})")
    log = flink.LogOptions(chosen.kafka, how.group, bounded)
    planned.execute_sql(flink.log_table(log))
    statements = planned.create_statement_set()
    statements.add_insert_sql(flink.lake_insert(table))
    return statements
