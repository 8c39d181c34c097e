"""Ports on this machine: which are free, and who holds the others."""

from __future__ import annotations

import random
import socket

import psutil

from runtime.errors import Permanent

HOST = "127.0.0.1"
# Below the range that the kernel takes outgoing connections' ports from, so that a remembered port stays free.
FIRST, LAST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(taken: set[int]) -> int:
    """A free port that is not among `taken`."""
    for port in random.sample(range(FIRST, LAST), k=2_000):
        if port not in taken and is_free(port):
            return port
    raise Permanent("no free port was found", valid=f"{FIRST} to {LAST}", todo="stop some servers on this machine")


def holder(port: int) -> str:
    """The process that listens on a port, as well as this user may know it."""
    try:
        found = next(c for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and not c.raddr)
        return f"{psutil.Process(found.pid).name()} (process {found.pid})" if found.pid else "another user's process"
    except (StopIteration, psutil.Error):
        return "a process that could not be found out"


def demand(port: int, setting: str) -> int:
    """The port that a setting names.

    Raises:
        Permanent: it is in use; the message names the setting and, if known, the process.
    """
    if is_free(port):
        return port
    raise Permanent(
        f"the port of {setting} is in use by {holder(port)}",
        received=port,
        valid="a free port, or 0 to have one chosen",
        todo=f"stop that process, or change {setting}",
    )
