"""A thousand callers of a cold key make one query; rubbish and a dead cache make answers slower, never wrong."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TypeVar

import pytest
import structlog
from pydantic import SecretStr

from rankings.catalogue import TOP_SALES_PER_CITY
from rankings.render.clickhouse import View
from serving.asked import Asked
from serving.breaker import Breaker
from serving.cache import RedisCache
from serving.cached import CachedFigures, Place, packed, unpacked
from serving.found import Entry, Found, Publication, Ranked
from serving.ports import Cache, StoreAway
from serving.stores.memory import MemoryCache
from tests.serving.conftest import redis_server
from tests.serving.world import NOW, Caller, Clock, Doubles, publication, standing

T = TypeVar("T")

FOUND = Found(
    Ranked(
        (Entry(1, ("日本", "東京"), Decimal("12345678901234567890123456789012345.67"), 3, (None,)),),
        Decimal("0.10"),
        Decimal(7),
    ),
    standing(publication(3, NOW)),
    NOW,
)


def at(name: str, milliseconds: int = 60_000) -> Callable[[], Place]:
    """Somewhere in the cache."""
    return lambda: Place(Asked(TOP_SALES_PER_CITY, View.MERGED, "EUR"), name, "1", milliseconds)


class Maker:
    """Makes figures slowly, and counts how often."""

    def __init__(self, seconds: float = 0.05, error: Exception | None = None) -> None:
        self.made, self._seconds, self._error = 0, seconds, error
        self._lock = threading.Lock()

    def __call__(self) -> Found:
        with self._lock:
            self.made += 1
        time.sleep(self._seconds)
        if self._error:
            raise self._error
        return FOUND


def at_once(callers: int, work: Callable[[int], T]) -> list[T]:
    """All results of that many threads that start together."""
    gate = threading.Barrier(callers)

    def one(number: int) -> T:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(one, range(callers)))


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def cache(request: pytest.FixtureRequest) -> Cache:
    """The double and the real one keep the same promises."""
    if request.param == "memory":
        return MemoryCache()
    cache = RedisCache(request.getfixturevalue("valkey"))
    import redis

    redis.Redis.from_url(request.getfixturevalue("valkey").get_secret_value()).flushall()
    return cache


def test_figures_survive_packing() -> None:
    assert unpacked(packed(FOUND)) == FOUND


def test_a_value_is_made_once_and_then_kept(cache: Cache) -> None:
    figures, make = CachedFigures(cache, 5), Maker(0)
    assert figures.through(at("k"), make) == (FOUND, False)
    assert figures.through(at("k"), make) == (FOUND, True)
    assert CachedFigures(cache, 5).through(at("k"), make) == (FOUND, True)
    assert make.made == 1


@pytest.mark.servers
def test_a_value_runs_out(valkey: SecretStr) -> None:
    figures, make = CachedFigures(RedisCache(valkey), 5), Maker(0)
    figures.through(at("short", 20), make)
    time.sleep(0.03)
    assert figures.through(at("short", 20), make) == (FOUND, False)


def test_a_thousand_callers_of_a_cold_key_make_one_query(cache: Cache) -> None:
    figures, make = CachedFigures(cache, 5), Maker()
    results = at_once(250, lambda number: [figures.through(at("cold"), make) for _ in range(4)])
    assert make.made == 1
    cached = [cached for four in results for found, cached in four if found == FOUND]
    assert len(cached) == 1000
    assert cached.count(False) == 1


class Turnstile(MemoryCache):
    """Notes how many threads read one key at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self._reading: Counter[str] = Counter()
        self.most = 0
        self._counting = threading.Lock()

    def get(self, key: str) -> bytes | None:
        with self._counting:
            self._reading[key] += 1
            self.most = max(self.most, self._reading[key])
        time.sleep(0.02)
        with self._counting:
            self._reading[key] -= 1
        return super().get(key)


def test_all_who_read_a_warm_key_share_one_read() -> None:
    cache = Turnstile()
    figures, make = CachedFigures(cache, 5), Maker(0)
    figures.through(at("warm"), make)
    results = at_once(50, lambda _: [figures.through(at("warm"), make) for _ in range(4)])
    assert [each for four in results for each in four] == [(FOUND, True)] * 200
    assert (cache.most, make.made) == (1, 1)


@pytest.mark.servers
def test_a_crowd_larger_than_the_pool_makes_one_query(valkey: SecretStr) -> None:
    figures, make = CachedFigures(RedisCache(valkey, connections=2, wait_seconds=60), 60), Maker()
    cold = at(f"crowded {time.monotonic_ns()}")
    results = at_once(250, lambda _: figures.through(cold, make))
    assert make.made == 1
    assert [cached for _, cached in results].count(False) == 1


def test_processes_share_one_flight(cache: Cache) -> None:
    makers = Maker()
    processes = [CachedFigures(cache, 5) for _ in range(8)]
    results = at_once(32, lambda number: processes[number % 8].through(at("shared"), makers))
    assert makers.made == 1
    assert all(found == FOUND for found, _ in results)


def test_who_waits_too_long_makes_the_value_itself(cache: Cache) -> None:
    assert cache.claim(at("stuck")().key, 60_000)
    make = Maker(0)
    assert CachedFigures(cache, 0.05).through(at("stuck"), make) == (FOUND, False)
    assert make.made == 1


def test_a_failure_reaches_all_who_wait_and_is_not_kept(cache: Cache) -> None:
    figures = CachedFigures(cache, 5)
    failing = Maker(error=StoreAway("away"))

    def ask(_number: int) -> str:
        with pytest.raises(StoreAway):
            figures.through(at("failing"), failing)
        return "failed"

    assert at_once(8, ask) == ["failed"] * 8
    started = time.monotonic()
    assert figures.through(at("failing"), Maker(0)) == (FOUND, False)
    assert time.monotonic() - started < 4


RUBBISH = [b"", b"rubbish", b"x\x9c", packed(FOUND)[:-9], os.urandom(300)]


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_rubbish_is_ignored_and_overwritten(cache: Cache, rubbish: bytes) -> None:
    token = cache.claim(at("k")().key, 1000)
    assert token
    cache.put(at("k")().key, rubbish, 60_000, token)
    figures, make = CachedFigures(cache, 5), Maker(0)
    assert figures.through(at("k"), make) == (FOUND, False)
    assert figures.through(at("k"), make) == (FOUND, True)


def test_json_of_another_shape_is_rubbish() -> None:
    import zlib

    for text in (b"{}", b"[]", b'{"ranked": {"entries": [{"rank": "x"}]}, "standing": null}'):
        assert unpacked(zlib.compress(text)) is None


def test_only_the_holder_gives_a_claim_back(cache: Cache) -> None:
    token = cache.claim(at("k")().key, 60_000)
    assert token
    cache.release(at("k")().key, "somebody else's")
    assert cache.claim(at("k")().key, 60_000) is None
    cache.release(at("k")().key, token)
    assert cache.claim(at("k")().key, 60_000)


def test_without_redis_each_tick_is_asked_once(doubles: Doubles, caller: Caller, clock: Clock) -> None:
    doubles.cache.away = True

    def cached() -> bool:
        return bool(caller.answer(TOP_SALES_PER_CITY.name)["evidence"]["cached"])

    assert [cached(), cached()] == [False, True]
    clock.forward(milliseconds=250)
    assert [cached(), cached()] == [False, True]
    assert doubles.deltas.ranked_switch.calls == 2


def test_a_process_remembers_what_it_read_or_made_and_not_for_long() -> None:
    cache, make = MemoryCache(), Maker(0)
    makes, reads = CachedFigures(cache, 5, memory_seconds=60), CachedFigures(cache, 5, memory_seconds=60)
    assert makes.through(at("k"), make) == (FOUND, False)
    assert reads.through(at("k"), make) == (FOUND, True)
    forgets = CachedFigures(cache, 5, memory_seconds=0.01)
    assert forgets.through(at("k"), make) == (FOUND, True)
    cache.values.clear()
    assert [each.through(at("k"), make) for each in (makes, reads)] == [(FOUND, True)] * 2
    time.sleep(0.02)
    assert forgets.through(at("k"), make) == (FOUND, False)
    assert make.made == 2


def test_what_is_too_large_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.cached.REMEMBERED", len(packed(FOUND)) * 16 - 1)
    cache, make = MemoryCache(), Maker(0)
    figures = CachedFigures(cache, 5, memory_seconds=60)
    figures.through(at("k"), make)
    cache.values.clear()
    assert figures.through(at("k"), make) == (FOUND, False)


@pytest.mark.servers
def test_redis_going_away_is_never_an_error_and_noticed_once() -> None:
    make = Maker(0)
    with redis_server() as (address, process):
        never_tried_again = Breaker("Redis", rest_seconds=3600)
        figures = CachedFigures(RedisCache(SecretStr(address), never_tried_again), 5)
        assert figures.through(at("k"), make) == (FOUND, False)
        assert figures.through(at("k"), make) == (FOUND, True)
        process.kill()
        process.wait()
        with structlog.testing.capture_logs() as logged:
            assert [figures.through(at("k"), make) for _ in range(200)] == [(FOUND, False)] * 200
        assert [each["event"] for each in logged] == ["the cache does not answer"]


def test_an_api_answers_a_thousand_callers_of_one_tick_with_one_query(doubles: Doubles, caller: Caller) -> None:
    store = doubles.deltas
    store.ranked_switch.seconds = 0.05
    at_once(50, lambda number: [caller.answer(TOP_SALES_PER_CITY.name) for _ in range(20)])
    assert store.ranked_switch.calls == 1


def test_a_query_that_outlasts_its_tick_is_waited_for(doubles: Doubles, caller: Caller, clock: Clock) -> None:
    doubles.deltas.ranked_switch.seconds = 0.6

    def ask(number: int) -> None:
        time.sleep(0.01 * number)
        clock.forward(milliseconds=250)
        caller.answer(TOP_SALES_PER_CITY.name)

    at_once(10, ask)
    assert doubles.deltas.ranked_switch.calls == 1


def test_figures_that_came_after_their_tick_are_served_in_the_next(
    doubles: Doubles, caller: Caller, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked = doubles.deltas.ranked

    def late(asked: Asked, publication: Publication | None) -> Ranked:
        clock.forward(milliseconds=300)
        return ranked(asked, publication)

    monkeypatch.setattr(doubles.deltas, "ranked", late)
    assert [caller.answer(TOP_SALES_PER_CITY.name)["evidence"]["cached"] for _ in range(3)] == [False, True, True]
    assert doubles.deltas.ranked_switch.calls == 1


def test_each_tick_each_question_and_each_version_is_asked_anew(doubles: Doubles, caller: Caller, clock: Clock) -> None:
    store = doubles.deltas
    name = TOP_SALES_PER_CITY.name

    def queries(**parameters: object) -> int:
        before = store.ranked_switch.calls
        caller.answer(name, **parameters)
        return store.ranked_switch.calls - before

    assert [queries(), queries(), queries(limit=10), queries(limit=11)] == [1, 0, 0, 1]
    assert [queries(view="live"), queries(currency="USD"), queries(country="Germany")] == [1, 1, 1]
    assert [queries(view="reconciled"), queries(**{"from": "2026-01-01"}), queries(to="2026-01-01")] == [1, 1, 1]
    clock.forward(milliseconds=249)
    assert [queries(), queries(view="reconciled")] == [0, 0]
    clock.forward(milliseconds=1)
    assert [queries(), queries(view="reconciled")] == [1, 0]
    store.standings = standing(publication(1, NOW))
    clock.forward(milliseconds=250)
    assert [queries(), queries(view="reconciled")] == [1, 1]


def test_freshness_is_never_newer_than_the_figures(doubles: Doubles, caller: Caller, clock: Clock) -> None:
    """A cached live answer keeps the progress that was read before its figures."""
    store = doubles.deltas
    store.standings = standing(seen_through=NOW)
    clock.forward(milliseconds=100)
    first = caller.answer(TOP_SALES_PER_CITY.name)["evidence"]["freshness"][0]
    store.standings = standing(seen_through=NOW.replace(microsecond=90_000))
    clock.forward(milliseconds=100)
    second = caller.answer(TOP_SALES_PER_CITY.name)["evidence"]["freshness"][0]
    assert second["seen_through"] == first["seen_through"]
    assert (first["lag_seconds"], second["lag_seconds"]) == (0.1, 0.2)
