"""Runs one server so that it never outlives the process that asked for it. Standard library only: started as a script.

    guard.py --log FILE [--signal TERM] [--grace SECONDS] [--orphans SECONDS] -- COMMAND ...

Its standard input is a pipe that the supervisor holds open and never writes to. When that pipe ends (the supervisor is
gone, however it went) or the guard gets SIGTERM, it stops the server and everything that the server started: first with
the server's own stop signal, after the grace with SIGKILL. It adopts orphans (child subreaper), so that processes in
sessions of their own and workers whose parent crashed are found too: one that stays alive is ended soon after, for
nobody is left who would end it. It prints the server's process id and, when all
are gone, exits as the server did.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LOG_LIMIT_BYTES = 32 << 20
LOOK_SECONDS = 5.0
ORPHAN_SECONDS = 10.0
STEP_SECONDS = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> int:
    """Runs the command to its end; returns its exit code (128 + signal if a signal ended it)."""
    options = _options(arguments)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake = _signals_as_bytes()
    server = _start(options.command, Path(options.log))
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    code = _watch(server, wake, Path(options.log), options.orphans)
    if code is None:
        _signal_group(server.pid, signal.Signals[f"SIG{options.signal}"])
        code = _wait(server, options.grace)
    _end_descendants(server.pid)
    return code if code >= 0 else 128 - code


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", required=True)
    parser.add_argument("--signal", default="TERM")
    parser.add_argument("--grace", type=float, default=15.0)
    parser.add_argument("--orphans", type=float, default=ORPHAN_SECONDS)
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def _signals_as_bytes() -> int:
    """Turns SIGTERM, SIGINT and SIGCHLD into bytes of a pipe, which can be waited for beside standard input."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return reading


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Starts the server in a session of its own, its output appended to the log."""
    guard = os.getpid()

    def die_with_guard() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guard:
            os._exit(1)

    _limit_log(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_guard,  # noqa: PLW1509 - the guard has one thread
        )


def _watch(server: subprocess.Popen[bytes], wake: int, log: Path, orphan_seconds: float) -> int | None:
    """Waits until the server ends (its exit code) or has to be stopped (None)."""
    adopted: dict[int, float] = {}
    while True:
        readable, _, _ = select.select([sys.stdin.fileno(), wake], [], [], LOOK_SECONDS)
        if wake in readable and set(os.read(wake, 512)) & {signal.SIGTERM, signal.SIGINT}:
            return None
        if sys.stdin.fileno() in readable and not os.read(sys.stdin.fileno(), 512):
            return None
        code = server.poll()
        if code is not None:
            return code
        adopted = _end_orphans(server.pid, adopted, orphan_seconds)
        _limit_log(log)


def _limit_log(log: Path) -> None:
    """Keeps at most two limits' worth of log: the server appends, so its file can be copied away and cut to nothing."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def _wait(server: subprocess.Popen[bytes], seconds: float) -> int:
    """The server's exit code; after `seconds` it is ended by force."""
    try:
        return server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()


def _end_descendants(group: int) -> None:
    """Ends what is left of the server's group and every process that it left to the guard, until there is none."""
    _signal_group(group, signal.SIGKILL)
    while children := list(_children(os.getpid())):
        for child in children:
            _signal(child, signal.SIGKILL)
        _reap(child for child in children if child != group)
        time.sleep(STEP_SECONDS)


def _reap(orphans: Iterable[int]) -> None:
    """Takes the exit codes of adopted processes that have ended; the server's own is left to its `Popen`."""
    for child in orphans:
        try:
            os.waitpid(child, os.WNOHANG)
        except ChildProcessError:
            continue


def _end_orphans(server: int, adopted: dict[int, float], orphan_seconds: float) -> dict[int, float]:
    """Ends what has been adopted for `orphan_seconds`; returns what is adopted, with the time it was first seen."""
    now = time.monotonic()
    _reap(_orphans(server))
    seen = {child: adopted.get(child, now) for child in _orphans(server)}
    for child, since in seen.items():
        if now - since >= orphan_seconds:
            _signal(child, signal.SIGKILL)
    return seen


def _orphans(server: int) -> list[int]:
    """The children but for the server, as the kernel lists them: quick, but one may be left out while another ends."""
    try:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except FileNotFoundError:
        # A kernel without such lists.
        return [child for child in _children(os.getpid()) if child != server]
    return [int(child) for child in children if int(child) != server]


def _children(parent: int) -> Iterator[int]:
    """The process ids of the direct children of a process: surely all, by a look at every process of the machine."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == parent:
                yield int(entry.name)


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _signal(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
