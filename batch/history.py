"""Versions over time: those that were published, going back to one, and what changed between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from batch import branches, checks, publish
from batch.certificate import Certificate
from batch.clickhouse import Publication, Store
from batch.ledger import Row, opened, reading
from batch.spark import session
from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from rankings.render import history as render
from rankings.render import lake
from runtime.errors import Permanent
from runtime.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True, slots=True)
class Version:
    """A version as the ledger and ClickHouse know it.

    Attributes:
        row: the ledger's row.
        current: whether answers are pinned to it.
    """

    row: Row
    current: bool


@dataclass(frozen=True, slots=True)
class SubjectChange:
    """A subject's total in one currency, in the one version and in the other."""

    currency: str
    subject: tuple[str, ...]
    was_amount: Decimal
    was_sales: int
    amount: Decimal
    sales: int


@dataclass(frozen=True, slots=True)
class SaleChange:
    """What a sale was in the one version and is in the other; None where it does not exist."""

    source: str
    sale_id: str
    was: dict[str, Any] | None
    now: dict[str, Any] | None


def publications(settings: Settings, *, all_runs: bool = False) -> list[Version]:
    """The versions that are or were published, or all that were begun; the greatest first."""
    current = Store.of(settings).current()
    with reading(settings.platform_dsn.get_secret_value()) as ledger:
        rows = ledger.rows()
    number = current.version if current else None
    return [Version(row, row.version == number) for row in rows if row.published_at or all_runs]


def rollback(version: int, settings: Settings) -> Publication:
    """Pins all answers to a version that was published before; the lake's tables show it, too.

    Raises:
        Permanent: it was never published, has other business days than live, the live deltas since its boundary are no
            longer all there, or the stores or the lake do not hold it any more.
        Retryable: a store is away, or a reconciliation is running.
    """
    store = Store.of(settings)
    with opened(settings.platform_dsn.get_secret_value()) as ledger:
        publish.agree(settings, store, ledger)
        wanted = publish.published(version, store)
        certificate = ledger.certificate(version)
        _check_days(version, certificate, settings)
        _check_live(wanted, ledger.live_kept_from())
        _check_whole(wanted, certificate, store, settings)
        with session(settings) as spark:
            # The next version goes on from there.
            gold = (lake.gold(ranking) for ranking in RANKINGS if ranking.name in wanted.rankings)
            _check_kept(spark, (lake.SALES, *gold), version)
            return publish.publish_again(version, store, ledger, partial(publish.show, spark, store))


def _check_live(wanted: Publication, kept_from: datetime | None) -> None:
    """Care drops the older ones, and those of another business time zone do not count."""
    if kept_from and wanted.boundary < kept_from:
        raise Permanent(
            f"the live deltas since version {wanted.version} are no longer all there",
            received=wanted.boundary.isoformat(),
            valid=f"a version through {kept_from.isoformat()} or later",
            todo="ask the API with `as_of` and `view=reconciled`, or reconcile anew",
        )


def _check_days(version: int, certificate: Certificate | None, settings: Settings) -> None:
    """A history and the live deltas since then have to mean the same by a business day."""
    if certificate and certificate.zone != settings.business_time_zone:
        raise Permanent(
            f"version {version} has the days of another business time zone",
            received=certificate.zone,
            valid=f"one of {settings.business_time_zone} (TIDELAKE_BUSINESS_TIME_ZONE)",
            todo="ask the API with `as_of` and `view=reconciled`, or reconcile anew",
        )


def _check_whole(wanted: Publication, certificate: Certificate | None, store: Store, settings: Settings) -> None:
    """Answers would be wrong if care had dropped a version of its chain."""
    known = [ranking for ranking in RANKINGS if ranking.name in wanted.rankings]
    expected = certificate.checksums if certificate else {}
    found = checks.in_stores(store, settings.platform_dsn.get_secret_value(), known, wanted.versions, expected)
    if wrong := [str(each) for each in found if not each.holds]:
        raise Permanent(
            f"version {wanted.version} is no longer whole in the stores",
            received="; ".join(wrong),
            valid="one of the versions last published (TIDELAKE_KEEP_VERSIONS)",
            todo="see `tidelake publications`",
        )


def diff(
    spark: SparkSession, base: int, version: int, ranking: Ranking, most: int
) -> tuple[list[SubjectChange], list[SaleChange]]:
    """The subjects of a ranking whose totals changed most between two versions, and the sales that changed them.

    Raises:
        Permanent: the lake no longer holds one of the versions.
    """
    for number in (base, version):
        _check_kept(spark, (lake.SALES, lake.gold(ranking)), number)
    found = spark.sql(render.subjects(ranking, version, base), {"most": most}).persist()
    found.createOrReplaceTempView(render.SUBJECTS)
    width = len(ranking.subject)
    subjects = [SubjectChange(row[0], tuple(row[1 : 1 + width]), *row[1 + width :]) for row in found.collect()]
    sales = spark.sql(render.sales(ranking, version, base)).collect() if subjects else []
    found.unpersist()
    return subjects, [SaleChange(row.source, row.sale_id, _fields(row.was), _fields(row.now)) for row in sales]


def _fields(row: Any) -> dict[str, Any] | None:
    return None if row is None else row.asDict()


def _check_kept(spark: SparkSession, tables: Sequence[str], version: int) -> None:
    for table in tables:
        if not branches.has_version(spark, table, version):
            raise Permanent(
                f"the lake does not hold version {version}",
                received=f"{table} has no tag {lake.version_tag(version)}",
                todo="see `tidelake publications`; older versions are dropped by `tidelake care`",
            )
