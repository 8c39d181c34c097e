"""How each source fares, kept in the platform's database for operators, status and evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from runtime.errors import Retryable
from runtime.settings import Settings

UPSERT = """
INSERT INTO source_states (name, kind, state, last_error, last_read_at, next_read_at, counts, detail, updated_at)
VALUES (
    %(name)s, %(kind)s, %(state)s, %(last_error)s, %(last_read_at)s, %(next_read_at)s, %(counts)s, %(detail)s, now()
)
ON CONFLICT (name) DO UPDATE SET
    kind = excluded.kind, state = excluded.state, last_error = excluded.last_error,
    last_read_at = coalesce(excluded.last_read_at, source_states.last_read_at),
    next_read_at = excluded.next_read_at, counts = source_states.counts || excluded.counts,
    detail = source_states.detail || excluded.detail, updated_at = now()
"""

ADD = """
INSERT INTO source_states (name, kind, state, detail) VALUES (%(name)s, %(kind)s, %(state)s, %(detail)s)
ON CONFLICT (name) DO UPDATE SET detail = source_states.detail || excluded.detail
"""

SELECT = """
SELECT name, kind, state, last_error, last_read_at, next_read_at, counts, detail, updated_at,
    enabled, start_requested_at
FROM source_states ORDER BY name
"""

WANT = """
INSERT INTO source_states (name, kind, state, enabled, start_requested_at)
VALUES (%(name)s, %(kind)s, 'stopped', %(enabled)s, CASE WHEN %(enabled)s THEN now() END)
ON CONFLICT (name) DO UPDATE SET
    enabled = excluded.enabled,
    start_requested_at = coalesce(excluded.start_requested_at, source_states.start_requested_at)
"""


CONNECTOR, ALARM = "connector", "alarm"
"""In the details of a source in PostgreSQL: the state of what reads its tables, and what a person has to know of it."""


BY_OPERATOR = "stopped by an operator"
"""Why a source rests that nothing else keeps from being read."""


class State(StrEnum):
    """What a source is doing; where two parts of it tell, the later one here counts."""

    RUNNING = "running"
    WAITING = "waiting"
    RETRYING = "retrying"
    STOPPED = "stopped"


@dataclass(frozen=True)
class SourceState:
    """How one source fares.

    Attributes:
        last_error: why it is retrying or stopped; None where it is well.
        last_read_at: when a reading last came to the source's end; None keeps the one that is known.
        next_read_at: when the next reading begins, where it waits for it.
        counts: records read, accepted and quarantined since its first reading.
        detail: what its kind has to tell besides.
        enabled: whether an operator lets it run.
        start_requested_at: when an operator last asked for a start.
    """

    name: str
    kind: str
    state: State
    last_error: str | None = None
    last_read_at: datetime | None = None
    next_read_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    updated_at: datetime | None = None
    enabled: bool = True
    start_requested_at: datetime | None = None


def write(chosen: Settings, state: SourceState) -> None:
    """Replaces what is told of a source; counts and details that are not named stay.

    Raises:
        Retryable: PostgreSQL does not answer.
    """
    told = {name: getattr(state, name) for name in ("name", "kind", "last_error", "last_read_at", "next_read_at")}
    documents = {"counts": json.dumps(dict(state.counts)), "detail": json.dumps(dict(state.detail))}
    with _cursor(chosen) as cursor:
        cursor.execute(UPSERT, {**told, **documents, "state": state.state.value})


def add(chosen: Settings, state: SourceState) -> None:
    """Adds the details to what is told of a source; everything else stays as it is.

    Raises:
        Retryable: PostgreSQL does not answer.
    """
    told = {"name": state.name, "kind": state.kind, "state": state.state.value}
    with _cursor(chosen) as cursor:
        cursor.execute(ADD, {**told, "detail": json.dumps(dict(state.detail))})


def read(chosen: Settings) -> dict[str, SourceState]:
    """What is told of every source, by name; of tables whose records a process maps, what both parts tell as one.

    Raises:
        Retryable: PostgreSQL does not answer.
    """
    with _cursor(chosen) as cursor:
        cursor.execute(SELECT)
        rows = cursor.fetchall()
    return {row[0]: _whole(SourceState(row[0], row[1], State(row[2]), *row[3:])) for row in rows}


def _whole(told: SourceState) -> SourceState:
    """The worse state of process and connector, with the errors of both. Details of another kind may be old ones."""
    if told.kind != "postgres" or CONNECTOR not in told.detail:
        return told
    states = list(State)
    worse = max(told.state, State(told.detail[CONNECTOR]), key=states.index)
    errors = dict.fromkeys(each for each in (told.last_error, told.detail.get(ALARM)) if each)
    return replace(told, state=worse, last_error="; ".join(errors) or None)


def want(chosen: Settings, name: str, kind: str, *, enabled: bool) -> None:
    """An operator's word: let a source run (again), or stop it.

    Raises:
        Retryable: PostgreSQL does not answer.
    """
    with _cursor(chosen) as cursor:
        cursor.execute(WANT, {"name": name, "kind": kind, "enabled": enabled})


@contextmanager
def _cursor(chosen: Settings) -> Iterator[Cursor]:
    """One transaction in the platform's database."""
    import psycopg2

    dsn = chosen.platform_dsn.get_secret_value()
    try:
        opened = psycopg2.connect(
            dsn, connect_timeout=5, application_name="tidelake-sources", options="-c timezone=UTC"
        )
        with closing(opened), opened, opened.cursor() as cursor:
            yield cursor
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise Retryable("PostgreSQL does not answer", received=str(error).strip()) from error
