"""The command `tidelake`, as a person or a program calls it."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner, Result

from runtime.cli import app


def run(*arguments: str, code: int = 0) -> Result:
    """One call, which has to end with that exit code."""
    done = CliRunner().invoke(app(), arguments)
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def told(*arguments: str, code: int = 0) -> Any:
    """What it tells a program."""
    return json.loads(run(*arguments, "--json", code=code).stdout)
