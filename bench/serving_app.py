"""The API over figures in memory and a real Redis: what a cache hit costs, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rankings.catalogue import TOP_SALES_PER_CITY
from rankings.oracle import SumKey, Total
from runtime.settings import settings
from serving.cache import RedisCache
from serving.compose import Stores, compose
from serving.http.app import create_app
from serving.keys import key_hash
from serving.ports import ApiKey
from serving.stores.memory import MemoryDeltas, MemoryKeys, MemoryTotals
from serving.stores.memory_records import MemoryLake, MemoryLedger, MemoryOperations, MemoryRecords
from serving.stores.operations import CommandLineage

KEY = "tl_the-key-of-the-measurement"


def _stores() -> Stores:
    hashed = key_hash(KEY)
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    live: list[tuple[datetime, SumKey, Total]] = [
        (now, (now.date(), "EUR", "Germany", f"City {number}"), Total(Decimal(number), 1)) for number in range(200)
    ]
    deltas, records, ledger = MemoryDeltas(), MemoryRecords(), MemoryLedger()
    deltas.live[TOP_SALES_PER_CITY.name] = live
    keys = MemoryKeys({hashed: ApiKey("tl_measure", hashed, ("read",))})
    beside = (records, records, MemoryLake(), ledger, ledger, MemoryOperations(), CommandLineage(60))
    return Stores(deltas, MemoryTotals(), keys, RedisCache(settings().redis), *beside)


app = create_app(compose(settings(), _stores()))
