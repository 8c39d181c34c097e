"""The commands of the live path."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

import streaming.quarantine.commands as quarantine
import streaming.sources.commands as sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.settings import Settings

TAKEN_SECONDS = 60.0
"""Within this time a keeper that runs has begun a rebuild."""

POLL_SECONDS = 0.5

live = typer.Typer(help="The live job.", no_args_is_help=True)

Wait = Annotated[bool, typer.Option(help="Return when live has read the whole log again.")]


def register(app: typer.Typer) -> None:
    """Adds `live`, `sources` and `quarantine` to the command."""
    app.add_typer(live, name="live")
    sources.register(app)
    quarantine.register(app)


@live.command()
def rebuild(wait: Wait = True) -> None:
    """Make the live job's state anew from the whole log; answers go on meanwhile, and say how far live has read."""
    from rich.console import Console

    from runtime.settings import settings
    from streaming import rebuild as rebuilding
    from streaming.clickhouse import connect

    with closing(connect()) as client, Console(stderr=True).status("asking the keeper of the jobs") as status:
        before = _job(settings())
        rebuilding.request(settings(), client, datetime.now(UTC))
        _until_started(settings(), before)
        if wait:
            _until_read(client, datetime.now(UTC), status.update)
    typer.echo("live is rebuilt" if wait else "live is being rebuilt")


def _job(chosen: Settings) -> str | None:
    """The id of the live job that runs.

    Raises:
        Retryable: the JobManager does not answer.
    """
    import httpx

    from runtime.errors import Retryable
    from streaming.jobs.live import NAME
    from streaming.keeper import running

    try:
        return running(chosen.flink).get(NAME)
    except httpx.HTTPError as error:
        raise Retryable("Flink does not answer", received=str(error), todo="see `tidelake status`") from error


def _until_started(chosen: Settings, before: str | None) -> None:
    """Waits until a live job that began from nothing runs.

    Raises:
        Retryable: the keeper has not taken up the request; it is withdrawn then.
    """
    from runtime.errors import Retryable
    from streaming import rebuild as rebuilding

    give_up = time.monotonic() + TAKEN_SECONDS
    while rebuilding.requested(chosen) or _job(chosen) in (None, before):
        if time.monotonic() > give_up and rebuilding.requested(chosen):
            rebuilding.withdraw(chosen)
            raise Retryable("the keeper of the jobs did not begin the rebuild", todo="see `tidelake logs jobs`")
        time.sleep(POLL_SECONDS)


def _until_read(client: Any, since: datetime, note: Callable[[str], None]) -> None:
    """Waits until the live job has read everything that the log took before `since`."""
    from rankings.render.clickhouse import progress

    while True:
        rows = client.query(progress()).result_rows
        if rows and min(seen.replace(tzinfo=UTC) for _, seen, _, _ in rows) >= since:
            return
        note(f"reading the log: {sum(lag for *_, lag in rows):,} records to go")
        time.sleep(POLL_SECONDS)
