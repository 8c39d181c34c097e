"""Message ids are remembered with the records, the newest of them, in values that fit into the log."""

from __future__ import annotations

from typing import Any

from streaming.sources.soap.seen import CHUNK, FILLED, Seen, digest


def remembering(memory: dict[str, Any], most: int, ids: list[str]) -> None:
    for name, value in Seen(memory, most).add(ids).items():
        if value is None:
            del memory[name]
        else:
            memory[name] = value


def test_ids_are_known_to_the_next_reading() -> None:
    memory: dict[str, Any] = {}
    remembering(memory, 10, ["a", "b"])
    assert "a" in Seen(memory, 10)
    assert "c" not in Seen(memory, 10)


def test_small_answers_share_a_value_and_large_ones_have_several() -> None:
    memory: dict[str, Any] = {}
    for number in range(50):
        remembering(memory, 100_000, [str(number)])
    assert list(memory) == ["seen/1"]
    remembering(memory, 100_000, [str(number) for number in range(50, 30_000)])
    assert all(len(value) <= CHUNK for value in memory.values())
    assert sum(map(len, memory.values())) == 30_000


def test_the_oldest_are_forgotten_and_never_more_than_told() -> None:
    memory: dict[str, Any] = {}
    for begin in range(0, 20_000, FILLED):
        remembering(memory, 5_000, [str(number) for number in range(begin, begin + FILLED)])
    seen = Seen(memory, 5_000)
    assert all(str(number) in seen for number in range(15_000, 20_000))
    assert "0" not in seen
    assert sum(map(len, memory.values())) < 5_000 + CHUNK


def test_nothing_new_changes_nothing() -> None:
    assert Seen({"seen/1": ["a"]}, 10).add([]) == {}


def test_digests_are_short_and_differ() -> None:
    assert len({digest(str(number).encode()) for number in range(10_000)}) == 10_000
    assert {len(digest(str(number).encode())) for number in range(100)} == {22}
