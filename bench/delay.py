"""From a commit in the operational database to the API's answer, while the shop changes sales at a steady rate.

A prober commits sales in a currency and a country of its own; each goes to the next of a hundred cities, so that an
answer's count for a city says which probes it counts. A poller asks the API again and again for that country.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import httpx

from bench.figures import Aim, Part, percentile
from bench.throughput import Tell
from rankings.catalogue import TOP_SALES_PER_CITY
from rankings.sale import Sale
from runtime.settings import Settings
from stack.shop import table

COUNTRY, CURRENCY, CITIES = "Probeland", "ISK", 100
EVERY_SECONDS, POLL_SECONDS = 0.05, 0.01
LOADED = 20_000
LEAD_SECONDS, PATIENCE_SECONDS = 10.0, 20.0


class Probes:
    """When each probe was committed, and when an answer counted it first."""

    def __init__(self) -> None:
        self.committed: list[float] = []
        self.counted: dict[int, float] = {}
        self._seen = [0] * CITIES

    def answered(self, sales: dict[int, int], at: float) -> None:
        """An answer counts that many probes of each city."""
        for city, count in sales.items():
            for turn in range(self._seen[city], count):
                self.counted[city + CITIES * turn] = at
            self._seen[city] = max(self._seen[city], count)

    def delays(self) -> list[float]:
        """Seconds of every probe from its commit to the answer.

        Raises:
            ValueError: a probe was never counted.
        """
        if len(self.counted) < len(self.committed):
            raise ValueError(f"{len(self.committed) - len(self.counted)} probes were never in an answer")
        return [self.counted[number] - at for number, at in enumerate(self.committed)]


def measure(chosen: Settings, rate: float, seconds: float, tell: Tell) -> Part:
    """Loads some sales, lets the shop change them, and probes meanwhile."""
    tell(f"loading {LOADED:,} sales into the shop")
    shop("load", str(LOADED)).wait()
    with changing(rate, seconds + LEAD_SECONDS):
        tell(f"probing for {seconds:.0f} s at {rate:.0f} changes/s")
        time.sleep(LEAD_SECONDS)
        probes, polls = _probe(chosen, seconds)
    delays = probes.delays()
    part = Part("delay", f"From commit to the API's answer at {rate:.0f} changes/s, {len(delays):,} probes")
    part.add("delay p50", "s", [percentile(delays, 0.5)], Aim(at_most=0.6))
    part.add("delay p99", "s", [percentile(delays, 0.99)], Aim(at_most=1.2))
    part.add("delay max", "s", [max(delays)])
    part.add("the API's answer p50", "ms", [percentile(polls, 0.5) * 1000])
    part.add("the API's answer p99", "ms", [percentile(polls, 0.99) * 1000])
    return part


@contextmanager
def changing(rate: float, seconds: float) -> Iterator[None]:
    """The shop at work, in a process of its own, until the time is over."""
    running = shop("run", "--rate", str(rate), "--seconds", str(seconds))
    try:
        yield
    finally:
        running.terminate()
        running.wait()


def shop(*arguments: str) -> subprocess.Popen[bytes]:
    """The shop's command, at work in a process of its own."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-m", "runtime", "shop", *arguments], stdout=quiet, stderr=quiet)


def _probe(chosen: Settings, seconds: float) -> tuple[Probes, list[float]]:
    """The probes, and how long each answer took."""
    probes, over = Probes(), threading.Event()
    polls: list[float] = []
    poller = threading.Thread(target=_poll, args=(chosen, probes, polls, over))
    poller.start()
    try:
        _commit(chosen, probes, seconds)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while len(probes.counted) < len(probes.committed) and time.monotonic() < give_up:
            time.sleep(0.1)
    finally:
        over.set()
        poller.join()
    return probes, polls


def _commit(chosen: Settings, probes: Probes, seconds: float) -> None:
    run = time.time_ns()
    with closing(table.connect(chosen.source_dsn.get_secret_value())) as connection:
        start = time.perf_counter()
        for number in range(round(seconds / EVERY_SECONDS)):
            time.sleep(max(0.0, start + number * EVERY_SECONDS - time.perf_counter()))
            table.insert(connection, _sale(f"probe-{run}-{number}", number % CITIES))
            probes.committed.append(time.perf_counter())


def _sale(sale_id: str, city: int) -> Sale:
    return Sale(
        source="shop",
        sale_id=sale_id,
        occurred_at=datetime.now(UTC),
        country=COUNTRY,
        city=str(city),
        salesman_id="probe",
        salesman="Probe",
        amount=Decimal("1.00"),
        currency=CURRENCY,
    )


def _poll(chosen: Settings, probes: Probes, polls: list[float], over: threading.Event) -> None:
    query: dict[str, str | int] = {"country": COUNTRY, "currency": CURRENCY, "limit": CITIES}
    key = chosen.api_key_file.read_text().strip()
    with httpx.Client(base_url=chosen.api, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as api:
        base = _counts(api, query)
        while not over.is_set():
            began = time.perf_counter()
            counts = _counts(api, query)
            at = time.perf_counter()
            polls.append(at - began)
            probes.answered({city: count - base.get(city, 0) for city, count in counts.items()}, at)
            time.sleep(max(0.0, POLL_SECONDS - (at - began)))


def _counts(api: httpx.Client, query: dict[str, str | int]) -> dict[int, int]:
    answer = api.get(f"/v1/rankings/{TOP_SALES_PER_CITY.name}", params=query).raise_for_status()
    return {int(entry["city"]): entry["sales"] for entry in answer.json()["data"]}
