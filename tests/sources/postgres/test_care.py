"""What reads a source's tables is part of how the source fares, whether a process maps its records or not."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest

from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.sources import state
from streaming.sources.postgres.care import Care
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.kept import kept
from streaming.sources.postgres.tend import Health
from streaming.sources.standing import rows
from streaming.sources.state import SourceState, State
from tests.sources.postgres import world

pytestmark = pytest.mark.servers

FIELDS = {"renamed": {"sale_id": "id"}, "mapped": {"sale_id": "id", "deleted": {"sql": "status = 'void'"}}}
READ = datetime(2026, 3, 1, tzinfo=UTC)
LOST = "the replication slot tidelake_x is lost"


@pytest.fixture(params=["renamed", "mapped"])
def source(request: pytest.FixtureRequest) -> PostgresSource:
    return world.defined(name=f"care-{request.param}", table="public.sales", fields=FIELDS[request.param])


Look = Callable[[Health], tuple[SourceState, tuple[object, ...]]]


@pytest.fixture
def look(servers: Settings, source: PostgresSource, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Has a source looked at, its connector being as told; gives how it fares as `sources` and answers tell it."""

    def looked(health: Health) -> tuple[SourceState, tuple[object, ...]]:
        monkeypatch.setattr("streaming.sources.postgres.care.tend", lambda *_: health)
        with closing(Care(servers)) as care:
            care.look([source], {}, whole=False)
            give_up = time.monotonic() + 20
            while (each := state.read(servers).get(source.name)) is None or each.detail["alarm"] != health.alarm:
                assert time.monotonic() < give_up, each
                time.sleep(0.05)
        if source.has_runner:
            state.write(servers, SourceState(source.name, source.kind, State.WAITING, last_read_at=READ))
        told = state.read(servers)
        (row,) = rows([source], told, (), (), READ)
        return told[source.name], row

    return looked


def test_an_alarm_shows_and_goes(source: PostgresSource, look: Look) -> None:
    told, row = look(Health("stopped", LOST, {"wal_status": "lost"}))
    assert (told.state, told.last_error, told.detail["wal_status"]) == (State.STOPPED, LOST, "lost")
    assert row[3:5] == ("stopped", LOST)
    _, row = look(Health("retrying", "Connect does not answer"))
    assert row[3:5] == ("retrying", "Connect does not answer")
    told, _ = look(Health("running", "no column cents"))
    assert (told.state in (State.RUNNING, State.WAITING), told.last_error) == (True, "no column cents")
    told, row = look(Health("running"))
    assert (told.state in (State.RUNNING, State.WAITING), told.last_error, row[4]) == (True, None, "")


def test_the_error_of_the_process_stands_beside_the_alarm(servers: Settings) -> None:
    def of(kind: str, now: State) -> SourceState:
        state.write(servers, SourceState("care-both", kind, now, "no such function"))
        return state.read(servers)["care-both"]

    detail = {"connector": "retrying", "alarm": "Connect does not answer"}
    state.add(servers, SourceState("care-both", "postgres", State.WAITING, detail=detail))
    told = of("postgres", State.STOPPED)
    assert (told.state, told.last_error) == (State.STOPPED, "no such function; Connect does not answer")
    assert of("postgres", State.RUNNING).state is State.RETRYING
    told = of("files", State.RUNNING)
    assert (told.state, told.last_error) == (State.RUNNING, "no such function"), "it is no table any more"


def test_one_at_a_time_holds_what_is_remembered_and_the_next_has_it_at_once(servers: Settings) -> None:
    for number in range(100):
        with kept(servers, "care-lock") as record:
            assert record.record.snapshot.get("number", number - 1) == number - 1
            record.record.snapshot = {"number": number}
            record.write()
            with pytest.raises(Retryable, match="another process tends care-lock"), kept(servers, "care-lock"):
                pass
