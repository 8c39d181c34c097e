"""The commands of the reconciliation, of its versions, and of the lake's care."""

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
Full = Annotated[bool, typer.Option("--full", help="Read all of the log again, and begin a new chain of versions.")]
Accept = Annotated[
    str | None, typer.Option("--accept-drift", help="Publish whatever the drift is; the reason goes to the ledger.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Version = Annotated[int, typer.Argument(min=1, help="A version, as `tidelake publications` lists them.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="How many rows to show, greatest difference first.")]


def register(app: typer.Typer) -> None:
    """Adds the batch's commands."""
    for command in (reconcile, publications, rollback, drift, diff, verify, care, nightly, forget):
        app.command()(command)


def reconcile(
    through: Through = "midnight", full: Full = False, accept_drift: Accept = None, as_json: AsJson = False
) -> None:
    """Bring the history up to a boundary, compare it with the live figures, and publish it as a new version.

    Ended anywhere, the same command goes on from there.
    """
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
        outcome = run(wanted, settings(), full=full, accepted=accept_drift, progress=view)
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


def publications(
    all_runs: Annotated[bool, typer.Option("--all", help="Runs that were not published, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the published versions; answers are pinned to the one that is marked."""
    from batch import show
    from batch.history import publications as listed
    from runtime.settings import settings

    show.publications(listed(settings(), all_runs=all_runs), as_json=as_json)


def rollback(version: Version) -> None:
    """Pin all answers to a version that was published before."""
    from batch.history import rollback as run
    from observe import logs
    from runtime.settings import settings

    logs.configure("reconcile", terminal=False)
    publication = run(version, settings())
    typer.echo(
        f"answers are pinned to version {publication.version}, through {publication.boundary:%Y-%m-%d %H:%M:%S} UTC"
    )


def drift(
    version: Annotated[int | None, typer.Option(min=1, help="Whose drift; the last run's without it.")] = None,
    limit: Most = 20,
    as_json: AsJson = False,
) -> None:
    """Show the sums that live had otherwise than the log, and why."""
    from batch import show
    from batch.drift import kept
    from runtime.settings import settings

    number, summary, rows = kept(settings(), version, limit)
    show.drift(number, summary, rows, as_json=as_json)


def diff(
    base: Version,
    version: Version,
    ranking: Annotated[str, typer.Argument(help="A ranking's name.")],
    limit: Most = 20,
    as_json: AsJson = False,
) -> None:
    """Show which subjects of a ranking changed between two versions, and by which sales."""
    from batch import show
    from batch.history import diff as run
    from batch.spark import session
    from observe import logs
    from rankings.catalogue import RANKINGS
    from rankings.catalogue import ranking as named
    from runtime.errors import Permanent
    from runtime.settings import settings

    logs.configure("reconcile", terminal=False)
    known = ", ".join(each.name for each in RANKINGS)
    if ranking not in known.split(", "):
        raise Permanent("there is no such ranking", received=ranking, valid=known)
    with session(settings()) as spark:
        subjects, sales = run(spark, base, version, named(ranking), limit)
    show.diff(subjects, sales, as_json=as_json)


def verify(
    version: Annotated[int | None, typer.Argument(min=1, help="A version; the current one without it.")] = None,
    source: Annotated[bool, typer.Option("--source", help="Compare with the source database, at one moment.")] = False,
    as_json: AsJson = False,
) -> None:
    """Recompute a version from the lake and compare it with its certificate and the stores; 1 if anything differs."""
    from rich.console import Console

    from batch import progress, show
    from batch.audit import audit, check
    from observe import logs
    from runtime.settings import settings

    logs.configure("reconcile", terminal=False)
    with progress.shown(Console(stderr=True)) as view:
        holds = (
            show.audit(audit(settings(), view), as_json)
            if source
            else show.checks(check(settings(), version, view), as_json)
        )
    raise typer.Exit(0 if holds else 1)


def care() -> None:
    """Keep lake and stores small and quick: compaction, expiry, orphans. Answers stay the same."""
    from rich.console import Console

    from batch import progress
    from batch.care import care as run
    from observe import logs
    from runtime.settings import settings

    logs.configure("care", terminal=False)
    with progress.shown(Console(stderr=True)) as view:
        run(settings(), view)


def nightly() -> None:
    """Publish a version for every business midnight that was missed, then care for the lake: for any scheduler."""
    from rich.console import Console

    from batch import progress
    from batch.nightly import nightly as run
    from observe import logs
    from runtime.settings import settings

    logs.configure("nightly", terminal=False)
    with progress.shown(Console(stderr=True)) as view:
        versions = run(settings(), view)
    typer.echo(f"published {', '.join(map(str, versions))}" if versions else "nothing was missed")


def forget(
    salesman: Annotated[
        str | None, typer.Option(help="A salesman's id: the person's sales stay, without them.")
    ] = None,
    sale: Annotated[str | None, typer.Option(help="A sale, as SOURCE/ID: it is deleted.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: nothing of it can be taken back.")] = False,
) -> None:
    """Forget one person or one sale wherever the platform keeps them, and say what can't be forgotten."""
    from rich.console import Console

    from batch import progress
    from batch.forget import LEFT, Asked
    from batch.forget import forget as run
    from observe import logs
    from runtime.errors import Permanent
    from runtime.settings import settings

    if (salesman is None) == (sale is None) or (sale is not None and "/" not in sale) or not yes:
        raise Permanent(
            "say whom or what to forget, and that it is meant",
            valid="--salesman ID --yes, or --sale SOURCE/ID --yes",
        )
    logs.configure("forget", terminal=False)
    source, _, number = (sale or "").partition("/")
    with progress.shown(Console(stderr=True)) as view:
        count = run(Asked(salesman, (source, number) if sale else None), settings(), view)
    typer.echo(f"{count:,} sales rewritten; versions before this one are gone. What stays:")
    for each in LEFT:
        typer.echo(f"- {each}")
