"""A running server with its guard, the memory it takes, and the last lines of its log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from runtime.errors import Permanent
from runtime.settings import settings
from stack.model import Service

GUARD = Path(__file__).with_name("guard.py")
LOG_TAIL_BYTES = 200_000
UTF8 = {"LC_ALL": "C.UTF-8"}
"""Java takes its default character set and the names of files from the locale, which a container may leave at ASCII."""


class Guarded:
    """A server that ends when this process does."""

    def __init__(self, service: Service) -> None:
        self._name = service.name
        with log_file(service.name).open("ab") as log:
            self._guard = subprocess.Popen(
                [*_guard_command(service), "--", *service.command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=settings().home,
                env=_environment(service),
                start_new_session=True,
            )
        self.pid = self._read_pid()

    def _read_pid(self) -> int:
        """The server's process id, which the guard prints once the server has started."""
        assert self._guard.stdout is not None
        with self._guard.stdout as stream:
            line = stream.readline()
        if not line:
            self._guard.wait()
            raise Permanent(f"{self._name} could not be started", received=last_lines(self._name, 1))
        return int(line)

    @property
    def guard(self) -> int:
        """The process id of the guard."""
        return self._guard.pid

    def exit_code(self) -> int | None:
        """The server's exit code, or None while anything of it is alive."""
        return self._guard.poll()

    def wait(self, seconds: float) -> int | None:
        """Waits for the end; None if it did not come."""
        try:
            return self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Asks the guard to stop the server; does not wait."""
        if self._guard.poll() is None:
            self._guard.terminate()

    def close(self) -> None:
        """Stops the server and waits until nothing of it is left."""
        self.terminate()
        self._guard.wait()
        assert self._guard.stdin is not None
        self._guard.stdin.close()


def _guard_command(service: Service) -> list[str]:
    guard = [sys.executable, "-I", "-S", str(GUARD), "--log", str(log_file(service.name))]
    return [*guard, "--signal", service.stop_signal, "--grace", str(service.grace_seconds)]


def _environment(service: Service) -> dict[str, str]:
    settings().temporary_dir.mkdir(parents=True, exist_ok=True)
    places = {"TIDELAKE_HOME": str(settings().home), "TMPDIR": str(settings().temporary_dir)}
    return {**os.environ, **UTF8, **places, "PYTHONUNBUFFERED": "1", **service.env}


def log_file(name: str) -> Path:
    """Where the output of a part goes."""
    return settings().log_dir / f"{name}.log"


def last_lines(name: str, count: int) -> str:
    """The last lines of a part's log."""
    path = log_file(name)
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
        return b"".join(deque(file, count)).decode(errors="replace").rstrip()


def memory_bytes(root: int | None, *, descendants: bool = True) -> int:
    """The memory of a process, with all that it started, in bytes; pages that several share are counted in shares."""
    return sum(_proportional_bytes(process) for process in _tree(root, descendants=descendants))


def _tree(root: int | None, *, descendants: bool) -> Iterator[psutil.Process]:
    """A process and its descendants; none if it is gone."""
    if root is None:
        return
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(root)
        yield process
        if descendants:
            yield from process.children(recursive=True)


def _proportional_bytes(process: psutil.Process) -> int:
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        with suppress(psutil.Error):
            return int(process.memory_info().rss)
    return 0


def is_guard(pid: int | None) -> bool:
    """Whether a process id that was written down still is that of a guard of this TIDELAKE_HOME."""
    with suppress(psutil.Error):
        command = psutil.Process(pid).cmdline() if pid else []
        return str(GUARD) in command and any(str(settings().log_dir) in word for word in command)
    return False


def send(pid: int, number: signal.Signals) -> bool:
    """Sends a signal; False if the process is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
