"""Submits bounded jobs to the measured stack: a name on each line in, `job ID` on a line out. Starting costs once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from rankings.render import flink
from runtime.iceberg import CATALOG
from runtime.settings import Settings, settings
from streaming.jobs import lake, live
from streaming.jobs.environment import Job, environment
from streaming.sinks.iceberg import NAMESPACE, ensure_bronze

PLAIN = "bench-plain"
COPY = "bench_log"

NOTHING = """CREATE TEMPORARY TABLE nothing (
    `key` BYTES, payload BYTES, topic STRING, `partition` INT, `offset` BIGINT, log_time TIMESTAMP_LTZ(3)
) WITH ('connector' = 'blackhole')"""


def plain(chosen: Settings) -> Any:
    """Reads every column of the log, and does nothing with it."""
    job = Job(
        name=PLAIN,
        group=PLAIN,
        checkpoint_seconds=chosen.live_checkpoint_seconds,
        parallelism=chosen.live_parallelism,
        checkpoints=f"{chosen.checkpoints}/{PLAIN}",
    )
    planned = environment(job, chosen)
    planned.execute_sql(flink.log_table(flink.LogOptions(chosen.kafka, PLAIN, bounded=True)))
    planned.execute_sql(NOTHING)
    statements = planned.create_statement_set()
    statements.add_insert_sql(
        "INSERT INTO nothing SELECT `key`, payload, topic, `partition`, `offset`, log_time FROM log"
    )
    return statements


def copied(chosen: Settings) -> Any:
    """The lake job into a table of its own."""
    ensure_bronze(chosen, COPY)
    return lake.plan(chosen, bounded=True, table=f"{CATALOG}.{NAMESPACE}.{COPY}")


PLANS: dict[str, Callable[[Settings], Any]] = {
    "plain": plain,
    "live": lambda chosen: live.plan(chosen, bounded=True),
    "lake": copied,
}


def main() -> None:
    """Until the input ends."""
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112 - PyFlink spells it so
    for line in sys.stdin:
        submitted = PLANS[line.strip()](settings()).execute()
        print(f"job {submitted.get_job_client().get_job_id()}", flush=True)


if __name__ == "__main__":
    main()
