"""What the stack's commands print and how they exit while no stack is up, and how its state looks to a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from runtime.errors import Permanent
from stack import addresses, commands
from stack.board import Row
from stack.view import table


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer(pretty_exceptions_enable=False)
    commands.register(app)
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, Permanent):
        raise result.exception
    return result.exit_code, result.output


def test_status_of_no_stack(home: Path) -> None:
    code, output = run("status", "--json")
    told = json.loads(output)
    assert (code, told["state"], told["parts"], told["home"]) == (1, "stopped", [], str(home))


def test_down_of_no_stack() -> None:
    assert run("down") == (0, "no stack was up\n")


def test_env_before_the_first_start_says_what_to_do() -> None:
    with pytest.raises(Permanent, match="run `tidelake up`"):
        run("env", "--json")


def test_env_holds_what_programs_need(home: Path) -> None:
    addresses.write(addresses.choose())
    (home / "api.key").write_text("tl_key\n")
    told = json.loads(run("env", "--json")[1])
    names = "api api_key source_dsn platform_dsn clickhouse clickhouse_analyst kafka connect flink redis"
    assert set(told) == set(names.split())
    assert told["api_key"] == "tl_key"
    assert told["clickhouse_analyst"].startswith("http://analyst:")


def test_env_can_be_evaluated_by_a_shell() -> None:
    addresses.write(addresses.choose())
    lines = run("env")[1].splitlines()
    assert all(line.startswith("export TIDELAKE_") for line in lines)


def test_the_last_lines_of_a_log(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (home / "logs" / "kafka.log").write_text("one\ntwo\nthree\n")
    assert run("logs", "kafka", "-n", "2")[0] == 0
    assert capfd.readouterr().out == "two\nthree\n"


def test_an_unknown_log_is_refused_with_the_known_ones(home: Path) -> None:
    (home / "logs" / "kafka.log").write_text("")
    with pytest.raises(Permanent, match="valid: kafka"):
        run("logs", "kafak")


def test_restart_without_a_stack_says_what_to_do() -> None:
    with pytest.raises(Permanent, match="no stack is up"):
        run("restart", "kafka")


def test_the_table_shows_states_times_memory_and_details() -> None:
    rows = [
        Row("kafka", "service", "ready", address="127.0.0.1:9092", took=4.24),
        Row("jobs", "service", "failed", detail="no slot is free"),
    ]
    console = Console(width=160, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table(rows, {"kafka": 200 << 20, "jobs": 100 << 20}, full=False))
    text = console.export_text()
    for expected in ("ready", "4.2", "200 MiB", "127.0.0.1:9092", "failed: no slot is free", "300 MiB"):
        assert expected in text
