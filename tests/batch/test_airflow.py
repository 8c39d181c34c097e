"""A real Airflow loads the DAG of the night and runs its tasks in order.

It lives in an environment of its own, which is made once (about a minute) and kept beside the jars.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from runtime.settings import settings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

VERSION = "3.1.8"
DAGS = Path(__file__).parents[2] / "deploy" / "airflow"


@pytest.fixture(scope="module")
def airflow() -> Path:
    """The `airflow` program."""
    uv = shutil.which("uv")
    folder = settings().jar_cache.parent / f"airflow-{VERSION}"
    program = folder / "bin" / "airflow"
    if not program.exists():
        if uv is None:
            pytest.skip("uv, which installs Airflow, is not on PATH")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", "3.11", str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
        if subprocess.run([*install, f"apache-airflow=={VERSION}"], check=False).returncode:
            shutil.rmtree(folder)
            pytest.skip("Airflow could not be installed")
    return program


def test_the_night_runs_and_is_verified(airflow: Path, tmp_path: Path) -> None:
    calls, command = tmp_path / "calls", tmp_path / "tidelake"
    command.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    command.chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "TIDELAKE_COMMAND": str(command),
        "TIDELAKE_BUSINESS_TIME_ZONE": "Europe/Berlin",
    }
    for arguments in (["db", "migrate"], ["dags", "test", "tidelake_nightly"]):
        done = subprocess.run([airflow, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "state=success" in done.stdout + done.stderr
    assert calls.read_text().splitlines() == ["nightly", "verify --json"]
