"""The command of the reconciliation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from batch.reconcile import AlreadyPublished, Published

Through = Annotated[
    str,
    typer.Option(
        help="The log time to go up to: `midnight` (the last one of the business time zone), `now`, or ISO 8601."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the certificate, for programs.")]


def register(app: typer.Typer) -> None:
    """Adds the batch's commands."""
    app.command()(reconcile)


def reconcile(through: Through = "midnight", as_json: AsJson = False) -> None:
    """Recompute the history from the lake, compare it with the live figures, and publish it as a new version."""
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    from rich.console import Console

    from batch import progress
    from batch.boundary import boundary
    from batch.reconcile import reconcile as run
    from observe import logs
    from runtime.settings import settings

    # The view shows every step; log lines on the same terminal would tear it.
    logs.configure("reconcile", terminal=False)
    wanted = boundary(through, datetime.now(UTC), ZoneInfo(settings().business_time_zone))
    with progress.shown(Console(stderr=True)) as view:
        outcome = run(wanted, settings(), progress=view)
    _show(outcome, as_json)


def _show(outcome: Published | AlreadyPublished, as_json: bool) -> None:
    import json

    from batch.reconcile import AlreadyPublished

    if isinstance(outcome, AlreadyPublished):
        typer.echo(
            json.dumps({"version": outcome.version}) if as_json else f"already published as version {outcome.version}"
        )
        return
    certificate = outcome.certificate
    if as_json:
        typer.echo(json.dumps({"version": outcome.version, **certificate.as_json()}, indent=2))
        return
    typer.echo(
        f"published version {outcome.version} through {certificate.through:%Y-%m-%d %H:%M:%S} UTC: "
        f"{certificate.states.sales:,} sales from {certificate.records:,} records; {certificate.refused:,} refused; "
        f"{certificate.drifted:,} sums differed from the live ones"
    )
