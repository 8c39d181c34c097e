"""The passwords of the servers on this machine: made at the first start, kept in one file that only its owner reads."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from runtime.settings import settings

NAMES = ("postgres", "shop", "replicator", "tidelake", "clickhouse", "analyst", "redis")


def passwords() -> dict[str, str]:
    """Every password by the name of its user or server; made anew only if there is none yet."""
    path = settings().home / "passwords.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    complete = {name: known.get(name) or secrets.token_hex(16) for name in NAMES}
    if complete != known:
        write_private(path, json.dumps(complete, indent=2))
    return complete


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read (mode 600), whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    fresh.replace(path)
