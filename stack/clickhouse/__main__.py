"""`python -m stack.clickhouse [--port PORT] [--path FOLDER]`: the ClickHouse gateway of one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import structlog
import typer

from runtime.errors import TidelakeError
from runtime.settings import settings
from stack.clickhouse.auth import account_of, readers_of


def main(
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; else the setting clickhouse_port.")] = None,
    path: Annotated[Path | None, typer.Option(help="Folder of the data; else clickhouse/ in TIDELAKE_HOME.")] = None,
) -> None:
    """Serve ClickHouse's HTTP interface over the engine in this process until SIGTERM."""
    from observe import logs
    from stack.clickhouse.server import serve

    logs.configure("clickhouse")
    values = settings()
    try:
        serve(
            path or values.home / "clickhouse",
            values.clickhouse_port if port is None else port,
            account_of(values.clickhouse.get_secret_value()),
            readers_of(values.clickhouse_analyst.get_secret_value()),
            memory_mb=values.clickhouse_memory_mb,
            queries=values.clickhouse_queries,
            grace_seconds=10.0,
        )
    except TidelakeError as error:
        structlog.get_logger().error("ClickHouse gateway cannot run", error=str(error))
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
