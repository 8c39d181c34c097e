"""The command ends with one clear message and an exit code that says whether trying again makes sense."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from runtime import cli

RAISING = """
import sys
from runtime import cli, errors

def register(app):
    @app.command()
    def probe(kind: str):
        '''A command for this test.'''
        if kind == 'sleep':
            import time
            print('asleep', flush=True)
            time.sleep(60)
        raise getattr(errors, kind)('the log is away', received='[bold]', valid='a log', todo='start it')

cli.PACKAGES = (register, lambda app: app.command('other')(lambda: None))
cli.main()
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"TIDELAKE_HOME": str(tmp_path), "PATH": os.environ["PATH"], "COLUMNS": "120"}


def run(environment: dict[str, str], *arguments: str, program: str = RAISING) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("kind", "code"), [("Permanent", 1), ("Retryable", 75)])
def test_an_expected_error_is_one_message_without_a_traceback(
    environment: dict[str, str], kind: str, code: int
) -> None:
    ended = run(environment, "probe", kind)
    assert ended.returncode == code
    assert ended.stdout == ""
    assert ended.stderr == "error: the log is away\n  received: [bold]\n  valid: a log\n  what to do: start it\n"


def test_debugging_shows_the_traceback(environment: dict[str, str]) -> None:
    ended = run({**environment, "TIDELAKE_DEBUG": "1"}, "probe", "Permanent")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


def test_control_c_ends_it_with_130(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", RAISING, "probe", "sleep"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"asleep\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert process.communicate()[1] == b""


def test_a_setting_that_is_not_valid_is_an_expected_error(environment: dict[str, str]) -> None:
    ended = run({**environment, "TIDELAKE_TOPIC_PARTITIONS": "none"}, "probe", "Permanent")
    assert ended.returncode == 1
    assert "topic_partitions" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_command_has_a_version_and_starts_fast(environment: dict[str, str]) -> None:
    began = time.monotonic()
    command = [sys.executable, "-m", "runtime", "--version"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.stdout.startswith("tidelake ")
    assert time.monotonic() - began < 10


def test_help_names_the_commands_and_loads_no_engine(environment: dict[str, str]) -> None:
    program = """
import sys
from runtime import cli
try:
    cli.app()(["--help"], prog_name="tidelake")
finally:
    heavy = {"pyflink", "pyspark", "chdb", "datahub", "pandas"} & set(sys.modules)
    assert not heavy, heavy
"""
    ended = run(environment, program=program)
    assert ended.returncode == 0, ended.stderr
    for name in ("up", "down", "status", "reconcile", "lineage", "shop"):
        assert f" {name} " in ended.stdout


def test_every_option_says_what_it_does() -> None:
    silent = list(_silent(typer.main.get_command(cli.app()), "tidelake"))
    assert silent == []


def _silent(command: Any, name: str) -> Iterator[str]:
    """The options of a command, and of those below it, that have no text for `--help`."""
    options = [each for each in command.params if each.param_type_name == "option"]
    yield from (f"{name} {each.opts[0]}" for each in options if not each.help)
    for below, each in getattr(command, "commands", {}).items():
        yield from _silent(each, f"{name} {below}")
