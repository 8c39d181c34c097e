"""The servers of one machine work together, come back after a crash, and go on where they were after a stop."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, Message
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from rankings.contract import DELETED_FIELD
from rankings.topics import SHOP_SALES, TOPICS
from runtime.settings import settings
from stack import control
from stack.passwords import passwords
from streaming.topics import topic_settings

from .conftest import start, stop

pytestmark = pytest.mark.stack
Servers = list[subprocess.Popen[bytes]]
INSERT = "INSERT INTO sales VALUES (%s, '2026-03-01T12:00:00+02', 'Germany', 'Köln', 's1', 'Ann', 12.30, 'EUR')"


@contextmanager
def shop() -> Iterator[Cursor]:
    with closing(psycopg2.connect(settings().source_dsn.get_secret_value())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def records(key: str, count: int, seconds: float = 30) -> list[Message]:
    """The first `count` records of one sale, in the order of the log."""
    options = {
        "bootstrap.servers": settings().kafka,
        "group.id": f"test-{time.time()}",
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(options)
    consumer.subscribe([SHOP_SALES])
    found: list[Message] = []
    give_up = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < give_up:
        message = consumer.poll(0.2)
        if message and not message.error() and json.loads(message.key() or b"{}").get("sale_id") == key:
            found.append(message)
    consumer.close()
    assert len(found) == count
    return found


def value(message: Message) -> dict[str, object]:
    content: dict[str, object] = json.loads(message.value() or b"{}")
    return content


def test_every_change_of_a_sale_reaches_the_log(servers: Servers) -> None:
    with shop() as cursor:
        cursor.execute(INSERT, ("way",))
        cursor.execute("UPDATE sales SET city = 'Bonn', amount = 1234567890123456.78 WHERE sale_id = 'way'")
        cursor.execute("DELETE FROM sales WHERE sale_id = 'way'")
    messages = records("way", 3)
    first, second, third = map(value, messages)
    assert (first["city"], first["amount"], first["occurred_at"]) == ("Köln", "12.30", "2026-03-01T10:00:00.000000Z")
    assert (second["city"], second["amount"]) == ("Bonn", "1234567890123456.78")
    assert [each[DELETED_FIELD] for each in (first, second, third)] == ["false", "false", "true"]
    assert all(message.timestamp()[0] == TIMESTAMP_LOG_APPEND_TIME for message in messages)


def test_every_topic_has_the_logs_settings(servers: Servers) -> None:
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._config import ConfigResource

    client = AdminClient({"bootstrap.servers": settings().kafka})
    asked = client.describe_configs([ConfigResource("topic", topic) for topic in TOPICS])
    for answer in asked.values():
        present = {name: entry.value for name, entry in answer.result(10).items()}
        assert {name: present[name] for name in topic_settings(settings())} == topic_settings(settings())


def test_the_replication_role_reads_and_does_not_write(servers: Servers) -> None:
    source = settings().source_dsn.get_secret_value()
    as_replicator = source.replace(f"shop:{passwords()['shop']}", f"replicator:{passwords()['replicator']}")
    with closing(psycopg2.connect(as_replicator)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sales")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("DELETE FROM sales")


def test_the_shop_does_not_reach_the_platforms_database(servers: Servers) -> None:
    source = settings().source_dsn.get_secret_value()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(source.removesuffix("/shop") + "/tidelake")


def test_a_wrong_password_is_refused(servers: Servers) -> None:
    source = settings().source_dsn.get_secret_value()
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(source.replace(passwords()["shop"], "guess"))


def test_the_slot_moves_while_only_other_databases_are_written_to(servers: Servers) -> None:
    with closing(psycopg2.connect(settings().platform_dsn.get_secret_value())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE busy AS SELECT generate_series(1, 50000)")
            cursor.execute("DROP TABLE busy")
            cursor.execute("SELECT pg_current_wal_lsn()")
            ((written,),) = cursor.fetchall()
            moved = "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots"
            for _ in range(100):
                cursor.execute(moved, (written,))
                if cursor.fetchall() == [(True,)]:
                    return
                time.sleep(0.3)
    pytest.fail("the slot did not move")


def test_a_killed_redis_comes_back(servers: Servers) -> None:
    """Each of the others is killed in `tests/exactness/test_kills.py`, while sales change."""
    assert control.crash("redis", seconds=90).restarts >= 1


def test_a_stopped_stack_goes_on_where_it_was(servers: Servers, home: Path) -> None:
    with shop() as cursor:
        cursor.execute(INSERT, ("kept",))
    records("kept", 1, seconds=60)
    before = control.environment()
    stop(servers.pop())
    servers.append(start(home))
    assert control.environment() == before
    with shop() as cursor:
        cursor.execute("UPDATE sales SET amount = 1 WHERE sale_id = 'kept'")
    # Two records and not three: the table was not read a second time.
    assert [value(each)["amount"] for each in records("kept", 2, seconds=60)] == ["12.30", "1.00"]


def test_no_process_is_left_after_the_supervisor_is_killed(servers: Servers, home: Path) -> None:
    stop(servers.pop(), signal.SIGKILL)
    left = [each.pid for each in psutil.process_iter(["cmdline"]) if str(home) in " ".join(each.info["cmdline"] or [])]
    assert left == []
