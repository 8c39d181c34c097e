"""How versions, drift and checks look on a terminal, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from batch.checks import Check
from batch.drift import COLUMNS, Drift
from batch.history import SaleChange, SubjectChange, Version
from batch.source import Audit

if TYPE_CHECKING:
    from rich.table import Table

SHOWN_SALES = 100


def publications(found: Sequence[Version], *, as_json: bool) -> None:
    """The versions, one a line."""
    if as_json:
        _json([{**_facts(each), "certificate": each.row.certificate.as_json()} for each in found])
        return
    table = _table("", "version", "through (UTC)", "published (UTC)", "chain", "sales", "drifted", "state")
    for each in found:
        row, certificate = each.row, each.row.certificate
        chain = f"{certificate.versions[0]}-{certificate.versions[-1]}" if len(certificate.versions) > 1 else "new"
        state = f"{row.status}: {row.error}" if row.error else row.status
        cells = [row.version, _at(certificate.through), _at(row.published_at), chain, f"{certificate.states.sales:,}"]
        table.add_row("●" if each.current else "", *map(str, cells), f"{certificate.drifted:,}", state)
    _print(table)


def _facts(each: Version) -> dict[str, Any]:
    row = each.row
    return {
        "version": row.version,
        "current": each.current,
        "status": row.status,
        "started_at": row.started_at.isoformat(),
        "published_at": row.published_at and row.published_at.isoformat(),
        "error": row.error,
    }


def drift(version: int, summary: Sequence[Drift], rows: Sequence[Sequence[Any]], *, as_json: bool) -> None:
    """A version's drift: its sums by cause, and the rows that differ most."""
    if as_json:
        listed = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        _json({"version": version, "summary": [asdict(each) for each in summary], "rows": listed})
        return
    if not summary:
        typer.echo(f"version {version}: live and the log agree")
        return
    table = _table("ranking", "currency", "cause", "sums", "difference", "sales")
    for each in summary:
        table.add_row(each.ranking, each.currency, each.cause, f"{each.rows:,}", f"{each.amount:,}", f"{each.sales:,}")
    _print(table)
    details = _table("ranking", "day", "currency", "subject", "live", "log", "cause")
    for _, ranking, day, currency, subject, live, log, _, _, cause in rows:
        details.add_row(ranking, str(day), currency, ", ".join(subject), f"{live:,}", f"{log:,}", cause)
    _print(details)


def diff(subjects: Sequence[SubjectChange], sales: Sequence[SaleChange], *, as_json: bool) -> None:
    """The subjects that changed, and the sales that changed them."""
    if as_json:
        _json({"subjects": [asdict(each) for each in subjects], "sales": [asdict(each) for each in sales]})
        return
    table = _table("currency", "subject", "was", "is", "sales were", "sales are")
    for each in subjects:
        cells = f"{each.was_amount:,}", f"{each.amount:,}", f"{each.was_sales:,}", f"{each.sales:,}"
        table.add_row(each.currency, ", ".join(each.subject), *cells)
    _print(table)
    details = _table("source", "sale", "was", "is")
    for sale in sales[:SHOWN_SALES]:
        details.add_row(sale.source, sale.sale_id, _told(sale.was), _told(sale.now))
    _print(details)
    if len(sales) > SHOWN_SALES:
        typer.echo(f"and {len(sales) - SHOWN_SALES:,} sales more: --json lists all")


def checks(found: Sequence[Check], as_json: bool) -> bool:
    """What was compared; whether all of it holds."""
    holds = all(each.holds for each in found)
    if as_json:
        _json({"holds": holds, "checks": [{**asdict(each), "holds": each.holds} for each in found]})
        return holds
    for each in found:
        typer.echo(f"{'✓' if each.holds else '✗'} {each}")
    return holds


def audit(found: Audit, as_json: bool) -> bool:
    """How source and log compare; whether they agree."""
    holds = not found.sales
    if as_json:
        sales = [{"sale_id": key, "source": source, "log": log} for key, source, log in found.sales]
        _json({**asdict(found), "sales": sales, "holds": holds})
        return holds
    typer.echo(f"at {_at(found.moment)} UTC: {found.source:,} sales in the source, {found.log:,} by the log")
    if found.days and found.sales:
        table = _table("day", "currency", "source: sales", "sum", "log: sales", "sum")
        for day in found.days:
            table.add_row(*map(str, day))
        _print(table)
    if found.sales:
        table = _table("sale", "source", "log")
        for key, source, log in found.sales[:SHOWN_SALES]:
            table.add_row(key, _told(source), _told(log))
        _print(table)
    typer.echo("they agree" if holds else f"{len(found.sales):,} sales differ")
    return holds


def _told(fields: dict[str, Any] | None) -> str:
    return "—" if fields is None else ", ".join(str(value) for value in fields.values() if value is not None)


def _at(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"


def _json(content: object) -> None:
    typer.echo(json.dumps(content, indent=2, default=str))


def _table(*titles: str) -> Table:
    from rich.table import Table

    return Table(*titles, box=None, pad_edge=False, header_style="dim")


def _print(table: Table) -> None:
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=200)).print(table)
