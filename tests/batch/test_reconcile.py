"""A reconciliation publishes exactly what the oracle says, once, whatever happened to the runs before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from batch import load, publish
from batch.checksum import checksum
from batch.clickhouse import Publication, Store
from batch.drift import LIVE_BEHIND
from batch.ledger import opened
from batch.progress import Quiet
from batch.reconcile import AlreadyPublished, Published
from batch.silver import States
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.contract import Rejected
from rankings.ranking import Ranking, Sum
from rankings.render.lake import SALES
from rankings.sale import Sale
from runtime.errors import Permanent, Retryable
from tests.batch.beginning import Begun
from tests.batch.log import START, Log, Record, partitions
from tests.batch.world import World, grown, published
from tests.streaming.test_kernel_contract import AS_A_WHOLE

pytestmark = pytest.mark.servers

SALES_PER_PERSON = Ranking("sales-per-person", "Sales per person", ("salesman_id",), (), Sum("amount"))


def assert_published(world: World, version: int, records: list[Record]) -> None:
    """Both stores and the lake hold what the oracle says of the records."""
    for ranking in RANKINGS:
        expected = world.expected(ranking, records)
        assert world.published(ranking) == expected
        assert world.totals(ranking, version) == expected
        assert {row[:-2]: row[-2:] for row in world.gold(ranking)} == expected


def assert_certified(world: World, outcome: Published) -> None:
    """The certificate says what a look at all of silver and gold says, however little the run itself has looked at."""
    for ranking in RANKINGS:
        assert outcome.certificate.checksums[ranking.name] == checksum(world.gold(ranking))
    gone = [row.deleted for row in world.spark.table(SALES).select("deleted").collect()]
    assert outcome.certificate.states == States(gone.count(False), gone.count(True))


def data_files(world: World) -> list[Path]:
    """The files that hold silver's sales."""
    rows = world.spark.sql(f"SELECT file_path FROM {SALES}.files WHERE content = 0").collect()
    return [Path(row.file_path.removeprefix("file:")) for row in rows]


def test_history_is_what_the_oracle_says_version_after_version(world: World) -> None:
    log = Log(seed=1)
    for version, count in enumerate((0, 400, 300, 300, 0), start=1):
        outcome = published(world, grown(world, log, count))
        assert outcome.version == version
        assert outcome.certificate.versions == tuple(range(1, version + 1))
        assert_published(world, version, log.before(log.now))
        assert_certified(world, outcome)
    assert outcome.certificate.changed == {ranking.name: 0 for ranking in RANKINGS}
    assert world.ledger() == [(version, "published") for version in (1, 2, 3, 4, 5)]


def test_a_run_proves_what_it_read_and_loses_nothing(world: World) -> None:
    log = Log(seed=2)
    through = grown(world, log, 400)
    world.write(log.records[100:120])  # a lake job that was rebuilt from the log delivers again
    certificate = published(world, through).certificate
    before = log.before(through)
    said = {(record.topic, record.partition, record.offset): record.said for record in before}
    told = certificate.as_json()
    assert told["records"] == len(before)
    assert told["kinds"] == {
        kind: sum(type(each).__name__ == name for each in said.values())
        for kind, name in {"sale": "Sale", "deletion": "Deletion", "rejected": "Rejected", "mark": "Mark"}.items()
    }
    for span in certificate.spans:
        offsets = [each.offset for each in before if (each.topic, each.partition) == (span.topic, span.partition)]
        assert (span.first_offset, span.last_offset, span.records) == (min(offsets), max(offsets), len(offsets))
    assert set(certificate.marks.values()) == {through}
    for ranking in RANKINGS:
        assert certificate.checksums[ranking.name] == checksum(world.gold(ranking))
    assert_quarantined(world, before)
    assert_named(world, before)
    (kept,) = world.postgres("SELECT certificate FROM ledger")
    assert kept[0]["checksums"] == told["checksums"]


def assert_quarantined(world: World, records: list[Record]) -> None:
    """Every refused record is in ClickHouse and in the lake, byte for byte."""
    refused = {
        (record.topic, record.partition, record.offset): (record.payload or b"", alike(said.reason))
        for record in records
        if isinstance(said := record.said, Rejected)
    }
    assert len(refused) > 10
    rows = world.clickhouse("SELECT topic, partition, offset, hex(payload), reason FROM quarantine FINAL")
    assert {row[:3]: (bytes.fromhex(row[3]), alike(row[4])) for row in rows} == refused
    lake = world.spark.table("lake.silver.quarantine").collect()
    kept = {(row.topic, row.partition, row.offset): (bytes(row.payload or b""), alike(row.reason)) for row in lake}
    assert kept == refused


def alike(reason: str) -> str:
    """Libraries word it differently where a payload is no JSON object."""
    return "no JSON" if reason.startswith(AS_A_WHOLE) else reason


def assert_named(world: World, records: list[Record]) -> None:
    """Both stores know the name that each salesman was last given."""
    said = [each for each in (record.said for record in records) if isinstance(each, Sale)]
    last = {sale.salesman_id: sale.salesman for sale in said if sale.salesman}
    assert dict(world.clickhouse("SELECT key, argMax(name, seen_at) FROM labels GROUP BY key")) == last
    assert dict(world.postgres("SELECT key, name FROM labels WHERE label = 'salesman'")) == last


def test_the_same_boundary_again_changes_nothing_and_an_earlier_one_is_refused(begun: Begun) -> None:
    world, _, through = begun
    assert world.reconcile(through) == AlreadyPublished(1)
    assert world.ledger() == [(1, "published")]
    with pytest.raises(Permanent, match="published through a later boundary"):
        world.reconcile(through - timedelta(seconds=1))
    with pytest.raises(Permanent, match="in the future"):
        world.reconcile(datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1))


def test_a_lake_without_the_marks_is_waited_for_and_named(world: World) -> None:
    log = Log(seed=4)
    through = grown(world, log, 50)
    world.spark.sql(
        f"DELETE FROM lake.bronze.log WHERE topic = 'events.rest' AND partition = 1 AND log_time >= '{through}'"
    )
    with pytest.raises(Retryable, match=r"no mark in events\.rest/1'"):
        world.reconcile(through)
    assert world.ledger() == [(1, "running")]
    (reason,) = world.postgres("SELECT error FROM ledger")[0]
    assert "still lacks a mark" in reason


def test_a_lake_that_is_not_there_yet_is_waited_for(world: World) -> None:
    world.spark.sql("DROP TABLE lake.bronze.log")
    with pytest.raises(Retryable, match="no mark in"):
        world.reconcile(START)
    assert world.ledger() == [(1, "running")]


def test_one_run_at_a_time(world: World) -> None:
    dsn = world.settings.platform_dsn.get_secret_value()
    with opened(dsn), pytest.raises(Retryable, match=r"another reconciliation is running.*process"):
        world.reconcile(datetime(2026, 3, 1, 13, tzinfo=UTC))


class Pulled(BaseException):
    """The plug."""


class PullsThePlug(Quiet):
    """Ends the run when a step begins."""

    def __init__(self, step: str) -> None:
        self._step = step

    def start(self, step: str) -> None:
        """Ends the run if it is the one."""
        if step == self._step:
            raise Pulled(step)


class At(Quiet):
    """Does something when a step begins."""

    def __init__(self, step: str, deed: Callable[[], object]) -> None:
        self._step, self._deed = step, deed

    def start(self, step: str) -> None:
        """Does it if it is the one."""
        if step == self._step:
            self._deed()


def test_another_run_withdraws_what_was_begun(begun: Begun) -> None:
    world, log, _ = begun
    with pytest.raises(Pulled):
        world.reconcile(grown(world, log, 50), PullsThePlug("publish"))
    assert published(world, grown(world, log, 50)).certificate.versions == (1, 3)
    assert_published(world, 3, log.before(log.now))
    assert world.ledger() == [(1, "published"), (2, "failed"), (3, "published")]
    assert sorted(world.clickhouse(f"SELECT DISTINCT version FROM {TOP_SALES_PER_CITY.reconciled_table}")) == [
        (1,),
        (3,),
    ]
    assert {version for (version,) in world.postgres("SELECT DISTINCT version FROM totals")} == {1, 3}
    published(world, grown(world, log, 1))
    tags = world.spark.sql("SELECT name FROM lake.silver.sales.refs WHERE type = 'TAG'").collect()
    assert {row.name for row in tags} == {"v1", "v3", "v4"}


def test_a_run_that_was_killed_after_publishing_is_closed(begun: Begun) -> None:
    world, _, through = begun
    world.postgres("UPDATE ledger SET status = 'running', published_at = NULL WHERE version = 1")
    assert world.reconcile(through) == AlreadyPublished(1)
    assert world.ledger() == [(1, "published")]
    assert world.postgres("SELECT count(*) FROM ledger WHERE published_at IS NOT NULL") == [(1,)]


def test_only_what_is_new_is_read_and_only_its_days_are_computed(begun: Begun) -> None:
    world, log, _ = begun
    seen = len(log.records)
    through = grown(world, log, 3)
    outcome = published(world, through)
    assert outcome.certificate.days is not None
    assert len(outcome.certificate.days) <= 6
    read = world.spark.table("records").count()
    assert read == len([each for each in log.records[seen:] if each.log_time < through]) + len(partitions())
    assert_published(world, 2, log.before(through))


def test_files_whose_sales_have_other_keys_are_not_opened(world: World) -> None:
    log = Log(seed=11)

    def night(*sales: str) -> Published:
        first = len(log.records)
        for sale in sales:
            log.sold(sale, datetime(2026, 3, 1, tzinfo=UTC), amount=f"{len(log.records)}.00")
        world.write(log.records[first:])
        return published(world, grown(world, log, 0))

    night("n0001", "n0002")
    old = data_files(world)
    night("n0100", "n0101", "n0900")
    for path in old:
        path.unlink()
    outcome = night("n0100", "n0950")
    assert outcome.certificate.states == States(6, 0)
    assert_published(world, 3, log.before(log.now))


def test_records_of_a_clock_that_went_back_are_not_forgotten(begun: Begun) -> None:
    world, log, through = begun
    log.now = START - timedelta(hours=3)
    first = len(log.records)
    log.grow(60)
    world.write(log.records[first:])
    log.now = through + timedelta(seconds=30)
    later = grown(world, log, 5)
    outcome = published(world, later)
    assert outcome.certificate.records == len(log.before(later))
    assert_published(world, 2, log.before(later))


def test_a_full_run_begins_a_new_chain_and_says_the_same(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark's tasks write what the new chain begins with and what follows; elsewhere few rows are written without."""
    world, log, _ = begun
    through = grown(world, log, 60)
    before = published(world, through).certificate
    monkeypatch.setattr(load, "MOST_ROWS_WRITTEN_HERE", 0)
    outcome = world.reconcile(through, full=True)
    assert isinstance(outcome, Published)
    assert outcome.certificate.versions == (3,)
    assert outcome.certificate.checksums == before.checksums
    assert outcome.certificate.kinds == before.kinds
    assert outcome.certificate.spans == before.spans
    assert outcome.certificate.states == before.states
    assert_published(world, 3, log.before(through))
    assert published(world, grown(world, log, 40)).certificate.versions == (3, 4)
    assert_published(world, 4, log.before(log.now))


def test_a_long_chain_is_followed_by_one_that_holds_everything(begun: Begun) -> None:
    world, log, _ = begun
    world.settings = world.settings.model_copy(update={"longest_chain": 2})
    chains = [published(world, grown(world, log, 20)).certificate.versions for _ in range(2)]
    assert chains == [(1, 2), (3,)]
    assert_published(world, 3, log.before(log.now))


def test_what_the_stores_hold_is_checked_before_it_is_published(begun: Begun) -> None:
    world, log, _ = begun
    key = ("2026-01-01", "EUR", "Germany", "Nowhere")
    row = dict(zip(TOP_SALES_PER_CITY.sum_key, key, strict=True)) | {"business_day": datetime(2026, 1, 1).date()}
    world.insert(TOP_SALES_PER_CITY.reconciled_table, [{"version": 1, **row, "amount": Decimal(1), "sales": 1}])
    through = grown(world, log, 10)
    with pytest.raises(Permanent, match=r"the stores do not hold what the lake says.*ClickHouse top-sales-per-city"):
        world.reconcile(through)
    assert world.ledger() == [(1, "published"), (2, "failed")]
    outcome = world.reconcile(through, full=True)
    assert isinstance(outcome, Published)
    assert_published(world, 3, log.before(through))


def test_a_store_that_has_lost_or_altered_what_it_held_is_found(begun: Begun) -> None:
    world, log, _ = begun
    published(world, grown(world, log, 20))
    through = grown(world, log, 10)
    altered = "(SELECT ctid FROM totals WHERE version = 1 ORDER BY ranking, business_day, currency, subject LIMIT 1)"
    world.postgres(f"UPDATE totals SET amount = amount + 1 WHERE ctid = {altered}")
    with pytest.raises(Permanent, match=r"PostgreSQL top-\S+ \S+ instead of"):
        world.reconcile(through)
    world.postgres(f"UPDATE totals SET amount = amount - 1 WHERE ctid = {altered}")
    key = ", ".join(TOP_SALES_PER_CITY.sum_key)
    spoil = f"INSERT INTO {TOP_SALES_PER_CITY.reconciled_table} SELECT 4, {key}, amount + 1, sales FROM "
    spoil += f"{TOP_SALES_PER_CITY.reconciled_table} FINAL WHERE version = 4 LIMIT 1"
    with pytest.raises(Permanent, match=r"ClickHouse top-sales-per-city \S+ instead of"):
        world.reconcile(through, At("check", lambda: world.clickhouse(spoil)))
    assert [status for _, status in world.ledger()] == ["published", "published", "failed", "failed"]
    assert published(world, through).version == 5
    assert_published(world, 5, log.before(through))


def test_a_version_from_before_stores_were_fingerprinted_is_gone_on_from(begun: Begun) -> None:
    world, log, _ = begun
    world.postgres("UPDATE ledger SET certificate = certificate - 'stored' - 'loaded'")
    published(world, grown(world, log, 20))
    assert_published(world, 2, log.before(log.now))


def test_drift_names_each_sum_that_live_has_otherwise(world: World) -> None:
    log = Log(seed=7)
    through = grown(world, log, 150)
    outcome = published(world, through)
    sums = {ranking: world.expected(ranking, log.before(through)) for ranking in RANKINGS}
    assert outcome.certificate.drifted == sum(map(len, sums.values()))
    assert {each.cause for each in outcome.certificate.drift} == {LIVE_BEHIND}
    again = grown(world, log, 150)
    changed = {ranking: difference(sums[ranking], world.expected(ranking, log.before(again))) for ranking in RANKINGS}
    for ranking, rows in changed.items():
        world.insert(ranking.live_table, [live(ranking, key, row, through) for key, row in rows.items()])
    key = next(iter(changed[TOP_SALES_PER_CITY]))
    late = live(TOP_SALES_PER_CITY, key, (Decimal("0.05"), 0), through + timedelta(seconds=1))
    world.insert(TOP_SALES_PER_CITY.live_table, [late, {**late, "second": again}])
    world.insert("progress", [progress(topic, partition, again) for topic, partition in partitions()])
    (drift,) = published(world, again).certificate.drift
    assert (drift.currency, drift.rows, drift.amount, drift.sales) == (key[1], 1, Decimal("0.05"), 0)
    (row,) = world.postgres("SELECT subject, live_amount - reconciled_amount FROM drift WHERE version = 2")
    assert row == (list(key[2:]), Decimal("0.05"))


Sums = dict[tuple[object, ...], tuple[Decimal, int]]


def difference(old: Sums, new: Sums) -> Sums:
    """What to add to the old sums for the new."""
    nothing = (Decimal(0), 0)
    keys = old.keys() | new.keys()
    pairs = {key: (old.get(key, nothing), new.get(key, nothing)) for key in keys}
    changed = {key: (b[0] - a[0], b[1] - a[1]) for key, (a, b) in pairs.items()}
    return {key: each for key, each in changed.items() if any(each)}


def live(ranking: Ranking, key: tuple[object, ...], change: tuple[Decimal, int], second: datetime) -> dict[str, object]:
    """A row of live deltas."""
    sums = dict(zip(ranking.sum_key, key, strict=True))
    return {"second": second, **sums, "amount": change[0], "sales": change[1], "records": 1}


def progress(topic: str, partition: int, seen: datetime) -> dict[str, object]:
    """The live job has read a partition up to then."""
    position = {"path": "live", "topic": topic, "partition": partition, "committed": 1, "log_end": 1}
    return {**position, "seen_through": seen, "measured_at": seen}


def test_after_a_rollback_the_next_version_is_a_difference_to_the_older_one(begun: Begun) -> None:
    world, log, through = begun
    published(world, grown(world, log, 100))
    store = Store(world.settings.clickhouse.get_secret_value(), RANKINGS)
    with opened(world.settings.platform_dsn.get_secret_value()) as ledger:
        assert publish.publish_again(1, store, ledger).version == 1
        with pytest.raises(Permanent, match="never published"):
            publish.publish_again(9, store, ledger)
    assert store.current() == Publication(1, through, (1,), tuple(ranking.name for ranking in RANKINGS))
    assert published(world, grown(world, log, 50)).certificate.versions == (1, 3)
    assert_published(world, 3, log.before(log.now))


def test_a_ranking_that_is_added_later_gets_its_whole_history(begun: Begun) -> None:
    world, log, through = begun
    outcome = world.reconcile(through, among=(*RANKINGS, SALES_PER_PERSON))
    assert isinstance(outcome, Published)
    assert world.published(SALES_PER_PERSON) == world.expected(SALES_PER_PERSON, log.before(through))
    assert_published(world, 2, log.before(through))
