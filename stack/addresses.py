"""Which ports the servers of this stack listen on, and the file that tells other processes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from runtime.settings import addresses_file, settings
from stack.passwords import passwords, write_private
from stack.ports import HOST, demand, free_port, is_free

# Those that a setting `<name>_port` can fix, then those that only the servers themselves use.
PUBLIC = ("postgres", "redis", "kafka", "connect", "clickhouse", "flink", "api")
INTERNAL = ("kafka_controller", "flink_rpc", "flink_blob", "taskmanager_rpc", "taskmanager_data")


def ports() -> dict[str, int]:
    """The ports of the last start, by server; empty before the first."""
    if not addresses_file().exists():
        return {}
    known: dict[str, int] = json.loads(addresses_file().read_text()).get("ports", {})
    return known


def choose() -> dict[str, int]:
    """Chooses every port: the setting's, else the one of the last start if it is still free, else a free one.

    Raises:
        Permanent: a port that a setting names is in use.
    """
    chosen = {name: demand(port, _variable(name)) for name in PUBLIC if (port := _fixed(name))}
    remembered = ports()
    for name in (*PUBLIC, *INTERNAL):
        if name not in chosen:
            chosen[name] = _still_free(remembered.get(name, 0), set(chosen.values()))
    return chosen


def _variable(name: str) -> str:
    return f"TIDELAKE_{name.upper()}_PORT"


def _fixed(name: str) -> int:
    """The port that the user's settings name, or 0."""
    port: int = getattr(settings(), f"{name}_port")
    return port


def _still_free(port: int, taken: set[int]) -> int:
    return port if port and port not in taken and is_free(port) else free_port(taken)


def write(chosen: Mapping[str, int], more: Mapping[str, str] | None = None) -> None:
    """Writes `addresses.json`: the settings that any other process with the same TIDELAKE_HOME finds the stack by.

    Args:
        chosen: the ports.
        more: further settings.
    """
    content = {**_addresses(chosen), **(more or {}), "ports": dict(chosen)}
    write_private(addresses_file(), json.dumps(content, indent=2))
    settings.cache_clear()


def _addresses(port: Mapping[str, int]) -> dict[str, str]:
    """The address of every server by the name of its setting."""
    secret = passwords()
    postgres = f"{HOST}:{port['postgres']}"
    return {
        "kafka": f"{HOST}:{port['kafka']}",
        "connect": f"http://{HOST}:{port['connect']}",
        "flink": f"http://{HOST}:{port['flink']}",
        "clickhouse": f"http://default:{secret['clickhouse']}@{HOST}:{port['clickhouse']}/tidelake",
        "clickhouse_analyst": f"http://analyst:{secret['analyst']}@{HOST}:{port['clickhouse']}/tidelake",
        "redis": f"redis://:{secret['redis']}@{HOST}:{port['redis']}/0",
        "source_dsn": f"postgresql://shop:{secret['shop']}@{postgres}/shop",
        "replication_dsn": f"postgresql://replicator:{secret['replicator']}@{postgres}/shop",
        "platform_dsn": f"postgresql://tidelake:{secret['tidelake']}@{postgres}/tidelake",
        "api": f"http://{HOST}:{port['api']}",
        **_storage(),
    }


def _storage() -> dict[str, str]:
    """Places that the environment moved away from TIDELAKE_HOME: other processes have to find them too."""
    names = ("warehouse", "checkpoints")
    return {name: value for name in names if (value := os.environ.get(f"TIDELAKE_{name.upper()}"))}
