"""SeaweedFS, the S3 server of the tests."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from stack.ports import HOST, free_port

START_SECONDS = 60.0
HIGHEST_PORT = 55_000
"""It also takes the port that is 10,000 above each of its own."""

PARTS = ("-master.port", "-volume.port", "-filer.port", "-s3.port")
WITHOUT = ("-s3.port.iceberg=0", "-s3.port.lance=0")
"""Servers that would take ports of their own choice."""


@contextmanager
def running(folder: Path, key: str = "", secret: str = "") -> Iterator[str]:
    """A server on free ports; its address.

    Args:
        folder: what it keeps is there.
        key: of the one who may use it; empty for anyone.
        secret: that belongs to the key.
    """
    ports = [_port() for _ in PARTS]
    told = [*(f"{name}={port}" for name, port in zip(PARTS, ports, strict=True)), *WITHOUT, *_keys(folder, key, secret)]
    weed = Path(sys.executable).with_name("weed")
    command = [str(weed), "server", f"-dir={folder}", f"-ip={HOST}", f"-ip.bind={HOST}", "-s3", "-volume.max=20"]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen([*command, "-master.volumeSizeLimitMB=64", *told], stdout=log, stderr=log)
    try:
        address = f"http://{HOST}:{ports[-1]}"
        _until_ready(address, process, folder / "weed.log")
        yield address
    finally:
        # Asked to end, it waits for its parts for a minute; what it has written is the test's own.
        process.kill()
        process.wait(20)


def _keys(folder: Path, key: str, secret: str) -> list[str]:
    if not key:
        return []
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "test", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    return [f"-s3.config={config}"]


def _port() -> int:
    while (port := free_port(set())) > HIGHEST_PORT:
        pass
    return port


def _until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ready is a server that can make a bucket, or says that nobody may without a key."""
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            if httpx.put(f"{address}/ready", timeout=5, trust_env=False).status_code in (200, 403, 409):
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None and time.monotonic() < give_up, log.read_text(errors="replace")[-3000:]
        time.sleep(0.3)
