"""Puts the real parts together from the settings. Nothing is connected before the first question."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from runtime.iceberg import python_properties
from runtime.settings import Settings
from serving.answers import Answers, Pace
from serving.bearers import Bearers
from serving.cache import RedisCache
from serving.cached import CachedFigures
from serving.keys import KeyRing
from serving.limits import RateLimits
from serving.operators import Operators
from serving.ports import Audit, Cache, Clock, Deltas, Keys, Lake, Ledger, Lineage, Operations, Records, Totals, Why
from serving.positions import Positions
from serving.reconciliations import Reconciliations
from serving.slots import Slots
from serving.stores.clickhouse import ClickHouse, ClickHouseDeltas
from serving.stores.clickhouse_records import ClickHouseRecords, ClickHouseWhy
from serving.stores.lake import IcebergLake, within
from serving.stores.operations import CommandLineage, CommandOperations
from serving.stores.postgres import Postgres, PostgresKeys, PostgresTotals
from serving.stores.postgres_records import PostgresAudit, PostgresLedger
from serving.ticks import utc_now
from serving.versions import Versions


@dataclass(frozen=True, slots=True)
class Stores:
    """Where everything comes from; tests put doubles here."""

    deltas: Deltas
    totals: Totals
    keys: Keys
    cache: Cache
    records: Records
    why: Why
    lake: Lake
    ledger: Ledger
    audit: Audit
    operations: Operations
    lineage: Lineage


@dataclass(frozen=True, slots=True)
class Api:
    """What the endpoints work with."""

    stores: Stores
    answers: Answers
    versions: Versions
    positions: Positions
    reconciliations: Reconciliations
    key_ring: KeyRing
    bearers: Bearers
    limits: RateLimits
    operators: Operators
    settings: Settings
    rankings: tuple[Ranking, ...]
    clock: Clock
    streams: Slots


def real_stores(settings: Settings) -> Stores:
    """ClickHouse, PostgreSQL, Redis and the lake at the addresses of the settings."""
    database = Postgres(settings.platform_dsn, settings.store_timeout_seconds)
    slots = Slots("ClickHouse", settings.clickhouse_slots, settings.clickhouse_queue, settings.clickhouse_queue_seconds)
    server = ClickHouse(settings.clickhouse, settings.store_timeout_seconds, slots=slots)
    zone = ZoneInfo(settings.business_time_zone)
    catalogue = within(python_properties(settings), settings.store_timeout_seconds)
    return Stores(
        deltas=ClickHouseDeltas(server),
        totals=PostgresTotals(database),
        keys=PostgresKeys(database),
        cache=RedisCache(settings.redis, connections=settings.api_threads),
        records=ClickHouseRecords(server),
        why=ClickHouseWhy(server),
        lake=IcebergLake(catalogue, zone, Slots("the lake", 1, 4, settings.store_timeout_seconds)),
        ledger=PostgresLedger(database),
        audit=PostgresAudit(database),
        operations=CommandOperations(settings.operation_seconds),
        lineage=CommandLineage(settings.operation_seconds, settings.sources_dir),
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
    figures = CachedFigures(stores.cache, settings.store_timeout_seconds, settings.cache_tick_ms / 1000)
    versions = Versions(stores.records)
    return Api(
        stores=stores,
        answers=Answers(stores.deltas, stores.totals, versions, figures, pace=pace, clock=clock),
        versions=versions,
        positions=Positions(stores.records.positions, settings.cache_tick_ms, settings.position_wait_seconds, clock),
        reconciliations=Reconciliations(stores.ledger, clock),
        key_ring=KeyRing(stores.keys, settings.api_key_recheck_seconds, settings.api_key_grace_seconds, clock),
        bearers=Bearers.of(settings),
        limits=RateLimits(settings.rate_limit, settings.redis),
        operators=Operators(stores.operations, stores.audit, clock),
        settings=settings,
        rankings=rankings,
        clock=clock,
        streams=Slots("the API's event streams", settings.stream_limit, 0, 0.001),
    )
