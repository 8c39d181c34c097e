"""A reconciliation publishes exactly what the oracle says, once, whatever happened to the runs before it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from batch.checksum import checksum
from batch.ledger import opened
from batch.progress import Quiet
from batch.reconcile import AlreadyPublished, Published
from rankings.catalogue import RANKINGS
from rankings.contract import Rejected
from runtime.errors import Permanent, Retryable
from tests.batch.log import Log, Record, partitions
from tests.batch.world import World

pytestmark = pytest.mark.spark


def assert_published(world: World, version: int, records: list[Record]) -> None:
    """Both stores and the lake hold what the oracle says of the records."""
    for ranking in RANKINGS:
        expected = world.expected(ranking, records)
        assert world.published(ranking) == expected
        assert world.totals(ranking, version) == expected
        assert {row[:-2]: row[-2:] for row in world.gold(ranking)} == expected


def publish(world: World, log: Log) -> Published:
    """Reconciles through the log's next second, which gets its marks first."""
    log.mark()
    outcome = world.reconcile(log.now)
    assert isinstance(outcome, Published)
    return outcome


def test_history_is_what_the_oracle_says_version_after_version(world: World) -> None:
    log, written = Log(seed=1), 0
    for version, count in enumerate((400, 300, 0, 200), start=1):
        log.grow(count)
        log.now += timedelta(seconds=1)
        log.mark()
        world.write(log.records[written:])
        written = len(log.records)
        outcome = world.reconcile(log.now)
        assert isinstance(outcome, Published)
        assert outcome.version == version
        assert outcome.certificate.versions == tuple(range(1, version + 1))
        assert_published(world, version, log.before(log.now))
    assert outcome.certificate.changed
    assert {row[0] for row in world.postgres("SELECT DISTINCT version FROM totals")} == {3, 4}
