"""The live job: from the log to signed deltas in ClickHouse, and what the contract refuses to the quarantine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from rankings.render import flink
from runtime.settings import Settings
from streaming.jobs.environment import Job, ending, environment

NAME = "tidelake-live"


def options(chosen: Settings) -> dict[str, str]:
    """How long deltas wait for others, and how many go into one insert."""
    return {
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": f"{chosen.live_mini_batch_ms} ms",
        "pipeline.auto-watermark-interval": "50 ms",
        "table.exec.mini-batch.size": str(chosen.live_bundle_rows),
        "python.fn-execution.bundle.time": str(chosen.live_bundle_ms),
        "python.fn-execution.bundle.size": str(chosen.live_bundle_rows),
        "python.fn-execution.arrow.batch.size": str(chosen.live_bundle_rows),
    }


def identity(chosen: Settings, among: tuple[Ranking, ...] = RANKINGS) -> str:
    """Changes whenever state of an earlier plan does not fit: plan, functions, contract, business time zone."""
    # The log's address is no part of it: the same log can answer at another one.
    log = flink.log_table(_log(chosen.model_copy(update={"kafka": ""}), NAME, bounded=False))
    plan = [flink.parsed(), flink.sales(), flink.steps(), flink.refused(), log, chosen.business_time_zone]
    plan += [flink.sums(ranking, chosen.live_sums_ttl_hours) for ranking in among]
    kernel = [Path(jar).name for jar in chosen.flink_jars.split(";") if "kernel" in jar]
    return hashlib.sha256("\n".join([*plan, *kernel]).encode()).hexdigest()[:12]


def checkpoints(chosen: Settings) -> str:
    """The folder (URI) of the job's checkpoints: one folder in it for each plan."""
    return f"{chosen.checkpoints}/live"


def job(chosen: Settings, restore: str | None = None) -> Job:
    """How the job runs."""
    return Job(
        name=NAME,
        group=NAME,
        checkpoint_seconds=chosen.live_checkpoint_seconds,
        parallelism=chosen.live_parallelism,
        checkpoints=f"{checkpoints(chosen)}/{identity(chosen)}",
        restore=restore,
    )


def plan(chosen: Settings, restore: str | None = None, *, bounded: bool = False) -> Any:
    """The job's statements, ready to be executed; `bounded` ends it at the log's present end."""
    how = ending(job(chosen, restore), chosen) if bounded else job(chosen, restore)
    planned = environment(how, chosen, options(chosen))
    prepare(planned, _log(chosen, how.group, bounded=bounded))
    statements = planned.create_statement_set()
    for insert in inserts(planned, chosen):
        statements.add_insert_sql(insert)
    return statements


def _log(chosen: Settings, group: str, *, bounded: bool) -> flink.LogOptions:
    return flink.LogOptions(chosen.kafka, group, bounded)


def prepare(planned: Any, log: flink.LogOptions) -> None:
    """Makes the log, the functions and the views known."""
    planned.execute_sql(flink.log_table(log))
    for statement in flink.functions():
        planned.execute_sql(statement)
    for name, query in (("parsed", flink.parsed()), ("sales", flink.sales()), ("steps", flink.steps())):
        planned.create_temporary_view(name, planned.sql_query(query))


def inserts(planned: Any, chosen: Settings, among: tuple[Ranking, ...] = RANKINGS) -> list[str]:
    """One insert for each ranking, one for the quarantine."""
    from streaming.sinks.clickhouse import refused_sink, sums_sink

    planned.create_temporary_system_function("insert_refused", refused_sink())
    planned.execute_sql(flink.nowhere("refused_done"))
    made = [flink.insert_through("insert_refused", flink.REFUSED_COLUMNS, flink.refused(), "refused_done")]
    for ranking in among:
        function, sink = f"insert_{ranking.slug}", f"{ranking.slug}_done"
        planned.create_temporary_system_function(function, sums_sink(ranking))
        planned.execute_sql(flink.nowhere(sink))
        query = flink.sums(ranking, chosen.live_sums_ttl_hours)
        made.append(flink.insert_through(function, flink.sum_columns(ranking), query, sink))
    return made
