"""`tidelake quarantine`: what was refused, why, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runtime.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streaming.quarantine.correct import Correction
    from streaming.quarantine.records import Record, Wanted
    from streaming.quarantine.replay import Replayed
    from streaming.quarantine.store import Quarantine

MOST = 1_000_000
"""Most records that one command replays or discards."""

quarantine = typer.Typer(help="Records that were refused: list, show, replay, discard.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="ID", help="The record's id, or how it begins.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of records, or how they begin.")]
State = Annotated[str, typer.Option(help="`open`, `replayed`, `discarded`, `superseded` or `all`.")]
Source = Annotated[str, typer.Option(help="Only records of this source.")]
Topic = Annotated[str, typer.Option(help="Only records of this topic.")]
Hop = Annotated[str, typer.Option(help="Only records that were refused there: `source`, `stream` or `batch`.")]
Field = Annotated[str, typer.Option(help="Only records in which this field is wrong.")]
Limit = Annotated[int, typer.Option(min=1, max=MOST, help="Most records to list.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Every = Annotated[bool, typer.Option("--all", help="Every open record that the options describe.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Also records that are not open any more.")]
Why = Annotated[str, typer.Option(help="The reason, for the history.")]
By = Annotated[str, typer.Option(help="Who does this, for the history; you, unless said.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Correct a field; repeatable.")]
Raw = Annotated[bool, typer.Option("--raw", help="The payload alone, byte for byte, as it came.")]
Payload = Annotated[Path | None, typer.Option(help="A file whose content takes the place of the record.")]


def register(app: typer.Typer) -> None:
    """Adds `quarantine` to the command."""
    app.add_typer(quarantine, name="quarantine")


@quarantine.command("list")
def list_(
    *,
    state: State = "open",
    source: Source = "",
    topic: Topic = "",
    hop: Hop = "",
    field: Field = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List records, the one last refused first, and how many sales the answers may be missing."""
    from streaming.quarantine import view

    wanted = _wanted(state, source, topic, hop, field)
    with _opened() as held:
        records, total, missing = held.search(wanted, limit), held.count(wanted), held.missing()
    if as_json:
        view.print_json({"total": total, "missing_sales": missing, "records": [view.as_json(each) for each in records]})
    else:
        view.listed(records, total, missing)


@quarantine.command()
def show(name: Name, as_json: AsJson = False, raw: Raw = False) -> None:
    """Show a record: the payload, what is wrong with it, and its whole history."""
    from streaming.quarantine import view

    with _opened() as held:
        record = held.record(name)
        history, origin = held.history(record.id), held.origin(record.id)
    if raw:
        view.write_bytes(record.payload)
    elif as_json:
        told = [view.event_as_json(each) for each in history]
        view.print_json({**view.as_json(record), "replay_of": origin, "history": told})
    else:
        view.shown(record, history, origin)


@quarantine.command()
def replay(
    names: Names = None,
    *,
    every: Every = False,
    source: Source = "",
    topic: Topic = "",
    hop: Hop = "",
    field: Field = "",
    set_: Set = None,
    payload: Payload = None,
    why: Why = "",
    by: By = "",
    anyway: Anyway = False,
) -> None:
    """Send records through the normal way again, corrected or not; exits with 1 if one is refused again."""
    from runtime.settings import settings
    from streaming.quarantine import view
    from streaming.quarantine.records import this_person
    from streaming.quarantine.replay import Replayer
    from streaming.quarantine.settle import Settler
    from streaming.sources import catalogue

    correction = _correction(set_, payload)
    if payload is not None and len(names or ()) != 1:
        raise Permanent("--payload corrects one record", received=f"{len(names or ())} ids", valid="one id")
    with _opened() as held:
        with Settler(settings(), held) as settler:
            settler.settle()
        records = _chosen(held, names, every, _wanted("open", source, topic, hop, field), anyway)
        replayer = Replayer(settings(), held, lambda name: catalogue.source(settings(), name), by or this_person())
        done = list(_told(replayer.replay(records, correction, why)))
    view.summed(done)
    raise typer.Exit(1 if any(each.to is None for each in done) else 0)


@quarantine.command()
def discard(
    names: Names = None,
    *,
    why: Why,
    every: Every = False,
    source: Source = "",
    topic: Topic = "",
    hop: Hop = "",
    field: Field = "",
    by: By = "",
    anyway: Anyway = False,
) -> None:
    """Close records without replaying them; the answers no longer count them as missing."""
    from streaming.quarantine.records import this_person
    from streaming.quarantine.replay import discard as close

    if not why.strip():
        raise Permanent("a discard needs a reason", received=why, todo="say it with --why")
    with _opened() as held:
        records = _chosen(held, names, every, _wanted("open", source, topic, hop, field), anyway)
        close(held, records, by or this_person(), why)
    typer.echo(f"{len(records):,} discarded")


@contextmanager
def _opened() -> Iterator[Quarantine]:
    from streaming.quarantine.store import quarantine as opened

    with opened() as held:
        yield held


def _wanted(state: str, source: str, topic: str, hop: str, field: str) -> Wanted:
    from streaming.quarantine.records import STATES, Wanted

    if state not in (*STATES, "all"):
        raise Permanent("no such state", received=state, valid=", ".join((*STATES, "all")))
    return Wanted("" if state == "all" else state, source, topic, hop, field)


def _correction(values: list[str] | None, payload: Path | None) -> Correction:
    from streaming.quarantine.correct import Correction

    found: dict[str, str] = {}
    for each in values or ():
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise Permanent("a correction names a field and its value", received=each, valid="--set amount=12.30")
        found[name] = value
    try:
        return Correction(payload.read_bytes() if payload else None, found)
    except OSError as error:
        raise Permanent("the corrected record cannot be read", received=str(error)) from error


def _chosen(held: Quarantine, names: list[str] | None, every: bool, wanted: Wanted, anyway: bool) -> list[Record]:
    """The records that a command is about, in the order in which they came."""
    if bool(names) == every:
        raise Permanent("which records is not clear", valid="ids, or --all with options that describe them")
    records = held.search(wanted, MOST) if every else [held.record(each) for each in names or ()]
    closed = [each for each in records if each.state != "open"]
    if closed and not anyway:
        told = ", ".join(f"{each.id} is {each.state}" for each in closed[:5])
        todo = "a replay could put an old state in place of a newer one: if that is meant, say --anyway"
        raise Permanent("not every record is open", received=told, valid="open ones", todo=todo)
    return sorted(records, key=lambda each: (each.order_time, each.topic, each.partition, each.offset))


def _told(done: Iterable[Replayed]) -> Iterator[Replayed]:
    """The outcome of each, which is also said as it becomes known."""
    from streaming.quarantine import view

    for each in done:
        view.replayed(each)
        yield each
