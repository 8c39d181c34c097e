"""Who has lost the lock, while another run was at work, publishes nothing and spoils nothing of what that publishes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from batch import branches, care, load
from batch.clickhouse import Publication, Store
from batch.ledger import LOCK
from batch.progress import Quiet
from batch.reconcile import AlreadyPublished
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.render import lake
from runtime.errors import Retryable
from tests.batch.beginning import Begun
from tests.batch.test_reconcile import Pulled, assert_certified, assert_published
from tests.batch.world import World, grown, published

pytestmark = pytest.mark.servers

LOST = "connection has ended, and with it the lock"

IN_THE_MIDDLE = (
    # Of silver: old states are deleted on the run's branch, new ones not yet appended.
    (lake, "on_run"),
    # Of load: nothing is in the stores yet.
    (load, "difference"),
)
"""Calls, each of them in another step, before which the lock is lost."""


def lost(world: World) -> None:
    """Ends the connection that holds the lock."""
    world.postgres(
        "SELECT pg_terminate_backend(pid) FROM pg_locks "
        "WHERE locktype = 'advisory' AND classid = 0 AND objid = %s::bigint::oid AND granted",
        (LOCK,),
    )


def overtaken(world: World, through: datetime) -> None:
    """Ends the connection that holds the lock, and has another run do the same from its beginning to its end."""
    lost(world)
    published(world, through)


def once_before(call: Callable[..., Any], deed: Callable[[], object]) -> Callable[..., Any]:
    """The same call; before it is made for the first time, something is done."""
    left = [deed]

    def called(*given: Any, **named: Any) -> Any:
        while left:
            left.pop()()
        return call(*given, **named)

    return called


def in_stores(world: World) -> tuple[set[int], set[int]]:
    """The versions that ClickHouse and PostgreSQL hold sums of."""
    tables = " UNION ALL ".join(f"SELECT version FROM {ranking.reconciled_table}" for ranking in RANKINGS)
    in_clickhouse = world.clickhouse(f"SELECT DISTINCT version FROM ({tables})")
    in_postgres = world.postgres("SELECT DISTINCT version FROM totals")
    return {version for (version,) in in_clickhouse}, {version for (version,) in in_postgres}


def test_a_run_that_goes_on_without_the_lock_fails_and_what_the_other_published_stays(
    begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, log, _ = begun
    for version, (where, name) in zip((2, 4), IN_THE_MIDDLE, strict=True):
        through = grown(world, log, 40)
        with monkeypatch.context() as patched, pytest.raises(Retryable, match=LOST):
            patched.setattr(where, name, once_before(getattr(where, name), partial(overtaken, world, through)))
            world.reconcile(through)
        assert world.ledger()[-2:] == [(version, "failed"), (version + 1, "published")]
        assert_published(world, version + 1, log.before(through))
    assert all(4 in versions for versions in in_stores(world)), "what was in the middle of load wrote nothing"
    outcome = published(world, grown(world, log, 20))
    assert outcome.certificate.versions == (1, 3, 5, 6)
    assert_certified(world, outcome)
    care.care(world.settings, Quiet())
    assert_published(world, 6, log.before(log.now))
    assert in_stores(world) == ({1, 3, 5, 6}, {1, 3, 5, 6})
    for table in (lake.SALES, lake.QUARANTINE, lake.gold(TOP_SALES_PER_CITY)):
        assert branches.refs(world.spark, table).keys() == {"main", "v1", "v3", "v5", "v6"}


def test_nobody_decides_without_the_lock_and_what_was_decided_is_done_by_the_next_run_and_counts_for_nothing_later(
    begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, log, _ = begun
    through, late = grown(world, log, 20), []
    with monkeypatch.context() as patched, pytest.raises(Retryable, match=LOST):
        patched.setattr(Store, "next_moment", once_before(Store.next_moment, lambda: lost(world)))
        world.reconcile(through)
    assert world.ledger() == [(1, "published"), (2, "running")]

    def asleep(_: Store, publication: Publication, at: datetime) -> None:
        late.append((publication, at))
        raise Pulled

    with monkeypatch.context() as patched, pytest.raises(Pulled):
        patched.setattr(Store, "publish", asleep)
        world.reconcile(through)
    assert world.published(TOP_SALES_PER_CITY) == world.expected(TOP_SALES_PER_CITY, log.before(begun.through))
    assert world.ledger() == [(1, "published"), (2, "failed"), (3, "running")]
    assert world.reconcile(through) == AlreadyPublished(3)
    assert world.ledger() == [(1, "published"), (2, "failed"), (3, "published")]
    assert_published(world, 3, log.before(through))
    assert published(world, grown(world, log, 20)).certificate.versions == (1, 3, 4)
    Store.of(world.settings).publish(*late[0])
    assert_published(world, 4, log.before(log.now))
