"""Starts, asks, disturbs and stops a stack from Python: what the commands, the demo and the tests use."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from runtime.errors import Permanent, Retryable
from runtime.settings import addresses_file, settings
from stack import lock, night
from stack.board import Row, Saved, saved
from stack.jars import all_jars, fetch
from stack.leftovers import wait_for_leftovers
from stack.preflight import preflight
from stack.process import is_guard, last_lines, log_file, memory_bytes, send
from stack.runner import failure

SUPERVISOR = "supervisor"
STOP_SECONDS = 120.0
UNHEALTHY_SECONDS = 60.0
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Status:
    """A stack as it is now: `stopped`, `starting`, `ready`, `unhealthy` or `failed`; bytes of memory by service; what
    its clock tells of the night's work."""

    state: str
    pid: int | None
    rows: tuple[Row, ...]
    memory: dict[str, int]
    night: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """For programs: seconds, bytes, and one entry per service and step."""
        entries = [
            {**asdict(row), "memory_bytes": self.memory.get(row.name, 0), "uptime_seconds": _uptime(row)}
            for row in self.rows
        ]
        return {
            "state": self.state,
            "home": str(settings().home),
            "pid": self.pid,
            "memory_bytes": sum(self.memory.values()),
            "night": self.night,
            "parts": entries,
        }


def _uptime(row: Row) -> float:
    return time.time() - row.started if row.started and row.pid else 0.0


def start(show: Callable[[Status], None] = lambda _: None) -> Status:
    """Starts a detached stack and returns when everything is ready.

    Args:
        show: called several times a second while the stack starts.

    Raises:
        Permanent: something must change before a stack can start, or a part failed (with the end of its log).
    """
    preflight()
    fetch(all_jars())
    with log_file(SUPERVISOR).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "stack.supervisor"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _until_settled(process, show)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _until_settled(process: subprocess.Popen[bytes], show: Callable[[Status], None]) -> Status:
    unhealthy_since = time.monotonic()
    while True:
        code = process.poll()
        now = saved()
        if now and now.pid == process.pid:
            show(Status(now.state, now.pid, now.rows, {}))
            if now.state == "ready":
                settings.cache_clear()
                return status()
            # Every part was ready once: one that is unhealthy for long is reported, and the stack stays up.
            if now.state != "unhealthy":
                unhealthy_since = time.monotonic()
            elif time.monotonic() - unhealthy_since > UNHEALTHY_SECONDS:
                raise _unhealthy(now)
        if code is not None:
            raise Permanent(_why_it_failed(now if now and now.pid == process.pid else None))
        time.sleep(POLL_SECONDS)


def _unhealthy(now: Saved) -> Retryable:
    troubles = "; ".join(f"{row.name} is {row.state}: {row.detail}" for row in now.rows if row.state != "ready")
    return Retryable("the stack is up, but not healthy", received=troubles, todo="see `tidelake status` and `logs`")


def _why_it_failed(now: Saved | None) -> str:
    """The failed part with the end of its log, or what the supervisor said before it had any part."""
    if now and any(row.state == "failed" for row in now.rows):
        return failure(now.rows)
    return f"the stack did not start\n{last_lines(SUPERVISOR, 20)}"


def stop() -> bool:
    """Stops the stack and waits until no process of it is left; False if none was up.

    Raises:
        Retryable: something did not end in time.
    """
    pid = lock.holder()
    if pid is None:
        wait_for_leftovers()
        return False
    send(pid, signal.SIGTERM)
    give_up = time.monotonic() + STOP_SECONDS
    while lock.holder() == pid:
        if time.monotonic() > give_up:
            # Its guards see the end of the supervisor, and stop the servers by themselves.
            send(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    wait_for_leftovers()
    return True


def status(*, with_memory: bool = True) -> Status:
    """The stack of this TIDELAKE_HOME as it is now."""
    now, pid = saved(), lock.holder()
    if now is None or pid != now.pid:
        return Status("starting" if pid else "stopped", pid, (), {})
    memory = {row.name: memory_bytes(row.guard) for row in now.rows if row.guard} if with_memory else {}
    if with_memory:
        memory[SUPERVISOR] = memory_bytes(pid, descendants=False)
    return Status(now.state, pid, now.rows, memory, night.state(settings()))


def pid_of(name: str) -> int:
    """The process id of a service's real server (not of its guard).

    Raises:
        Permanent: there is no such service.
        Retryable: it is not running at the moment.
    """
    row = _service(name)
    if row.pid is None:
        raise Retryable(f"{name} is not running", received=row.state, todo="wait until it is started again")
    return row.pid


def kill(name: str, number: signal.Signals = signal.SIGKILL) -> int:
    """Sends a signal to a service's real server, as a crash would end it; returns the process id that it went to."""
    pid = pid_of(name)
    send(pid, number)
    return pid


def crash(name: str, number: signal.Signals = signal.SIGKILL, seconds: float = 240.0) -> Row:
    """Sends a signal that ends a service, and waits until the supervisor has made it ready again.

    Raises:
        Permanent: there is no such service.
        Retryable: it was not ready in time.
    """
    row = _service(name)
    kill(name, number)
    return wait_ready(name, seconds, other_than=row.guard)


def restart(name: str, seconds: float = 240.0) -> Row:
    """Ends a service in its own way, and waits until the supervisor has made it ready again.

    Raises:
        Permanent: there is no such service.
        Retryable: it was not ready in time.
    """
    row = _service(name)
    if row.guard and is_guard(row.guard):
        send(row.guard, signal.SIGTERM)
    return wait_ready(name, seconds, other_than=row.guard)


def wait_ready(name: str, seconds: float = 240.0, other_than: int | None = None) -> Row:
    """Waits until a service is ready; with `other_than`, under another guard than this process id.

    Raises:
        Retryable: it was not ready in time.
    """
    give_up = time.monotonic() + seconds
    while (row := _service(name)).state != "ready" or row.guard == other_than:
        if time.monotonic() > give_up:
            raise Retryable(f"{name} was not ready after {seconds:.0f} s", received=f"{row.state} {row.detail}")
        time.sleep(POLL_SECONDS)
    return row


def _service(name: str) -> Row:
    now = status(with_memory=False)
    if now.state == "stopped":
        raise Permanent("no stack is up in this TIDELAKE_HOME", received=str(settings().home), todo="run `tidelake up`")
    services = {row.name: row for row in now.rows if row.kind == "service"}
    if name not in services:
        raise Permanent("no such service", received=name, valid=", ".join(services))
    return services[name]


def environment() -> dict[str, str]:
    """The addresses of the stack for programs (they hold passwords), and the operator's API key.

    Raises:
        Permanent: no stack has been started in this TIDELAKE_HOME.
    """
    if not addresses_file().exists():
        raise Permanent(
            "no stack has been started in this TIDELAKE_HOME",
            received=str(settings().home),
            todo="run `tidelake up`, or set TIDELAKE_HOME to the folder of the stack",
        )
    now = settings()
    key = now.api_key_file
    return {
        "api": now.api,
        "api_key": key.read_text().strip() if key.exists() else "",
        "source_dsn": now.source_dsn.get_secret_value(),
        "platform_dsn": now.platform_dsn.get_secret_value(),
        "clickhouse": now.clickhouse.get_secret_value(),
        "clickhouse_analyst": now.clickhouse_analyst.get_secret_value(),
        "kafka": now.kafka,
        "connect": now.connect,
        "flink": now.flink,
        "redis": now.redis.get_secret_value(),
    }
