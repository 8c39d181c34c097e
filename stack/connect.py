"""Kafka Connect with the Debezium connector: every change of the shop's sales, from PostgreSQL into the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rankings.contract import DELETED_FIELD
from runtime.errors import Retryable
from runtime.settings import settings
from stack.addresses import ports
from stack.http import call, check
from stack.jars import class_path, unpacked_plugin, version_of
from stack.java import java_command
from stack.model import Service, Step
from stack.passwords import passwords
from stack.ports import HOST
from stack.postgres import check_slot
from streaming.topics import topic_settings

CONNECTOR = "shop"
SLOT = "tidelake"
WORKER = """
bootstrap.servers={kafka}
group.id=tidelake-connect
config.storage.topic=connect-configs
offset.storage.topic=connect-offsets
status.storage.topic=connect-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=1
status.storage.partitions=1
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter.schemas.enable=false
plugin.path={plugins}
plugin.discovery=service_load
listeners=http://{host}:{port}
rest.advertised.host.name={host}
rest.advertised.port={port}
offset.flush.interval.ms=1000
# The only worker: when it comes back after a crash, its tasks must not be kept for the one that was lost.
scheduled.rebalance.max.delay.ms=0
session.timeout.ms=6000
heartbeat.interval.ms=1500
"""


def service() -> Service:
    """The worker, in distributed mode: connectors and offsets are kept in Kafka."""
    address = f"http://{HOST}:{ports()['connect']}"
    options = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    return Service(
        name="connect",
        command=java_command(
            "org.apache.kafka.connect.cli.ConnectDistributed", str(_config_file()), heap="512m", options=options
        ),
        env={"CLASSPATH": class_path("connect")},
        ready=_worker_is_ready,
        version=f"{version_of('connect')}, Debezium {version_of('debezium')}",
        address=address,
        needs=("kafka",),
        prepare=_prepare,
        tend=_tend,
        # Asked to stop while Kafka is gone too, it would wait for Kafka much longer.
        grace_seconds=8,
    )


def connector_step() -> Step:
    """The connector, registered or brought to today's settings, with its task running."""
    return Step("connector", _register, needs=("connect", "databases", "topics"))


def _folder() -> Path:
    return settings().home / "connect"


def _config_file() -> Path:
    return _folder() / "worker.properties"


def _prepare() -> None:
    _folder().mkdir(parents=True, exist_ok=True)
    _config_file().write_text(
        WORKER.format(kafka=settings().kafka, plugins=unpacked_plugin(), host=HOST, port=ports()["connect"])
    )


def connector_settings() -> dict[str, str]:
    """How Debezium reads the sales and what it writes (holds the replication password)."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        **_source(),
        **_records(),
        **_pace(),
        **{f"topic.creation.default.{name}": value for name, value in _new_topics().items()},
    }


def _source() -> dict[str, str]:
    """Which table is read, as whom, and through which slot and publication."""
    return {
        "database.hostname": HOST,
        "database.port": str(ports()["postgres"]),
        "database.user": "replicator",
        "database.password": passwords()["replicator"],
        "database.dbname": "shop",
        "table.include.list": "public.sales",
        "plugin.name": "pgoutput",
        "slot.name": SLOT,
        "slot.drop.on.stop": "false",
        "publication.name": "tidelake",
        "publication.autocreate.mode": "disabled",
    }


def _records() -> dict[str, str]:
    """What a record looks like: the row's columns, flat; a delete is the old row, `deleted`; each names its source."""
    return {
        "topic.prefix": "cdc",
        "decimal.handling.mode": "string",
        "time.precision.mode": "isostring",
        "tombstones.on.delete": "false",
        "transforms": "flat,contract,source",
        "transforms.flat.type": "io.debezium.transforms.ExtractNewRecordState",
        "transforms.flat.delete.tombstone.handling.mode": "rewrite",
        "transforms.flat.add.fields": "op,source.lsn,source.ts_ms",
        "transforms.contract.type": "org.apache.kafka.connect.transforms.ReplaceField$Value",
        "transforms.contract.renames": f"__deleted:{DELETED_FIELD}",
        "transforms.source.type": "org.apache.kafka.connect.transforms.InsertField$Value",
        "transforms.source.static.field": "source",
        "transforms.source.static.value": CONNECTOR,
    }


def _pace() -> dict[str, str]:
    """How soon a change is sent, and what keeps the slot moving while no sale changes."""
    return {
        "poll.interval.ms": "50",
        "heartbeat.interval.ms": "1000",
        # Other databases of the server write too; this message lets the slot confirm their log.
        "heartbeat.action.query": "SELECT pg_logical_emit_message(false, 'tidelake-heartbeat', '')",
        "message.prefix.exclude.list": "tidelake-heartbeat",
        "errors.max.retries": "-1",
        "retriable.restart.connector.wait.ms": "2000",
    }


def _new_topics() -> dict[str, str]:
    return {"replication.factor": "1", "partitions": "1", **topic_settings(settings())}


def _register() -> None:
    """Sends the settings if they differ from those that run, and waits for the task and its replication slot."""
    path = f"/connectors/{CONNECTOR}/config"
    wanted = {"name": CONNECTOR, **connector_settings()}
    present = _request("GET", path, allow_missing=True)
    if present != wanted:
        _request("PUT", path, json=wanted)
    _tend()
    check_slot(SLOT)


def _worker_is_ready() -> None:
    _request("GET", "/health")


def _tend() -> None:
    """Restarts what has failed of the connector.

    Raises:
        Retryable: the connector is not running.
    """
    status = _request("GET", f"/connectors/{CONNECTOR}/status", allow_missing=True)
    if status is None:
        return
    parts = [status["connector"], *status["tasks"]]
    failed = next((part for part in parts if part["state"] == "FAILED"), None)
    if failed:
        _request("POST", f"/connectors/{CONNECTOR}/restart?includeTasks=true&onlyFailed=true")
        reason = str(failed.get("trace", "")).partition("\n")[0]
        raise Retryable("the Debezium connector failed and is started again", received=reason)
    if len(parts) < 2 or any(part["state"] != "RUNNING" for part in parts):
        raise Retryable("the Debezium connector has no running task yet")


def _request(method: str, path: str, *, json: object = None, allow_missing: bool = False) -> dict[str, Any] | None:
    """One call of Connect's REST interface; None for 404 if that is allowed.

    Raises:
        Retryable: Connect did not answer, or answered with an error.
    """
    answer = call(method, settings().connect + path, json=json, seconds=10)
    if answer.status_code == 404 and allow_missing:
        return None
    return check(answer).json() if answer.content else {}
