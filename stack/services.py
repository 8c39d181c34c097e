"""Everything that a stack is made of: add a part here, and the supervisor starts it in order of need."""

from __future__ import annotations

from stack import bootstrap, connect, flink, kafka, own, postgres, redis
from stack.model import Part


def parts() -> list[Part]:
    """Every service and step; addresses must have been chosen."""
    return [
        postgres.service(),
        redis.service(),
        kafka.service(),
        own.gateway(),
        flink.jobmanager(),
        flink.taskmanager(),
        postgres.databases_step(),
        bootstrap.platform_tables_step(),
        bootstrap.clickhouse_tables_step(),
        bootstrap.api_key_step(),
        kafka.topics_step(),
        connect.service(),
        connect.connector_step(),
        own.gauge(),
        own.sources(),
        own.settler(),
        own.keeper(),
        own.api(),
        own.night(),
        own.lineage_step(),
    ]
