"""Every sum that live has otherwise than the log is found, with its cause; too many of them keep a version back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from batch import causes
from batch.causes import Evidence, cause
from batch.drift import LIVE_BEHIND, MANY_BEHIND, OTHER_ZONE, Drift, DriftHeld, DriftRows, check
from batch.history import rollback
from batch.reconcile import Published
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.oracle import SumKey, Total
from rankings.ranking import Ranking
from rankings.render import causes as render
from rankings.render.spark import PARSED
from rankings.sale import Sale
from rankings.topics import EVENTS
from runtime.errors import Permanent
from tests.batch.beginning import Begun
from tests.batch.command import told_to
from tests.batch.live import Rows, lived, told
from tests.batch.log import Log
from tests.batch.test_days import Till
from tests.batch.world import World, grown, published
from tests.golden.deltas import Delta
from tests.sources.command import run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MINUS_TWO = (Decimal("-2.00"), -1)
TWO = (Decimal("2.00"), 1)


@pytest.mark.parametrize(
    ("known", "named"),
    [
        (Evidence(MINUS_TWO, untaken=TWO), LIVE_BEHIND),
        (Evidence(MINUS_TWO, untaken=(Decimal(3), 1), behind=True), LIVE_BEHIND),
        (Evidence(MINUS_TWO, behind=True), LIVE_BEHIND),
        (Evidence(MINUS_TWO, refused=TWO, untaken=TWO), causes.REFUSED),
        (Evidence(MINUS_TWO, regressed=TWO, missing=1), causes.REGRESSED),
        (Evidence(TWO, state_lost=True, altered=2), causes.STATE_LOST),
        (Evidence(TWO, foreign=1), causes.FOREIGN),
        (Evidence(TWO, missing=2), causes.LOST),
        (Evidence(TWO, altered=1, untaken=(Decimal(3), 1), behind=True), causes.ALTERED),
        (Evidence(TWO, missing=1, altered=1), causes.UNKNOWN),
        (Evidence(TWO), causes.UNKNOWN),
    ],
)
def test_evidence_tells_the_cause(known: Evidence, named: str) -> None:
    assert cause(known) == named


def test_records_that_only_the_batch_refuses_explain_what_live_has_too_much() -> None:
    assert cause(Evidence(TWO, foreign=1), refused_by_batch_alone=True) == causes.INVALID


def test_only_what_speaks_against_a_figure_counts_for_the_limit() -> None:
    totals = {("r", "EUR"): Total(Decimal(1000), 1000)}
    harmless = Drift("r", "EUR", LIVE_BEHIND, 9, Decimal(900), 9)
    small = Drift("r", "EUR", causes.LOST, 1, Decimal(1), 1)
    check([harmless, small], totals, 0.001, "again")
    with pytest.raises(DriftHeld, match=r"r EUR: 2\.00 of 1000; r EUR: 2 of 1000 sales.*again"):
        check([small, small], totals, 0.001, "again")


def test_sales_of_which_the_amounts_make_up_for_each_other_count_for_the_limit() -> None:
    totals = {("r", "EUR"): Total(Decimal(1000), 1000)}
    with pytest.raises(DriftHeld, match=r"received: 'r EUR: 2 of 1000 sales'"):
        check([Drift("r", "EUR", causes.LOST, 1, Decimal(0), 2)], totals, 0.001, "again")


def injured(rows: Rows, since: datetime) -> dict[str, SumKey]:
    """Loses a row of the span, alters another by hand, adds one that no record explains; the sums by their causes."""
    cities = rows[TOP_SALES_PER_CITY.name]
    came = [at for at in sorted(cities) if at[0] >= since and cities[at].sales > 0]
    lost = came[-1]
    altered = next(at for at in came if at[1] != lost[1])
    added = (date(2020, 2, 28), *lost[1][1:])
    del cities[lost]
    cities[altered] = replace(cities[altered], amount=cities[altered].amount + 7)
    cities[since, added] = Delta(Decimal(7), 1, 1)
    return {causes.LOST: lost[1], causes.ALTERED: altered[1], causes.FOREIGN: added}


@pytest.mark.servers
def test_rows_that_are_wrong_are_found_and_named(world: World) -> None:
    log = Log(seed=21)
    through = grown(world, log, 60)
    lived(world, told(world, log.records), log.records)
    assert published(world, through).certificate.drift == ()
    grown(world, log, 60)
    rows = told(world, log.records)
    expected = injured(rows, through)
    world.clickhouse(f"TRUNCATE TABLE {TOP_SALES_PER_CITY.live_table}")
    lived(world, rows, log.records)
    world.settings = world.settings.model_copy(update={"drift_limit": 1})
    published(world, log.now)
    found = world.postgres("SELECT cause, business_day, currency, subject FROM drift WHERE version = 2")
    assert {cause: (day, currency, *subject) for cause, day, currency, subject in found} == expected
    assert len(found) == len(expected)
    with told_to(world.settings):
        assert run("drift", "--version", "1").stdout == "version 1: live and the log agree\n"
        shown, last = (run("drift", *chosen).stdout for chosen in (("--version", "2"), ()))
        assert "the drift of that version is not kept" in repr(run("drift", "--version", "7", code=1).exception)
    assert shown == last
    for named, (day, currency, *subject) in expected.items():
        cells = (named, str(day), str(currency), ", ".join(map(str, subject)))
        assert any(all(cell in line for cell in cells) for line in shown.splitlines()), cells


@pytest.mark.servers
def test_a_run_over_everything_finds_the_same(begun: Begun) -> None:
    world, log, _ = begun
    later = grown(world, log, 60)
    rows = told(world, log.records)
    lived(world, rows, log.records)
    outcome = world.reconcile(later, full=True)
    assert isinstance(outcome, Published)
    assert outcome.certificate.drift == ()
    last = grown(world, log, 60)
    rows = told(world, log.records)
    expected = injured(rows, later)
    world.clickhouse(f"TRUNCATE TABLE {TOP_SALES_PER_CITY.live_table}")
    lived(world, rows, log.records)
    world.settings = world.settings.model_copy(update={"drift_limit": 1})
    assert isinstance(world.reconcile(last, full=True), Published)
    found = world.postgres("SELECT cause, business_day, currency, subject FROM drift WHERE version = 3")
    assert {cause: (day, currency, *subject) for cause, day, currency, subject in found} == expected


@pytest.mark.servers
def test_a_state_that_was_lost_is_named_and_keeps_the_version_back(begun: Begun) -> None:
    world, log, through = begun
    lived(world, told(world, log.records), log.records)
    later = grown(world, log, 120)
    lived(world, told(world, log.records, forget_at=through + timedelta(seconds=4)), log.records)
    with pytest.raises(DriftHeld, match=r'over the limit.*--through 2026-03-01T.*Z --accept-drift "REASON"'):
        world.reconcile(later)
    assert world.ledger() == [(1, "published"), (2, "held")]
    assert world.postgres("SELECT DISTINCT cause FROM drift WHERE version = 2") == [(causes.STATE_LOST,)]
    with pytest.raises(DriftHeld):
        world.reconcile(later)
    outcome = world.reconcile(later, accepted="the job was begun anew")
    assert isinstance(outcome, Published)
    assert outcome.version == 2
    assert world.ledger() == [(1, "published"), (2, "published")]
    assert world.postgres("SELECT certificate ->> 'accepted' FROM ledger WHERE version = 2") == [
        ("the job was begun anew",)
    ]


@pytest.mark.servers
def test_a_sum_at_the_edge_of_a_month_is_looked_into_by_what_its_sales_were_before(world: World) -> None:
    log = Till(seed=0)
    log.tell("edge", "2026-02-28T23:30:00Z", "5.00")  # the first of March in Berlin
    log.tell("other", "2026-01-05T12:00:00Z", "3.00")
    through = log.closed(world, 0)
    lived(world, told(world, log.records), log.records)
    published(world, through)
    written = len(log.records)
    log.tell("edge", "2026-02-28T23:30:00Z", "7.00")
    log.tell("other", "2026-01-05T12:00:00Z", "4.00")
    later = log.closed(world, written)
    rows = told(world, log.records, forget_at=through)
    right = told(world, log.records)
    for ranking in RANKINGS:
        january = {at: delta for at, delta in right[ranking.name].items() if at[1][0] == date(2026, 1, 5)}
        rows[ranking.name] |= january
    lived(world, rows, log.records)
    world.settings = world.settings.model_copy(update={"drift_limit": 1})
    published(world, later)
    found = world.postgres("SELECT DISTINCT cause, business_day FROM drift WHERE version = 2")
    assert found == [(causes.STATE_LOST, date(2026, 3, 1))]


@pytest.mark.servers
def test_records_that_live_refused_or_had_not_taken_are_named(world: World) -> None:
    log = Log(seed=23)
    through = grown(world, log, 40)
    sales = [each for each in log.records if isinstance(each.said, Sale)]
    keys = [each.said.key for each in sales if isinstance(each.said, Sale)]
    refused = next(each for each, key in zip(sales, keys, strict=True) if keys.count(key) == 1)
    last = max(sales, key=lambda each: each.log_time)
    taken = [each for each in log.records if each not in (refused, last)]
    lived(world, told(world, taken), taken)
    behind = {"path": "live", "topic": last.topic, "partition": last.partition, "committed": last.offset}
    world.insert("progress", [{**behind, "log_end": 1, "seen_through": through, "measured_at": through + timedelta(1)}])
    position = {"topic": refused.topic, "partition": refused.partition, "offset": refused.offset}
    text = {"field": "", "reason": "no", "key": "", "payload": ""}
    world.insert("quarantine", [{**position, "log_time": refused.log_time, "hop": "stream", **text}])
    world.settings = world.settings.model_copy(update={"drift_limit": 1})
    found = {(each.ranking, each.cause) for each in published(world, through).certificate.drift}
    assert found == {(ranking.name, named) for ranking in RANKINGS for named in (causes.REFUSED, LIVE_BEHIND)}


@pytest.mark.servers
def test_a_record_that_live_took_and_the_contract_refuses_is_named(begun: Begun) -> None:
    world, log, _ = begun
    lived(world, told(world, log.records), log.records)
    written = len(log.records)
    log._put(EVENTS[0], 0, b"9", b'{"source": "till", "sale_id": "9", "amount": 1.5}')
    refused = log.records[-1]
    log.now += timedelta(seconds=1)
    log.mark()
    world.write(log.records[written:])
    rows: Rows = told(world, log.records)
    for ranking in RANKINGS:
        _, key = next(iter(rows[ranking.name]))
        rows[ranking.name][refused.log_time.replace(microsecond=0), key] = Delta(Decimal("1.50"), 1, 1)
    lived(world, rows, [each for each in log.records if each != refused])
    world.settings = world.settings.model_copy(update={"drift_limit": 1})
    drift = published(world, log.now).certificate.drift
    assert {(each.ranking, each.cause, each.rows) for each in drift} == {
        (ranking.name, causes.INVALID, 1) for ranking in RANKINGS
    }


@pytest.mark.servers
def test_records_of_a_clock_that_went_back_are_named(begun: Begun) -> None:
    world, log, through = begun
    lived(world, told(world, log.records), log.records)
    log.now = through - timedelta(hours=2)
    first = len(log.records)
    log.grow(1)
    while not isinstance(log.records[-1].said, Sale):
        log.grow(1)
    world.write(log.records[first:])
    log.now = through + timedelta(seconds=5)
    later = grown(world, log, 0)
    lived(world, told(world, log.records), log.records)
    world.settings = world.settings.model_copy(update={"drift_limit": 1})
    assert {each.cause for each in published(world, later).certificate.drift} == {causes.REGRESSED}


@pytest.mark.servers
@pytest.mark.parametrize("catches_up", [False, True])
def test_what_live_has_beyond_its_committed_offsets_speaks_against_nothing(
    begun: Begun, catches_up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, log, _ = begun
    lived(world, told(world, log.records), log.records)
    first = len(log.records)
    later = grown(world, log, 90)
    committed, written = (log.records[: first + count] for count in (30, 60))
    lived(world, told(world, written), committed)
    find = DriftRows.find

    def meanwhile(found: DriftRows, among: tuple[Ranking, ...], cause: str) -> None:
        find(found, among, cause)
        lived(world, told(world, log.records), log.records)

    if catches_up:
        monkeypatch.setattr(DriftRows, "find", meanwhile)
    drift = published(world, later).certificate.drift
    assert {each.cause for each in drift} == {LIVE_BEHIND}


@pytest.mark.servers
def test_what_is_not_looked_into_is_kept_and_called_so(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    world, log, _ = begun
    lived(world, told(world, log.records), log.records)
    first = len(log.records)
    later = grown(world, log, 90)
    early = log.records[: first + 30]
    lived(world, told(world, early), early)
    monkeypatch.setattr(causes, "MOST", 1)
    drift = published(world, later).certificate.drift
    looked_into = [each for each in drift if each.cause == LIVE_BEHIND]
    assert {each.cause for each in drift} == {LIVE_BEHIND, MANY_BEHIND}
    assert sum(each.rows for each in looked_into) == len(RANKINGS)
    assert world.postgres("SELECT count(*) FROM drift WHERE version = 2") == [(sum(each.rows for each in drift),)]


@pytest.mark.servers
def test_another_business_time_zone_is_named_and_keeps_nothing_back(world: World) -> None:
    log = Till(seed=0)
    log.tell("1", "2026-02-28T23:30:00Z", "5.00")
    through = log.closed(world, 0)
    lived(world, told(world, log.records), log.records)
    assert published(world, through).certificate.drift == ()
    world.settings = world.settings.model_copy(update={"business_time_zone": "America/St_Johns"})
    drift = published(world, through).certificate.drift
    assert {(each.cause, each.rows) for each in drift} == {(OTHER_ZONE, 2)}
    assert world.published(TOP_SALES_PER_CITY) == world.expected(TOP_SALES_PER_CITY, log.records)
    with pytest.raises(Permanent, match=r"version 1 has the days of another business time zone.*Europe/Berlin"):
        rollback(1, world.settings)
    written = len(log.records)
    log.tell("2", "2026-02-28T23:30:00Z", "7.00")
    later = log.closed(world, written)
    lived(world, told(world, log.records), log.records)
    assert published(world, later).certificate.drift == ()


@pytest.mark.servers
def test_live_that_began_with_another_time_zone_before_the_first_version_keeps_nothing_back(world: World) -> None:
    log = Till(seed=0)
    log.tell("1", "2026-02-28T23:30:00Z", "5.00")
    through = log.closed(world, 0)
    chosen, zone = world.settings, "America/St_Johns"
    world.settings = chosen.model_copy(update={"business_time_zone": zone})
    lived(world, told(world, log.records), log.records)
    world.insert("live_zones", [{"business_time_zone": zone, "begun_at": through}])
    world.settings = chosen
    drift = published(world, through).certificate.drift
    assert {(each.cause, each.rows) for each in drift} == {(OTHER_ZONE, 2)}


@pytest.mark.servers
def test_a_refused_record_that_live_had_not_taken_explains_nothing(spark: SparkSession) -> None:
    rows = [("t", 0, offset, "rejected") for offset in (3, 4, 5)]
    spark.createDataFrame(rows, "topic string, partition int, offset bigint, kind string").createOrReplaceTempView(
        PARSED
    )
    for view, last, at in ((render.TAKEN, "committed", 5), (render.REFUSED_BY_LIVE, "offset", 3)):
        made = spark.createDataFrame([("t", 0, at)], f"topic string, partition int, {last} bigint")
        made.createOrReplaceTempView(view)
    assert [row.offset for row in spark.sql(render.refused_by_batch_alone()).collect()] == [4]
