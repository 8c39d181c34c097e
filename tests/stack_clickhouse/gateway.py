"""A gateway of the tests' own: a real process over a temporary folder on a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client

USER, PASSWORD = "tide", "p@ss word"


@dataclass
class Gateway:
    """One gateway and how to reach it."""

    home: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(auth=(USER, PASSWORD), timeout=60), repr=False)

    @property
    def url(self) -> str:
        """The address without user and password."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Gateway:
        """Start the process and wait until it answers."""
        self.process = self.launch()
        until = time.monotonic() + 20
        while not self._answers():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)
        return self

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process and do not wait."""
        address = f"http://{USER}:p%40ss%20word@127.0.0.1:{self.port}/tidelake"
        environment = {
            **os.environ,
            "TIDELAKE_HOME": str(self.home),
            "TIDELAKE_CLICKHOUSE": address,
            "TIDELAKE_CLICKHOUSE_PORT": str(self.port),
            **self.environment,
        }
        with self._output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "stack.clickhouse"], env=environment, stdout=output, stderr=output
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process with a signal; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=30)

    def log(self) -> str:
        """What the process has printed."""
        return self._output.read_text()

    def client(self, **options: object) -> Client:
        """A clickhouse-connect client as every process of the platform makes it."""
        known: dict[str, object] = {"host": "127.0.0.1", "port": self.port, "username": USER, "password": PASSWORD}
        return clickhouse_connect.get_client(**{**known, "database": "tidelake", **options})  # type: ignore[arg-type]

    def post(self, sql: str | bytes, headers: dict[str, str] | None = None, **params: object) -> httpx.Response:
        """One request with a statement (or an INSERT's data) as its body."""
        query = {name: str(value) for name, value in params.items()}
        return self.http.post(self.url, params=query, content=sql, headers=headers)

    def curl(self, *arguments: str) -> str:
        """What curl prints."""
        command = ["curl", "-sS", "--user", f"{USER}:{PASSWORD}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    @property
    def _output(self) -> Path:
        return self.home / "gateway.out"

    def _answers(self) -> bool:
        try:
            return self.http.get(f"{self.url}/ping").text == "Ok.\n"
        except httpx.TransportError:
            return False


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(home: Path, **environment: str) -> Iterator[Gateway]:
    """A gateway while the block runs."""
    gateway = Gateway(home, free_port(), environment).start()
    try:
        yield gateway
    finally:
        if gateway.process is not None and gateway.process.poll() is None:
            gateway.stop()
