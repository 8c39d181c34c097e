"""The commands that only sources in PostgreSQL have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streaming.sources.postgres.definition import PostgresSource

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name in its definition.")]
Wait = Annotated[bool, typer.Option(help="Return when all rows are read.")]

POLL_SECONDS = 1.0


def print_sql(name: Name) -> None:
    """Print what the owner of a source's database has to run; it is never run by the platform."""
    from runtime.errors import Retryable
    from runtime.settings import settings
    from streaming.sources.postgres import database
    from streaming.sources.postgres.script import script

    source = _postgres(name)
    try:
        with database.connected(source, settings()) as opened:
            tables = database.tables(opened, source.tables)
    except Retryable as error:
        typer.echo(f"-- the tables could not be looked at: {error.wrong}", err=True)
        tables = {}
    typer.echo(script(source, settings(), tables), nl=False)


def resnapshot(name: Name, wait: Wait = True) -> None:
    """Read all rows of a source once more, and delete the sales whose rows are gone: after a lost slot, above all."""
    from rich.console import Console

    from runtime.errors import Retryable
    from runtime.settings import settings
    from streaming.sources.postgres import snapshot
    from streaming.sources.postgres.tend import resnapshot as ask
    from streaming.sources.postgres.tend import tend

    source = _postgres(name)
    with Console(stderr=True).status("asking for it") as status:
        _patiently(lambda: ask(source, settings()))
        phase = snapshot.ASKED
        while wait and phase in snapshot.UNDER_WAY:
            time.sleep(POLL_SECONDS)
            try:
                phase = tend(source, settings()).detail["snapshot"]
                status.update(f"{name}: {phase}")
            except Retryable as error:
                status.update(f"{name}: {error.wrong}")
    typer.echo(f"{name} is read again" if wait else f"{name} is being read again")


def _patiently(action: object) -> None:
    """The keeper of the sources holds a source's record for moments only."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

    from runtime.errors import Retryable

    again = Retrying(
        retry=retry_if_exception_type(Retryable), stop=stop_after_delay(90), wait=wait_random(0.1, 0.5), reraise=True
    )
    again(action)  # type: ignore[arg-type]


def _postgres(name: str) -> PostgresSource:
    """The definition of that name.

    Raises:
        Permanent: there is none, or it is of another kind.
    """
    from runtime.errors import Permanent
    from runtime.settings import settings
    from streaming.sources.catalogue import source
    from streaming.sources.postgres.definition import PostgresSource

    found = source(settings(), name)
    if not isinstance(found, PostgresSource):
        raise Permanent("only sources in PostgreSQL have this", received=f"{name} ({found.kind})")
    return found
