"""What happens between two versions: another time zone and back, a ranking that goes and comes, a clock that goes back,
a night that is held, a source that can't be read.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from batch import care
from batch import nightly as nightly_module
from batch.drift import DriftHeld
from batch.history import publications, rollback
from batch.nightly import nightly
from batch.progress import Quiet
from batch.source import compare
from batch.verify import published_row
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.render import shapes
from rankings.render.clickhouse import View
from rankings.topics import SHOP_SALES
from runtime.errors import Permanent
from serving.asked import Asked
from serving.stores.clickhouse import ClickHouse, ClickHouseDeltas
from serving.stores.clickhouse_records import ClickHouseRecords
from serving.versions import NotKept, Versions
from tests.batch.beginning import Begun
from tests.batch.live import lived, told
from tests.batch.log import START, Log, partitions
from tests.batch.test_reconcile import assert_published
from tests.batch.world import World, grown, published

pytestmark = pytest.mark.servers


def test_live_figures_of_another_time_zone_are_not_added_to_an_older_version(begun: Begun) -> None:
    """The live job tells all of the log again in the days of the new zone, beside those of the old one."""
    world, log, _ = begun
    through, old_zone = grown(world, log, 60), world.settings.business_time_zone
    lived(world, told(world, log.records), log.records)
    server = ClickHouse(world.settings.clickhouse, 5)
    versions = Versions(ClickHouseRecords(server))
    asked = Asked(TOP_SALES_PER_CITY, View.MERGED, "EUR", limit=100, as_of=1)
    right = ClickHouseDeltas(server).ranked(asked, versions.get(1)).entries
    world.settings = world.settings.model_copy(update={"business_time_zone": "America/St_Johns"})
    published(world, through)
    lived(world, told(world, log.records), log.records)
    assert ClickHouseDeltas(server).ranked(asked, versions.get(1)).entries != right
    with pytest.raises(NotKept, match="since the boundary of version 1"):
        versions.check_kept(asked, versions.get(1))
    versions.check_kept(replace(asked, view=View.RECONCILED), versions.get(1))
    world.settings = world.settings.model_copy(update={"business_time_zone": old_zone})
    with pytest.raises(Permanent, match="the live deltas since version 1 are no longer all there"):
        rollback(1, world.settings)
    assert [each.row.version for each in publications(world.settings) if each.current] == [2]


def test_what_care_has_left_is_told_though_the_clock_went_back(begun: Begun) -> None:
    world, log, _ = begun
    world.settings = world.settings.model_copy(update={"keep_versions": 1, "longest_chain": 1})
    ahead = datetime.now(UTC) + timedelta(days=1)
    note = {"cared_at": ahead, "newest": 1, "versions": [1], "live_from": datetime(1970, 1, 1, tzinfo=UTC)}
    world.insert("care", [note])
    for _ in range(2):
        published(world, grown(world, log, 10))
    care.care(world.settings, Quiet())
    versions = Versions(ClickHouseRecords(ClickHouse(world.settings.clickhouse, 5)))
    with pytest.raises(NotKept, match="version 2"):
        versions.check_kept(Asked(TOP_SALES_PER_CITY, View.RECONCILED, "EUR", as_of=2), versions.get(2))
    assert world.clickhouse(shapes.kept())[0][:2] == (3, [3])


def test_answers_do_not_go_back_to_a_version_that_the_lake_does_not_hold(begun: Begun) -> None:
    """The stores do: later versions are differences to it."""
    world, log, _ = begun
    world.settings = world.settings.model_copy(update={"keep_versions": 2})
    for _ in range(2):
        published(world, grown(world, log, 10))
    care.care(world.settings, Quiet())
    with pytest.raises(Permanent, match="the lake does not hold version 1"):
        rollback(1, world.settings)
    assert rollback(2, world.settings).version == 2
    assert published(world, grown(world, log, 10)).certificate.versions == (1, 2, 4)
    assert_published(world, 4, log.before(log.now))


def test_a_ranking_that_was_gone_for_a_version_comes_back(begun: Begun) -> None:
    world, log, _ = begun
    grown(world, log, 10)
    world.reconcile(log.now, among=RANKINGS[:1])
    published(world, grown(world, log, 10))
    assert_published(world, 3, log.before(log.now))
    published(world, grown(world, log, 10))
    assert_published(world, 4, log.before(log.now))


def test_a_lake_is_cared_for_while_a_night_waits_for_its_drift_to_be_accepted(
    begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, log, through = begun
    boundary = grown(world, log, 40)
    lived(world, told(world, log.before(through)), log.records)
    monkeypatch.setattr(nightly_module, "missed", lambda *_: [boundary])
    with pytest.raises(DriftHeld, match="over the limit"):
        nightly(world.settings, Quiet(), lambda _: partitions())
    assert world.ledger() == [(1, "published"), (2, "held")]
    assert world.clickhouse(shapes.kept())[0][0] == 2
    assert world.postgres("SELECT error FROM nights")[0][0].startswith("the drift is over the limit")
    world.reconcile(boundary, accepted="it is known")
    assert world.ledger() == [(1, "published"), (2, "published")]
    assert_published(world, 2, log.before(boundary))


def test_an_hour_of_which_records_were_dropped_under_a_held_version_tells_that_a_clock_went_back(begun: Begun) -> None:
    world, log, through = begun
    log.now = through + timedelta(hours=3)
    boundary = grown(world, log, 50)
    lived(world, told(world, log.before(through)), log.records)
    with pytest.raises(DriftHeld):
        world.reconcile(boundary)
    world.settings = world.settings.model_copy(update={"bronze_keep_days": 1})
    care.care(world.settings, Quiet())
    world.reconcile(boundary, accepted="it is known")
    first, log.now = len(log.records), START
    log.grow(5)
    world.write(log.records[first:])
    log.now = through + timedelta(hours=4)
    world.reconcile(grown(world, log, 5), accepted="the clock went back")
    assert_published(world, 3, log.before(log.now))


def unreadable(world: World, log: Log) -> None:
    """The comparison with a source that can't be read."""
    wanted = [at for at in partitions() if at[0] == SHOP_SALES]
    compare(world.spark, world.settings, published_row(1, world.settings), wanted, lambda _: None)


def test_a_source_that_cannot_be_read_is_told_without_its_password(begun: Begun) -> None:
    world, log, _ = begun
    world.postgres("DROP TABLE IF EXISTS public.sales")
    own = world.settings.platform_dsn.get_secret_value()
    world.settings = world.settings.model_copy(update={"source_dsn": SecretStr(own)})
    with pytest.raises(Permanent, match=r"source.*public\.sales"):
        unreadable(world, log)
    other = SecretStr("mysql://shop:opensesame@127.0.0.1/shop")
    world.settings = world.settings.model_copy(update={"source_dsn": other})
    with pytest.raises(Permanent, match="PostgreSQL") as found:
        unreadable(world, log)
    assert "opensesame" not in str(found.value)
