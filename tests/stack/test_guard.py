"""The guard leaves nothing of a server behind, however the server, the supervisor or the guard is told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stack import guard
from stack.process import GUARD

# A server with a worker in its group, one in a session of its own, and one that was orphaned at once.
SERVER = """
import os, subprocess, sys, time
marker = sys.argv[1]
sleep = [sys.executable, "-c", "import time; time.sleep(300)", marker]
subprocess.Popen(sleep)
subprocess.Popen(sleep, start_new_session=True)
subprocess.Popen(["setsid", "sh", "-c", '"$@" & exit', "sh", *sleep])
time.sleep(300)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"
)


def start(log: Path, *command: str, grace: float = 5, signal_name: str = "TERM") -> subprocess.Popen[bytes]:
    options = ["--log", str(log), "--grace", str(grace), "--signal", signal_name]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(GUARD), *options, "--", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def alive(marker: str) -> list[int]:
    """The processes with `marker` among their arguments, zombies left out."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if marker in (process.info["cmdline"] or []) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def wait_until(condition: object, seconds: float = 10) -> None:
    assert callable(condition)
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not come to pass in time"
        time.sleep(0.02)


@pytest.fixture
def marker(tmp_path: Path) -> str:
    return f"marker-{tmp_path.name}-{os.getpid()}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


def test_ends_the_whole_tree_when_its_input_ends(log: Path, marker: str) -> None:
    process = start(log, sys.executable, "-c", SERVER, marker)
    wait_until(lambda: len(alive(marker)) >= 4)
    assert process.stdin
    process.stdin.close()
    process.wait(10)
    assert alive(marker) == []


def test_ends_the_whole_tree_when_the_supervisor_is_killed(log: Path, marker: str) -> None:
    guarded = [sys.executable, "-I", "-S", str(GUARD), "--log", str(log), "--", sys.executable, "-c", SERVER, marker]
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import subprocess, time; p = subprocess.Popen({guarded!r}, stdin=subprocess.PIPE); time.sleep(300)",
        ],
        stdout=subprocess.DEVNULL,
    )
    wait_until(lambda: len(alive(marker)) >= 5)
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: alive(marker) == [])


def test_ends_the_server_when_the_guard_itself_is_killed(log: Path, marker: str) -> None:
    process = start(log, sys.executable, "-c", "import time; time.sleep(300)", marker)
    wait_until(lambda: len(alive(marker)) == 2)
    process.kill()
    process.wait()
    wait_until(lambda: alive(marker) == [])


def test_ends_what_is_left_when_the_server_crashes(log: Path, marker: str) -> None:
    process = start(log, sys.executable, "-c", SERVER, marker)
    assert process.stdout
    server = int(process.stdout.readline())
    wait_until(lambda: len(alive(marker)) >= 4)
    os.kill(server, signal.SIGKILL)
    assert process.wait(10) == 128 + signal.SIGKILL
    assert alive(marker) == []


def test_tells_the_pid_of_the_server_and_exits_as_it_did(log: Path) -> None:
    process = start(log, sys.executable, "-c", "import os, sys; print(os.getpid()); sys.exit(7)")
    assert process.stdout
    told = int(process.stdout.readline())
    assert process.wait(10) == 7
    assert log.read_text() == f"{told}\n"


def test_asks_with_the_servers_own_signal(log: Path) -> None:
    polite = (
        "import signal, time; signal.signal(signal.SIGINT, lambda *_: exit(3)); print('up', flush=True); time.sleep(99)"
    )
    process = start(log, sys.executable, "-c", polite, signal_name="INT")
    wait_until(lambda: log.exists() and log.read_text() == "up\n")
    process.terminate()
    assert process.wait(10) == 3


def test_a_server_that_does_not_listen_is_ended_after_the_grace(log: Path) -> None:
    process = start(log, sys.executable, "-c", STUBBORN, grace=0.3)
    wait_until(lambda: log.exists() and log.read_text() == "up\n")
    began = time.monotonic()
    process.terminate()
    assert process.wait(10) == 128 + signal.SIGKILL
    assert time.monotonic() - began >= 0.3


def test_a_long_log_is_moved_aside_and_the_server_writes_on(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LOG_LIMIT_BYTES", 10)
    with log.open("ab") as server:
        server.write(b"a long first line\n")
        server.flush()
        guard._limit_log(log)
        server.write(b"second\n")
    assert log.read_bytes() == b"second\n"
    assert log.with_name("server.log.1").read_bytes() == b"a long first line\n"


def test_a_worker_whose_parent_died_is_ended_while_the_server_goes_on(tmp_path: Path) -> None:
    marker = str(tmp_path / "orphan")
    worker = f"{sys.executable} -c 'import time; time.sleep(300)' {marker} &"
    server = (
        f"import subprocess, time; subprocess.run(['sh', '-c', {worker!r}]); print('up', flush=True); time.sleep(300)"
    )
    log = tmp_path / "log"
    command = [
        sys.executable,
        "-I",
        "-S",
        str(GUARD),
        "--log",
        str(log),
        "--orphans",
        "0.5",
        "--",
        sys.executable,
        "-c",
    ]
    with subprocess.Popen([*command, server], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as guarded:
        assert guarded.stdout and guarded.stdin
        pid = int(guarded.stdout.readline())
        until = time.monotonic() + 30
        while not log.exists() or b"up" not in log.read_bytes():
            assert time.monotonic() < until
        while alive(marker):
            assert time.monotonic() < until, "the orphan lives"
            time.sleep(0.1)
        assert psutil.pid_exists(pid)
        guarded.stdin.close()
