"""`tidelake keys`: who may call the API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from runtime.errors import Permanent, Retryable

if TYPE_CHECKING:
    from serving.key_admin import KeyAdmin, KnownKey

UNITS = {"m": "minutes", "h": "hours", "d": "days"}

keys = typer.Typer(help="API keys: create, list, expire, revoke, rotate.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="How the key begins, as `list` shows it.")]
In = Annotated[str, typer.Option("--in", metavar="TIME", help="From when on: 30m, 12h, 90d.")]


def register(app: typer.Typer) -> None:
    """Adds `keys` to the command."""
    app.add_typer(keys, name="keys")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="For whom it is.")],
    scope: Annotated[list[str] | None, typer.Option(help="`read` or `operate`; repeatable. Default: read.")] = None,
    expires: Annotated[str, typer.Option("--expires-in", metavar="TIME", help="30m, 12h, 90d; never if empty.")] = "",
) -> None:
    """Make a key, and show it: nobody can see it a second time."""
    ends = datetime.now(UTC) + span(expires) if expires else None
    with _admin() as admin:
        typer.echo(admin.create(name, scope or ["read"], ends))


@keys.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """List all keys; never the keys themselves."""
    with _admin() as admin:
        known = admin.all()
    if as_json:
        typer.echo(json.dumps([_as_json(each) for each in known], indent=2))
    else:
        _show(known)


@keys.command()
def expire(key_id: KeyId, after: In = "0m") -> None:
    """Have a key be refused from some time on; now, unless said."""
    with _admin() as admin:
        at = admin.expire(key_id, datetime.now(UTC) + span(after))
    typer.echo(f"{key_id} expires at {at:%Y-%m-%d %H:%M:%S} UTC", err=True)


@keys.command()
def revoke(key_id: KeyId) -> None:
    """Take a key back for ever; the API refuses it after TIDELAKE_API_KEY_RECHECK_SECONDS."""
    with _admin() as admin:
        admin.revoke(key_id)
    typer.echo(f"{key_id} is revoked", err=True)


@keys.command()
def rotate(key_id: KeyId, grace: In = "24h") -> None:
    """Make a key in place of another, which goes on working for a while (a day, unless said)."""
    with _admin() as admin:
        typer.echo(admin.rotate(key_id, span(grace)))


def span(text: str) -> timedelta:
    """A time span.

    Raises:
        Permanent: it is not one.

    >>> span("90d").days
    90
    """
    match = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if match is None:
        raise Permanent("not a time span", received=text, valid="a number of minutes, hours or days: 30m, 12h, 90d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


@contextmanager
def _admin() -> Iterator[KeyAdmin]:
    """One transaction on the keys.

    Raises:
        Retryable: PostgreSQL does not answer.
    """
    import psycopg2

    from runtime.settings import settings
    from serving.key_admin import KeyAdmin

    try:
        opened = psycopg2.connect(settings().platform_dsn.get_secret_value(), connect_timeout=3)
    except psycopg2.OperationalError as error:
        raise Retryable(
            "PostgreSQL does not answer", received=str(error).strip(), todo="see `tidelake status`"
        ) from error
    with closing(opened), opened:
        yield KeyAdmin(opened)


def _as_json(key: KnownKey) -> dict[str, object]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": key.scopes,
        "state": key.state(datetime.now(UTC)),
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _show(known: tuple[KnownKey, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("key", "for", "scopes", "state", "created", "expires", box=None)
    for key in known:
        expires = f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "never"
        scopes = ", ".join(key.scopes)
        row = (key.key_id, key.name, scopes, key.state(datetime.now(UTC)), f"{key.created_at:%Y-%m-%d %H:%M}", expires)
        table.add_row(*row)
    Console(highlight=False).print(table)
