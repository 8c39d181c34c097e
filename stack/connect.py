"""Kafka Connect with the Debezium connector: every change of the shop's sales, from PostgreSQL into the log."""

from __future__ import annotations

from pathlib import Path

from runtime.errors import Permanent
from runtime.settings import settings
from stack.addresses import ports
from stack.http import call, check
from stack.jars import class_path, unpacked_plugin, version_of
from stack.java import java_command
from stack.model import Service, Step
from stack.ports import HOST
from streaming.sources.catalogue import source
from streaming.sources.postgres.definition import OWN_DATABASE, PostgresSource
from streaming.sources.postgres.tend import check_running, running

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
# Records and the position behind them are one transaction, which a reader of committed records sees whole or not.
exactly.once.source.support=enabled
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
        tend_after=("connector",),
        # Asked to stop while Kafka is gone too, it would wait for Kafka much longer.
        grace_seconds=8,
    )


def connector_step() -> Step:
    """The connector of the database on this machine, brought to today's definition, with its task running."""
    return Step("connector", _register, needs=("connect", "platform-tables", "topics"))


def _folder() -> Path:
    return settings().home / "connect"


def _config_file() -> Path:
    return _folder() / "worker.properties"


def _prepare() -> None:
    _folder().mkdir(parents=True, exist_ok=True)
    _config_file().write_text(
        WORKER.format(kafka=settings().kafka, plugins=unpacked_plugin(), host=HOST, port=ports()["connect"])
    )


def _register() -> None:
    """Has the source on this machine read. The sources in other databases are their keeper's, as they may be away.

    Raises:
        Retryable: it does not run yet.
    """
    running(_own(), settings())


def _own() -> PostgresSource:
    found = source(settings(), OWN_DATABASE)
    if not isinstance(found, PostgresSource):
        raise Permanent(f"the source {OWN_DATABASE} is the database on this machine", received=found.name)
    return found


def _worker_is_ready() -> None:
    _request("GET", "/health")


def _tend() -> None:
    """Raises Retryable unless the source on this machine is read; the keeper of sources mends what can be mended."""
    check_running(_own(), settings())


def _request(method: str, path: str) -> None:
    """One call of Connect's REST interface.

    Raises:
        Retryable: Connect did not answer, or answered with an error.
    """
    check(call(method, settings().connect + path, seconds=10))
