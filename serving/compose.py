"""Puts the real parts together from the settings. Nothing is connected before the first question."""

from __future__ import annotations

from dataclasses import dataclass

from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from runtime.settings import Settings
from serving.answers import Answers, Pace
from serving.cache import RedisCache
from serving.cached import CachedFigures
from serving.keys import KeyRing
from serving.ports import Cache, Clock, Deltas, Keys, Totals
from serving.stores.clickhouse import ClickHouseDeltas
from serving.stores.postgres import Postgres, PostgresKeys, PostgresTotals
from serving.ticks import utc_now


@dataclass(frozen=True, slots=True)
class Stores:
    """Where everything comes from; tests put doubles here."""

    deltas: Deltas
    totals: Totals
    keys: Keys
    cache: Cache


@dataclass(frozen=True, slots=True)
class Api:
    """What the endpoints work with."""

    stores: Stores
    answers: Answers
    key_ring: KeyRing
    settings: Settings
    rankings: tuple[Ranking, ...]


def real_stores(settings: Settings) -> Stores:
    """ClickHouse, PostgreSQL and Redis at the addresses of the settings."""
    database = Postgres(settings.platform_dsn, settings.store_timeout_seconds)
    return Stores(
        deltas=ClickHouseDeltas(settings.clickhouse, settings.store_timeout_seconds),
        totals=PostgresTotals(database),
        keys=PostgresKeys(database),
        cache=RedisCache(settings.redis),
    )


def compose(
    settings: Settings,
    stores: Stores | None = None,
    clock: Clock = utc_now,
    rankings: tuple[Ranking, ...] = RANKINGS,
) -> Api:
    """The whole answering part.

    Args:
        settings: of this process.
        stores: others than the real ones, for tests.
        clock: tells the time.
        rankings: those that can be asked for.
    """
    stores = stores or real_stores(settings)
    pace = Pace(settings.cache_tick_ms, int(settings.reconciled_cache_seconds * 1000))
    figures = CachedFigures(stores.cache, settings.store_timeout_seconds)
    return Api(
        stores=stores,
        answers=Answers(stores.deltas, stores.totals, figures, pace, clock),
        key_ring=KeyRing(stores.keys, settings.api_key_recheck_seconds, settings.api_key_grace_seconds, clock),
        settings=settings,
        rankings=rankings,
    )
