"""Iceberg's own REST catalogue as a server, over the catalogue in PostgreSQL that the settings name."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from runtime.iceberg import java_properties
from runtime.settings import Settings
from stack.jars import jars
from stack.java import java
from stack.ports import HOST, free_port
from stack.spark import spark_home
from streaming.kernel.build import Sources, compiled

START_SECONDS = 60


@contextmanager
def running(chosen: Settings, folder: Path) -> Iterator[str]:
    """Its address; gone at the end.

    Args:
        chosen: the settings without a REST catalogue, whose catalogue it serves.
        folder: for its log.
    """
    port = free_port(set())
    properties = [f"{name}={value}" for name, value in java_properties(chosen).items()]
    command = [java(), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", _class_path(folder), "RestCatalogue", str(port)]
    path = folder / "catalogue.log"
    with path.open("wb") as log, subprocess.Popen([*command, *properties], stdout=log, stderr=log) as server:
        try:
            _wait(f"http://{HOST}:{port}", path)
            yield f"http://{HOST}:{port}"
        finally:
            server.terminate()


def _class_path(folder: Path) -> str:
    """The server's jars; what it lacks, an HTTP server among it, Spark has."""
    (compiler,) = jars("compiler")
    driver = next(path for path in jars("spark") if path.name.startswith("postgresql"))
    found = [*jars("rest-catalogue"), *jars("s3-flink"), driver, *sorted(spark_home().glob("jars/*.jar"))]
    path = ":".join(map(str, found))
    own = compiled(java(), compiler, path, folder, Sources("catalogue", Path(__file__).with_name("java")))
    return f"{own}:{path}"


def _wait(address: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{address}/v1/config").raise_for_status()
        except httpx.HTTPError:
            assert time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(0.3)
        else:
            return
