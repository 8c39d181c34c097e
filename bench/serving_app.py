"""The API over figures in memory and a real Redis: what a cache hit costs, and nothing else.

It logs as the API does. With the variable EACH_FROM_REDIS set, a process remembers no figures: each hit reads Redis.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench.serving_key import EACH_FROM_REDIS, KEY
from observe import logs
from rankings.catalogue import TOP_SALES_PER_CITY
from rankings.oracle import SumKey, Total
from runtime.settings import settings
from serving.answers import Answers, Pace
from serving.cache import RedisCache
from serving.cached import CachedFigures
from serving.compose import Api, Stores, compose
from serving.http.app import create_app
from serving.keys import key_hash
from serving.ports import ApiKey
from serving.stores.memory import MemoryDeltas, MemoryKeys, MemoryTotals
from serving.stores.memory_records import MemoryLake, MemoryLedger, MemoryOperations, MemoryRecords
from serving.stores.operations import CommandLineage

SUBJECTS = 20
"""Few, so that the first answer of each tick, which is no hit, costs next to nothing."""


def _stores() -> Stores:
    hashed = key_hash(KEY)
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    live: list[tuple[datetime, SumKey, Total]] = [
        (now, (now.date(), "EUR", "Germany", f"City {number}"), Total(Decimal(number), 1)) for number in range(SUBJECTS)
    ]
    deltas, records, ledger = MemoryDeltas(), MemoryRecords(), MemoryLedger()
    deltas.live[TOP_SALES_PER_CITY.name] = live
    keys = MemoryKeys({hashed: ApiKey("tl_measure", hashed, ("read",))})
    beside = (
        records,
        records,
        MemoryLake(),
        ledger,
        ledger,
        MemoryOperations(),
        CommandLineage(60, settings().sources_dir),
    )
    return Stores(deltas, MemoryTotals(), keys, RedisCache(settings().redis), *beside)


def _without_memory(api: Api) -> Api:
    chosen = settings()
    pace = Pace(chosen.cache_tick_ms, int(chosen.reconciled_cache_seconds * 1000))
    figures = CachedFigures(api.stores.cache, chosen.store_timeout_seconds)
    return replace(api, answers=Answers(api.stores.deltas, api.stores.totals, api.versions, figures, pace=pace))


logs.configure("api", terminal_level="WARNING")
_api = compose(settings(), _stores())
app = create_app(_without_memory(_api) if os.environ.get(EACH_FROM_REDIS) else _api)
