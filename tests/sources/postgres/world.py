"""What the tests of this folder do to the user's database, and how they look at what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from rankings.contract import parse
from rankings.sale import Deletion, Sale
from runtime.errors import Retryable
from runtime.settings import Settings
from stack.postgres import admin_dsn
from streaming.sources.catalogue import DEFINITION
from streaming.sources.postgres import database
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.reader import reader
from streaming.sources.postgres.script import script
from streaming.sources.postgres.tend import Health, resnapshot, tend
from streaming.sources.runner import Runner
from tests.sources.log import payloads

SECONDS = 180.0
"""Longest wait for what servers do; a busy machine is no failure."""

T = TypeVar("T")


def defined(**told: Any) -> PostgresSource:
    """A definition."""
    found = DEFINITION.validate_python({"kind": "postgres", **told})
    assert isinstance(found, PostgresSource)
    return found


@contextmanager
def owner() -> Iterator[Connection]:
    """The database's owner, in autocommit."""
    with closing(psycopg2.connect(admin_dsn("shop"))) as opened:
        opened.autocommit = True
        yield opened


def do(statement: str, *parameters: Any) -> None:
    """One or several statements as the owner."""
    with owner() as opened, opened.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def ask(statement: str) -> list[tuple[Any, ...]]:
    """What a query as the owner answers."""
    with owner() as opened, opened.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def prepare(source: PostgresSource, chosen: Settings) -> None:
    """Runs what `tidelake sources sql` prints, as the database's owner does."""
    with owner() as opened:
        tables = database.tables(opened, source.tables)
        with opened.cursor() as cursor:
            cursor.execute(script(source, chosen, tables))


def until(reached: Callable[[], T], seconds: float = SECONDS, look: Callable[[], object] | None = None) -> T:
    """What `reached` gives as soon as it is true; servers that are away for a moment are asked again.

    Args:
        look: what a failure tells, in place of what `reached` gave last.
    """
    give_up = time.monotonic() + seconds
    last: T | None = None
    away: Retryable | None = None
    while time.monotonic() < give_up:
        try:
            last, away = reached(), None
        except Retryable as error:
            away = error
        else:
            if last:
                return last
        time.sleep(0.1)
    raise AssertionError(f"not reached within {seconds:.0f} s: {look() if look else last}; away: {away}")


def well(source: PostgresSource, chosen: Settings, seconds: float = SECONDS) -> Health:
    """Tends a source until it runs without an alarm and without a reading of all rows under way."""
    done = ("running", "done")
    return _reached(source, chosen, lambda each: (each.state, each.detail.get("snapshot")) == done, seconds)


def again(source: PostgresSource, chosen: Settings) -> None:
    """Asks for a reading of all rows, as the command does."""

    def asked() -> bool:
        resnapshot(source, chosen)
        return True

    until(asked)


def alarmed(source: PostgresSource, chosen: Settings, word: str) -> Health:
    """Tends a source until its alarm has a word."""
    return _reached(source, chosen, lambda each: word in each.alarm)


def _reached(
    source: PostgresSource, chosen: Settings, wanted: Callable[[Health], bool], seconds: float = SECONDS
) -> Health:
    found: list[Health] = []

    def looked() -> bool:
        found.append(tend(source, chosen))
        return wanted(found[-1])

    until(looked, seconds, lambda: (found[-1:], *_at_connect(source, chosen)))
    return found[-1]


def _at_connect(source: PostgresSource, chosen: Settings) -> Iterator[object]:
    """A connector's parts and its position, as far as Connect answers."""
    with suppress(Retryable):
        yield Connect(chosen).status(source.name)
        yield Connect(chosen).position(source.name)


def sales(source: PostgresSource, chosen: Settings) -> dict[str, Sale]:
    """The sales that the log tells, by id; a record that the contract refuses changes nothing, as everywhere."""
    found: dict[str, Sale] = {}
    for payload in payloads(chosen, source.into, source.name):
        said = parse(payload)
        if isinstance(said, Sale):
            found[said.sale_id] = said
        elif isinstance(said, Deletion):
            found.pop(said.sale_id, None)
    return found


def refused(source: PostgresSource, chosen: Settings) -> list[str]:
    """Why the contract refuses records of the log."""
    said = (parse(payload) for payload in payloads(chosen, source.into, source.name))
    return [each.reason for each in said if not isinstance(each, Sale | Deletion) and hasattr(each, "reason")]


def amounts(source: PostgresSource, chosen: Settings) -> dict[str, Decimal]:
    """The amount of every sale."""
    return {name: sale.amount for name, sale in sales(source, chosen).items()}


def forget(source: PostgresSource, chosen: Settings) -> None:
    """Ends a source's connector, and its slot."""
    connect = Connect(chosen)
    if connect.present(source.name) is not None:
        connect.stop(source.name)
        connect.delete(source.name)
    drop_slot(source)


def drop_slot(source: PostgresSource) -> None:
    """Drops a source's slot as soon as nobody reads it any more."""

    def drop() -> bool:
        with owner() as opened, suppress(psycopg2.errors.ObjectInUse):
            database.drop_slot(opened, source.slot_name)
            return True
        return False

    until(drop)


@contextmanager
def runner(source: PostgresSource, chosen: Settings) -> Iterator[Callable[[], None]]:
    """Reads a mapped source to the present end, again and again, as its process does."""
    one = Runner(chosen, source, lambda: reader(source, chosen), lambda _: None)
    try:
        yield one.read
    finally:
        one.close()
