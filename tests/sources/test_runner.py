"""Records and their position are published together: killed anywhere, nothing is lost and nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from runtime.errors import Permanent, Retryable
from runtime.settings import Settings, settings
from streaming.clickhouse import connect
from streaming.sources import state
from streaming.sources.definition import Source
from streaming.sources.mapping import Accepted
from streaming.sources.publisher import Publisher, remembered
from streaming.sources.records import Batch, Memory, Row
from streaming.sources.runner import COUNTS, Runner
from streaming.sources.state import SourceState, State
from tests.sources.dying import in_a_process
from tests.sources.log import committed
from tests.sources.test_mapping import PLAIN, source

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

BATCHES, EACH, BAD_AT = 8, 50, 7


class Counting:
    """A reader of numbered sales, one of each batch bad; its position is the number of the next batch."""

    def read(self, memory: Memory) -> Iterator[Batch]:
        for number in range(memory.get("next", 0), BATCHES):
            yield Batch([self._row(number, at) for at in range(EACH)], {"next": number + 1})

    def _row(self, number: int, at: int) -> Row:
        fields = {**PLAIN, "sale_id": f"{number}-{at}", "amount": "nothing" if at == BAD_AT else "1.00"}
        return Row(f"batch {number}, row {at}", fields, f"{number}-{at}".encode())

    def close(self) -> None:
        """There is nothing to let go of."""


def counting_source(name: str) -> Source:
    return source().model_copy(update={"name": name})


def read_once(chosen: Settings, name: str, notes: list[SourceState]) -> None:
    """One reading in this process."""
    runner = Runner(chosen, counting_source(name), Counting, notes.append)
    try:
        runner.read()
    finally:
        runner.close()


def killed(name: str, kill_at: str | None) -> int:
    """One reading in a process of its own, which ends at that point."""
    return in_a_process(kill_at, reading_of, name)


def reading_of(name: str) -> None:
    read_once(settings(), name, [])


def ids(chosen: Settings, name: str) -> list[str]:
    return sorted(each["sale_id"] for each in committed(chosen, "events.files", name))


def everything() -> list[str]:
    return sorted(f"{number}-{at}" for number in range(BATCHES) for at in range(EACH) if at != BAD_AT)


def quarantined(name: str) -> int:
    """How many refused rows of this source are in the quarantine."""
    with closing(connect()) as client:
        query = "SELECT count() FROM quarantine FINAL WHERE hop = 'source' AND reason LIKE '%nothing%'"
        found: int = client.query(query).result_rows[0][0]
    return found


def test_killed_anywhere_nothing_is_lost_and_nothing_comes_twice(servers: Settings) -> None:
    """One process after the other is killed at another point: in its first batch, and behind it."""
    name = "killed"
    for time in (1, 2):
        for point in ("fetched", "quarantined", "produced", "committed"):
            assert killed(name, f"{point}:{time}") == -9
            found = ids(servers, name)
            assert len(set(found)) == len(found) < len(everything())
    assert killed(name, None) == 0
    assert ids(servers, name) == everything()
    total = BATCHES * EACH
    counts = {"read": total, "accepted": total - BATCHES, "quarantined": BATCHES}
    assert remembered(servers, name) == {"next": BATCHES, COUNTS: counts}


def test_a_reading_tells_how_it_fares(servers: Settings) -> None:
    notes: list[SourceState] = []
    before = quarantined("told")
    read_once(servers, "told", notes)
    assert [each.state for each in notes] == [State.RUNNING, State.WAITING]
    assert notes[-1].counts["quarantined"] == BATCHES
    assert quarantined("told") == before + BATCHES
    state.write(servers, notes[-1])
    state.write(servers, SourceState("told", "files", State.RETRYING, last_error="away"))
    told = state.read(servers)["told"]
    assert (told.state, told.last_error, told.last_read_at) == (State.RETRYING, "away", notes[-1].last_read_at)
    assert told.counts["read"] == BATCHES * EACH


def test_an_operators_word_is_kept(servers: Settings) -> None:
    state.want(servers, "asked", "files", enabled=False)
    assert not state.read(servers)["asked"].enabled
    state.want(servers, "asked", "files", enabled=True)
    told = state.read(servers)["asked"]
    assert told.enabled and told.start_requested_at is not None


def test_a_second_process_takes_the_source_over(servers: Settings) -> None:
    record = Accepted(b"k", b'{"source": "fenced"}')
    with Publisher(servers, "fenced") as older, Publisher(servers, "fenced") as newer:
        newer.publish("events.files", [record], {"at": 1})
        with pytest.raises(Permanent, match="another process has taken over"):
            older.publish("events.files", [record], {"at": 2})
    assert remembered(servers, "fenced") == {"at": 1}
    assert len(committed(servers, "events.files", "fenced")) == 1


def test_what_is_forgotten_is_gone(servers: Settings) -> None:
    with Publisher(servers, "forgetful") as publisher:
        publisher.publish("events.files", [], {"a": 1, "b": [2]})
        publisher.publish("events.files", [], {"a": None})
        assert publisher.memory == {"b": [2]}
    assert remembered(servers, "forgetful") == {"b": [2]}


def test_a_log_that_is_away_is_told(servers: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.topics.ANSWER_SECONDS", 1.0)
    with pytest.raises(Retryable):
        Publisher(servers.model_copy(update={"kafka": "127.0.0.1:1"}), "nowhere")


def test_a_failing_source_is_read_anew(servers: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    class Failing(Counting):
        def read(self, memory: Memory) -> Iterator[Batch]:
            calls.append(dict(memory))
            for number, batch in enumerate(super().read(memory)):
                if len(calls) == 1 and number == 2:
                    raise Retryable("the source is away")
                yield batch

    runner = Runner(servers, counting_source("failing"), Failing, lambda _: None)
    with pytest.raises(Retryable):
        runner.read()
    runner.read()
    runner.close()
    assert [each.get("next") for each in calls] == [None, 2]
    assert ids(servers, "failing") == everything()
