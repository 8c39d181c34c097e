"""Parts start in order of need, crashed services come back, a failed start says why, and stopping goes backwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import typer
from typer.testing import CliRunner

from runtime.errors import Permanent, Retryable
from stack import commands, control, runner, supervisor
from stack.board import Board, Row
from stack.leftovers import wait_for_leftovers
from stack.model import Action, HeldBack, Part, Service, Step, nothing
from stack.view import reasons

SLEEPER = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(300)")
FRUITLESS = (sys.executable, "-c", "print('the disk is made of cheese'); raise SystemExit(4)")


def never() -> None:
    raise Retryable("no answer")


def service(
    name: str, needs: tuple[str, ...] = (), command: tuple[str, ...] = SLEEPER, ready: Action = nothing
) -> Service:
    return Service(name, command, ready, version="1", address="", needs=needs, grace_seconds=3, ready_seconds=20)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Runs a stack of the given parts."""
    monkeypatch.setattr(runner, "TEND_SECONDS", 0.1)
    monkeypatch.setattr(runner, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(runner, "FIRST_PAUSE_SECONDS", 0.05)

    @contextmanager
    def run(*parts: Part, listener: Callable[[Row], None] | None = None) -> Iterator[Board]:
        monkeypatch.setattr(supervisor, "parts", lambda: list(parts))
        with supervisor.running_stack(listener) as board:
            supervisor.wait_settled(board, threading.Event(), lambda _: None)
            yield board

    return run


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not come to pass in time"
        time.sleep(0.02)


def test_what_is_needed_is_ready_first_and_stopped_last(stack: Callable[..., object]) -> None:
    seen: list[tuple[str, str]] = []
    parts = [service("c", needs=("b",)), Step("b", nothing, needs=("a",)), service("a")]
    with stack(*parts, listener=lambda row: seen.append((row.name, row.state))) as board:  # type: ignore[attr-defined]
        assert board.state() == "ready"
    ready = [name for name, state in seen if state == "ready"]
    stopped = [name for name, state in seen if state == "stopped"]
    assert (ready, stopped) == (["a", "b", "c"], ["c", "a"])


def test_layers_hold_what_can_start_side_by_side() -> None:
    parts = [service("c", needs=("a", "b")), service("a"), service("b"), service("d", needs=("c",))]
    assert [sorted(layer) for layer in supervisor.layers(parts)] == [["a", "b"], ["c"], ["d"]]


def test_a_killed_service_comes_back(stack: Callable[..., object]) -> None:
    with stack(service("a")) as board:  # type: ignore[attr-defined]
        first = control.kill("a", signal.SIGKILL)
        wait_for(lambda: board.row("a").restarts == 1 and board.row("a").state == "ready")
        assert control.pid_of("a") != first


def test_what_a_killed_service_carries_starts_anew_with_it(stack: Callable[..., object]) -> None:
    with stack(replace(service("a"), carries=("b",)), service("b"), service("c")) as board:  # type: ignore[attr-defined]
        assert [board.row(name).restarts for name in "abc"] == [0, 0, 0]
        control.kill("a", signal.SIGKILL)
        wait_for(lambda: [board.row(name).restarts for name in "abc"] == [1, 1, 0] and board.state() == "ready")
        control.kill("b", signal.SIGKILL)
        wait_for(lambda: [board.row(name).restarts for name in "abc"] == [1, 2, 0] and board.state() == "ready")


def test_a_service_can_be_restarted_by_another_process(stack: Callable[..., object]) -> None:
    with stack(service("a"), service("b")):  # type: ignore[attr-defined]
        first, other = control.pid_of("a"), control.pid_of("b")
        assert control.restart("a", 15).pid != first
        assert control.pid_of("b") == other


def test_the_pid_is_the_servers_and_not_its_guards(stack: Callable[..., object]) -> None:
    with stack(service("a")):  # type: ignore[attr-defined]
        assert psutil.Process(control.pid_of("a")).cmdline()[1:] == list(SLEEPER[1:])


def test_an_unknown_service_is_refused_with_the_known_ones(stack: Callable[..., object]) -> None:
    with stack(service("a"), service("b")), pytest.raises(Permanent, match="valid: a, b"):  # type: ignore[attr-defined]
        control.pid_of("postgresql")


def test_a_service_that_never_starts_fails_with_the_end_of_its_log(stack: Callable[..., object]) -> None:
    with stack(service("a", command=FRUITLESS, ready=never), service("b", needs=("a",))) as board:  # type: ignore[attr-defined]
        assert board.state() == "failed"
        assert board.row("b").state == "waiting"
        assert "the disk is made of cheese" in runner.failure(board.rows())


def test_a_command_that_does_not_exist_fails(stack: Callable[..., object]) -> None:
    with stack(service("a", command=("/no/such/program",))) as board:  # type: ignore[attr-defined]
        assert "/no/such/program" in runner.failure(board.rows())


def test_a_step_is_tried_again_while_it_can_succeed(stack: Callable[..., object]) -> None:
    attempts = iter([Retryable("not yet"), Retryable("not yet"), None])

    def action() -> None:
        error = next(attempts)
        if error:
            raise error

    with stack(Step("a", action)) as board:  # type: ignore[attr-defined]
        assert board.state() == "ready"
    assert list(attempts) == []


def test_a_step_that_cannot_succeed_fails_the_start(stack: Callable[..., object]) -> None:
    def action() -> None:
        raise Permanent("the table is of another make")

    with stack(Step("a", action)) as board:  # type: ignore[attr-defined]
        assert runner.failure(board.rows()) == "a failed: the table is of another make"


def test_an_unhealthy_service_is_shown_and_recovers(stack: Callable[..., object]) -> None:
    trouble: list[Exception] = []

    def ready() -> None:
        for error in trouble:
            raise error

    with stack(service("a", ready=ready)) as board:  # type: ignore[attr-defined]
        trouble.append(Retryable("no answer"))
        wait_for(lambda: board.state() == "unhealthy")
        assert board.row("a").detail == "no answer"
        trouble.clear()
        wait_for(lambda: board.state() == "ready")


def test_a_service_is_looked_after_only_once_what_that_is_about_is_there(stack: Callable[..., object]) -> None:
    looked, told = threading.Event(), list[Row]()

    def tend() -> None:
        looked.set()
        raise Retryable("what b makes does not work")

    def makes() -> None:
        wait_for(lambda: board_of_a() == "ready")
        assert not looked.wait(0.5), "looked at before it was there"

    def board_of_a() -> str:
        return [row.state for row in told if row.name == "a"][-1]

    parts = replace(service("a"), tend=tend, tend_after=("b",)), Step("b", makes, needs=("a",))
    with stack(*parts, listener=told.append) as board:  # type: ignore[attr-defined]
        wait_for(lambda: board.state() == "unhealthy")
    assert [row.state for row in told if row.name == "b"] == ["starting", "ready"]
    assert [row.state for row in told if row.name == "a"][:3] == ["starting", "ready", "unhealthy"]


def test_a_service_that_answers_but_cannot_work_is_told_at_once_and_keeps_nothing_else_back(
    stack: Callable[..., object],
) -> None:
    told: list[Row] = []

    def held_back() -> None:
        raise HeldBack("it waits for an operator; what to do: do it")

    parts = service("a", ready=held_back), service("b", needs=("a",))
    with stack(*parts, listener=told.append) as board:  # type: ignore[attr-defined]
        assert [row.state for row in told if row.name == "a"] == ["starting", "unhealthy"]
        assert (board.state(), board.row("b").state) == ("unhealthy", "ready")
        assert reasons(board.rows()) == ["a is unhealthy: it waits for an operator; what to do: do it"]
        app = typer.Typer()
        commands.register(app)
        told_to_user = CliRunner().invoke(app, ["status"])
    assert told_to_user.exit_code == 1
    assert "a is unhealthy: it waits for an operator; what to do: do it\n" in told_to_user.output


def test_status_tells_memory_and_uptime(stack: Callable[..., object]) -> None:
    with stack(service("a"), Step("b", nothing)):  # type: ignore[attr-defined]
        now = control.status().as_json()
        assert now["state"] == "ready"
        parts = now["parts"]
        assert isinstance(parts, list)
        first, second = parts
        assert first["memory_bytes"] > 1_000_000
        assert first["uptime_seconds"] > 0
        assert second["kind"] == "step"
    assert control.status().state == "stopped"


DETACHED = """
import sys
sys.path.insert(0, {folder!r})
from test_supervisor import service
from stack import supervisor
supervisor.parts = lambda: [service("a"), service("b", needs=("a",))]
sys.exit(supervisor.main())
"""


def detached() -> subprocess.Popen[bytes]:
    """A supervisor in a process of its own, with everything ready."""
    code = DETACHED.format(folder=str(Path(__file__).parent))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: control.status(with_memory=False).state == "ready")
    except BaseException:
        process.terminate()
        raise
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_process_is_left_however_the_supervisor_ends(number: signal.Signals) -> None:
    process = detached()
    servers = [control.pid_of("a"), control.pid_of("b")]
    os.kill(process.pid, number)
    process.wait(20)
    wait_for_leftovers()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in servers))
    assert control.status().state == "stopped"


def test_down_stops_a_detached_stack_and_may_be_said_twice() -> None:
    process = detached()
    reaper = threading.Thread(target=process.wait)
    reaper.start()
    assert control.stop() is True
    assert control.stop() is False
    reaper.join(5)
    assert process.returncode == 0
