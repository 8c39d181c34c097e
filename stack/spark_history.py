"""Spark's History Server over the event logs of this deployment's runs."""

from __future__ import annotations

import os
from pathlib import Path

from runtime.settings import settings
from stack.java import java
from stack.ports import HOST
from stack.spark import spark_home


def command(port: int) -> list[str]:
    """The server's command line; it listens on this machine alone."""
    options = {
        "spark.history.fs.logDirectory": _events().as_uri(),
        "spark.history.ui.port": str(port),
        "spark.history.fs.update.interval": "2s",
        "spark.history.store.path": "",
    }
    flags = [f"-D{name}={value}" for name, value in options.items() if value]
    return [
        java(),
        "-Xmx512m",
        *flags,
        "-cp",
        f"{spark_home()}/jars/*",
        "org.apache.spark.deploy.history.HistoryServer",
    ]


def environment() -> dict[str, str]:
    """What the server needs beside its command line."""
    return {**os.environ, "SPARK_LOCAL_IP": HOST}


def _events() -> Path:
    folder = settings().spark_event_dir
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def serve(port: int) -> None:
    """Becomes the server, until Ctrl-C."""
    line = command(port)
    os.execve(line[0], line, environment())  # noqa: S606 - no shell is wanted
