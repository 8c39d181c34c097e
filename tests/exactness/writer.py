"""A shop and another source at work side by side, until they are told to pause."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import psycopg2
from confluent_kafka import Producer

from rankings.sale import Deletion
from runtime.errors import Retryable
from runtime.settings import Settings
from stack.shop.generator import Generator
from stack.shop.simulator import Shop
from tests.exactness.log import told

RATE, MEANWHILE = 150.0, 20.0
"""Changes a second in the shop's table while a test waits for them and a second longer, and afterwards, when whatever
comes back needs the machine; the other source makes a fifth as many."""

SECONDS = 240.0


class Writer(threading.Thread):
    """Writes while it is busy. A store that is away is tried again until it is back."""

    def __init__(self, chosen: Settings) -> None:
        super().__init__(name="writer", daemon=True)
        self._dsn = chosen.source_dsn.get_secret_value()
        self._producer = Producer({"bootstrap.servers": chosen.kafka, "enable.idempotence": True, "log_level": 0})
        self._draw = Generator("another source", until=datetime.now(UTC), days=30)
        self._wanted, self._idle, self._ended = threading.Event(), threading.Event(), threading.Event()
        self.changes, self._goal = 0, 0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Sales change meanwhile; afterwards all of it is committed, and nothing more happens."""
        self._idle.clear()
        self._wanted.set()
        try:
            yield
        finally:
            self._wanted.clear()
            assert self._idle.wait(SECONDS), "the writer does not come to an end"
            assert not self._producer.flush(SECONDS), "records were not delivered"

    def makes(self, changes: int) -> None:
        """Waits until it has made that many more."""
        self._goal, give_up = self.changes + changes, time.monotonic() + SECONDS
        while self.changes < self._goal:
            assert self.is_alive() and time.monotonic() < give_up, f"it made {self.changes} changes, not {self._goal}"
            time.sleep(0.05)

    def end(self) -> None:
        """For good."""
        self._ended.set()
        self._wanted.set()
        self.join(SECONDS)

    def run(self) -> None:
        """Its whole life."""
        while not self._ended.is_set():
            self._wanted.wait()
            try:
                self._work()
            except (psycopg2.Error, Retryable):
                time.sleep(0.2)
            if not self._wanted.is_set():
                self._idle.set()

    def _work(self) -> None:
        with Shop(self._dsn, seed=self.changes) as shop:
            while self._wanted.is_set() and not self._ended.is_set():
                shop.step()
                self.changes += 1
                if self.changes % 5 == 0:
                    self._tell()
                time.sleep(1 / (RATE if self.changes < self._goal + RATE else MEANWHILE))

    def _tell(self) -> None:
        sale = replace(self._draw.sale(f"W{self._draw.random.randrange(500)}"), source="writer")
        gone = self._draw.random.random() < 0.1
        record = told(Deletion(sale.source, sale.sale_id) if gone else sale, "events.rest")
        self._producer.produce(record.topic, record.payload, record.key)
        self._producer.poll(0)
