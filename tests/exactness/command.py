"""The command `tidelake` in a process of its own, for a running stack."""

from __future__ import annotations

import os
import subprocess
import sys

from runtime.settings import Settings


def tidelake(chosen: Settings, *arguments: str) -> str:
    """What it prints; it has to end well."""
    command = [sys.executable, "-m", "runtime", *arguments]
    environment = {**os.environ, "TIDELAKE_HOME": str(chosen.home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
