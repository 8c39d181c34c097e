"""A store that failed is left alone for a moment, tried by one caller, and used again by all once it answers."""

from __future__ import annotations

import pytest

from serving.breaker import Breaker
from serving.ports import StoreAway, StoreFailed, StoreRefused


class Store:
    """Fails while it is told to, and counts how often it is asked."""

    def __init__(self, error: StoreFailed) -> None:
        self.error: StoreFailed | None = error
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.error:
            raise self.error
        return "answer"


class Seconds:
    """A stopwatch that is set by hand."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def ask(breaker: Breaker, store: Store) -> str:
    try:
        return breaker.call(store)
    except StoreFailed as error:
        return error.wrong


def test_a_dead_store_is_asked_once_in_a_while() -> None:
    seconds, store = Seconds(), Store(StoreAway("away"))
    breaker = Breaker("The store", rest_seconds=1, clock=seconds)
    assert ask(breaker, store) == "away"
    assert {ask(breaker, store) for _ in range(100)} == {"The store did not answer a moment ago"}
    assert store.asked == 1
    seconds.at = 1
    assert [ask(breaker, store), ask(breaker, store)] == ["away", "The store did not answer a moment ago"]
    assert store.asked == 2


def test_it_is_used_again_once_it_answers() -> None:
    seconds, store = Seconds(), Store(StoreAway("away"))
    breaker = Breaker("The store", rest_seconds=1, clock=seconds)
    ask(breaker, store)
    store.error, seconds.at = None, 1
    assert [ask(breaker, store) for _ in range(3)] == ["answer"] * 3


def test_while_one_tries_the_others_are_turned_away() -> None:
    seconds, store = Seconds(), Store(StoreAway("away"))
    breaker = Breaker("The store", rest_seconds=1, clock=seconds)
    ask(breaker, store)
    seconds.at = 1
    inner: list[str] = []

    def trying() -> str:
        inner.append(ask(breaker, store))
        return "answer"

    assert breaker.call(trying) == "answer"
    assert inner == ["The store did not answer a moment ago"]


def test_an_answer_that_is_an_error_does_not_stop_the_others() -> None:
    store = Store(StoreRefused("no such table"))
    breaker = Breaker("The store")
    assert [ask(breaker, store) for _ in range(3)] == ["no such table"] * 3
    with pytest.raises(StoreRefused):
        breaker.call(store)
