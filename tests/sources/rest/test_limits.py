"""A slow, broken, overloaded or hostile service costs neither memory nor time without end, and loses no record."""

from __future__ import annotations

import gc
import gzip
import time
import tracemalloc
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tenacity import RetryCallState, Retrying

from runtime.errors import Permanent, Retryable
from streaming.sources.records import Row
from streaming.sources.rest.parts import Limits
from streaming.sources.rest.patience import Patience
from streaming.sources.runner import pause
from streaming.sources.web.later import later, retry_after
from tests.sources.rest.service import Answer, Asked, Handler, HttpService, sale
from tests.sources.rest.world import World, defined, ids, numbers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def in_form(form: str, seconds: int) -> str:
    """`Retry-After` in one of its two forms, as counted from the service's own date."""
    return str(seconds) if form == "seconds" else format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_service_is_asked_again_when_it_wants_to(service: HttpService, status: int, form: str) -> None:
    headers = {"Retry-After": in_form(form, 20), "Date": format_datetime(NOW, usegmt=True)}
    service.plan("/cursor", Answer(status=status, headers=headers))
    world = World(defined(service, limits={"wait_seconds": 30}))
    assert ids(world.read()) == numbers(1, 10)
    assert [20 <= each < 22 for each in world.slept] == [True]


def test_a_service_that_wants_a_longer_wait_than_allowed_counts_as_away(service: HttpService) -> None:
    service.plan("/cursor", Answer(status=429, headers={"Retry-After": "31"}))
    world = World(defined(service, limits={"wait_seconds": 30}))
    with pytest.raises(Retryable, match="asked again in 31 s") as caught:
        world.read()
    assert (world.slept, caught.value.after) == ([], 31.0)


@pytest.mark.parametrize(("after", "least", "most"), [(0.0, 1.0, 2.0), (500.0, 500.0, 500.0), (1e9, 3600.0, 3600.0)])
def test_a_source_that_counts_as_away_is_left_alone_as_long_as_it_asks(after: float, least: float, most: float) -> None:
    error = later("away", after)
    attempt = RetryCallState(Retrying(), None, (), {})
    attempt.set_exception((Retryable, error, None))
    assert least <= pause(attempt) <= most


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("0", 0.0), (" 7 ", 7.0), ("-1", None), ("soon", None), ("", None), ("1" * 400, 111111111.0), ("٣", None)],
)
def test_a_wait_is_read_exactly(told: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": told}, NOW) == seconds


def test_a_date_that_has_passed_means_at_once() -> None:
    assert retry_after({"Retry-After": in_form("date", -60)}, NOW) == 0.0


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_failure_that_can_pass_is_tried_again_later_each_time(service: HttpService, status: int) -> None:
    service.plan("/cursor", Answer(status=status), Answer(status=status))
    world = World(defined(service))
    assert ids(world.read()) == numbers(1, 10)
    first, second = world.slept
    assert 0.5 <= first <= 1.5 and 1.0 <= second <= 2.0


def test_waits_differ_from_caller_to_caller() -> None:
    slept: list[float] = []
    for _ in range(20):
        with pytest.raises(Retryable):
            Patience("till", Limits(attempts=2), slept.append)(_away)
    assert len({round(each, 3) for each in slept}) > 15


def _away() -> None:
    raise later("away", None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422, 206, 300])
def test_a_refusal_is_not_tried_again(service: HttpService, status: int) -> None:
    service.plan("/cursor", Answer("no such thing", status=status))
    world = World(defined(service))
    with pytest.raises(Permanent, match=f"HTTP {status} .*no such thing"):
        world.read()
    assert (len(service.asked), world.slept) == (1, [])


def test_after_the_last_attempt_the_service_counts_as_away_and_nothing_is_lost(service: HttpService) -> None:
    world = World(defined(service))
    world.read(kill_at=2)
    service.plan("/cursor", *[Answer(status=500)] * 3)
    with pytest.raises(Retryable, match="HTTP 500"):
        world.read()
    world.read()
    assert ids(world.rows) == numbers(1, 10)


@pytest.mark.parametrize("cut", [0, 20, 200])
def test_an_answer_that_breaks_off_is_asked_for_again(service: HttpService, cut: int) -> None:
    whole = service.shop.cursor
    service.plan("/cursor", Answer(service.shop.sales[0] * 3, cut=cut))
    service.handlers["/cursor"] = whole
    world = World(defined(service))
    assert ids(world.read()) == numbers(1, 10)
    assert len(world.slept) == 1


def test_requests_keep_to_a_limit_of_their_own(service: HttpService) -> None:
    world = World(defined(service, limits={"requests_per_second": 4}))
    began = time.monotonic()
    world.read()
    # The world only notes how long it would sleep: a quarter of a second, then half, less what the requests took.
    took = time.monotonic() - began
    assert 0.75 - 2 * took <= sum(world.slept) <= 0.751


@pytest.mark.parametrize("answer", [Answer("[]", before=5), Answer("[" + " " * 500, every=0.02)])
def test_a_slow_answer_is_given_up(service: HttpService, answer: Answer) -> None:
    service.plan("/pages", answer)
    began = time.monotonic()
    with pytest.raises(Retryable, match=r"within the time limit.*0\.5 s"):
        World(defined(service, "pages", limits={"request_seconds": 0.5, "attempts": 1})).read()
    assert time.monotonic() - began < 4


def test_slow_headers_are_given_up_too() -> None:
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection:
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 300:
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(0.02)

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        source = defined(HttpService(), "pages", url=f"http://127.0.0.1:{listening.getsockname()[1]}/")
        source = source.model_copy(update={"limits": Limits(request_seconds=0.5, attempts=1)})
        began = time.monotonic()
        with pytest.raises(Retryable, match="within the time limit"):
            World(source).read()
        assert time.monotonic() - began < 4
        thread.join()


def test_a_service_that_is_not_there_is_away(service: HttpService) -> None:
    source = defined(service, url="http://127.0.0.1:1/", limits={"attempts": 1})
    with pytest.raises(Retryable, match=r"cannot be reached.*ConnectError"):
        World(source).read()


@pytest.mark.parametrize(("chunked", "received"), [(False, "2002 bytes"), (True, "more than 1000 bytes")])
def test_an_answer_over_the_limit_is_refused(service: HttpService, chunked: bool, received: str) -> None:
    service.plan("/pages", Answer(f"[{' ' * 2000}]", chunked=chunked))
    with pytest.raises(Permanent, match=f"larger than allowed.*{received}"):
        World(defined(service, "pages", limits={"answer_bytes": 1000})).read()


def test_an_answer_without_a_length_is_read(service: HttpService) -> None:
    service.plan("/pages", Answer(f"[{service.shop.sales[0]}]", chunked=True), Answer("[]"))
    assert ids(World(defined(service, "pages")).read()) == ["s1"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP"])
def test_a_compressed_answer_is_read(service: HttpService, encoding: str) -> None:
    plain = service.shop.sales[0]
    packed = zlib.compress(f"[{plain}]".encode()) if encoding == "deflate" else gzip.compress(f"[{plain}]".encode())
    service.plan("/pages", Answer(packed, headers={"Content-Encoding": encoding}), Answer("[]"))
    assert ids(World(defined(service, "pages")).read()) == ["s1"]


def test_a_bomb_is_noticed_before_it_is_inflated(service: HttpService) -> None:
    bomb = gzip.compress(b"[" + b" " * 60_000_000, compresslevel=1)
    service.plan("/pages", Answer(bomb, headers={"Content-Encoding": "gzip"}))
    world = World(defined(service, "pages", limits={"answer_bytes": 4_000_000}))
    tracemalloc.start()
    with pytest.raises(Permanent, match="larger than allowed"):
        world.read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("body", "encoding", "why"),
    [
        (gzip.compress(b"[]")[:-9], "gzip", "breaks off"),
        (gzip.compress(b"[]") + b"more", "gzip", "not what its Content-Encoding says"),
        (b"[]", "gzip", "not what its Content-Encoding says"),
        (b"[]", "br", "not asked for"),
        (b"[]", "gzip, gzip", "not asked for"),
        (b"[]", "zstd", "not asked for"),
    ],
)
def test_what_is_badly_compressed_is_told(service: HttpService, body: bytes, encoding: str, why: str) -> None:
    service.handlers["/pages"] = lambda _: Answer(body, headers={"Content-Encoding": encoding})
    with pytest.raises((Retryable, Permanent), match=why):
        World(defined(service, "pages")).read()


def test_memory_does_not_grow_with_the_number_of_pages(service: HttpService) -> None:
    peaks = []
    for pages in (5, 5, 40):
        service.handlers["/pages"] = _many(service, pages)
        world = World(defined(service, "pages", limits={"remembered": 1000}))
        world.rows = _Forgetful()
        gc.collect()
        tracemalloc.start()
        world.read()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The first one loads modules; the rows of the last would be 6 MB.
    assert peaks[2] < peaks[1] + 2_000_000


class _Forgetful(list[Row]):
    """Keeps nothing."""

    def extend(self, rows: Iterable[Row]) -> None:
        """Drops the rows."""


def _many(service: HttpService, pages: int) -> Handler:
    # Made before memory is looked at: what the service does costs time then.
    told = [f"[{', '.join(sale(page * 100 + each) for each in range(100))}]" for page in range(1, pages + 1)]

    def answer(asked: Asked) -> Answer:
        service.said.clear()
        service.asked.clear()
        page = int(asked.query["page"])
        return Answer(told[page - 1] if page <= pages else "[]")

    return answer
