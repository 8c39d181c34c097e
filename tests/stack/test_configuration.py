"""What the servers are told: nothing listens beyond this machine, and what must not be lost is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.settings import settings
from stack import addresses, connect, flink, jars, kafka, own, services
from stack.passwords import passwords
from stack.supervisor import layers
from streaming.sources.catalogue import source
from streaming.sources.postgres.connector import connector_settings
from streaming.sources.postgres.definition import OWN_DATABASE, PostgresSource
from streaming.sources.postgres.tend import topic_options
from streaming.topics import topic_settings


@pytest.fixture(autouse=True)
def chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Ports are chosen; no jar is downloaded, since nothing is started."""
    monkeypatch.setattr(jars, "fetch", lambda _: 0)
    monkeypatch.setattr(own, "client_environment", dict)
    ports = addresses.choose()
    addresses.write(ports)
    yield ports


def test_topics_take_their_time_from_the_log_and_keep_the_last_record_of_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDELAKE_COMPACTION_LAG_DAYS", "3")
    settings.cache_clear()
    assert topic_settings(settings()) == {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": str(3 * 24 * 3600 * 1000),
    }


def shop_connector() -> dict[str, str]:
    """What Kafka Connect is told of the operational database."""
    shop = source(settings(), OWN_DATABASE)
    assert isinstance(shop, PostgresSource)
    return connector_settings(shop, settings(), topic_options(settings()))


def test_the_connector_reads_as_the_replication_role_alone() -> None:
    told = shop_connector()
    assert told["database.user"] == "replicator"
    assert told["database.password"] == passwords()["replicator"]
    assert not set(told.values()) & {passwords()["postgres"], passwords()["shop"]}


def test_new_topics_of_the_connector_are_as_all_others() -> None:
    told = shop_connector()
    for name, value in topic_settings(settings()).items():
        assert told[f"topic.creation.default.{name}"] == value


def test_flink_listens_on_this_machine_only() -> None:
    told = flink.configuration()
    hosts = [value for name, value in told.items() if name.endswith(("host", "bind-address", "address"))]
    assert set(hosts) == {"127.0.0.1"}


def test_the_heap_and_direct_memory_of_the_taskmanager_are_what_flink_is_told() -> None:
    told, command = flink.configuration(), flink.taskmanager().command

    def megabytes(*names: str) -> int:
        return sum(int(told[f"taskmanager.memory.{name}"].removesuffix("m")) for name in names)

    assert f"-Xmx{megabytes('task.heap.size', 'framework.heap.size')}m" in command
    direct = megabytes("task.off-heap.size", "framework.off-heap.size", "network.max")
    assert f"-XX:MaxDirectMemorySize={direct}m" in command


def test_no_password_is_among_the_arguments_that_other_users_can_see() -> None:
    for part in (flink.jobmanager(), kafka.service(), connect.service()):
        assert not any(secret in word for word in part.command for secret in passwords().values())


def test_every_part_needs_only_parts_that_exist() -> None:
    parts = services.parts()
    names = {part.name for part in parts}
    assert len(names) == len(parts)
    assert all(set(part.needs) <= names for part in parts)
    assert sorted(name for layer in layers(parts) for name in layer) == sorted(names)
