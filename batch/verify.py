"""A version recomputed from the lake, and compared with its certificate and with what the stores hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from batch import bronze, care, checks, gold
from batch.branches import has_version
from batch.certificate import Certificate
from batch.checks import Check
from batch.clickhouse import Store
from batch.ledger import Row, reading
from batch.progress import Progress
from batch.silver import States
from batch.spark import session, size
from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from rankings.render import lake
from rankings.render import spark as render
from runtime.errors import Permanent
from runtime.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RECOMPUTED = "recomputed"
"""The view of sums that were computed anew."""


def verify(version: int, settings: Settings, progress: Progress, among: Sequence[Ranking] = RANKINGS) -> list[Check]:
    """Everything that can be compared about a version that is or was published.

    Raises:
        Permanent: there is no such version, or the lake no longer holds what it was made of.
    """
    row = published_row(version, settings)
    known = [ranking for ranking in among if ranking.name in row.certificate.rankings]
    store = Store.of(settings, tuple(among))
    with session(settings) as spark:
        progress.start("verify")
        care.check_not_trimmed(spark, row.certificate.through, f"version {version}")
        found = list(_of_log(spark, row.certificate, known))
        progress.note("the lake's tables")
        found += _of_tables(spark, row, known)
    progress.note("the stores")
    versions, expected = row.certificate.versions, row.certificate.checksums
    dsn = settings.platform_dsn.get_secret_value()
    return [*found, *checks.in_stores(store, dsn, known, versions, expected)]


def published_row(version: int, settings: Settings) -> Row:
    """The ledger's row of a version that is or was published.

    Raises:
        Permanent: there is none.
    """
    with reading(settings.platform_dsn.get_secret_value()) as ledger:
        rows = {row.version: row for row in ledger.rows() if row.published_at}
    if version not in rows:
        raise Permanent(
            "that version was never published",
            received=version,
            valid=", ".join(map(str, sorted(rows))) or "none yet",
            todo="see `tidelake publications`",
        )
    return rows[version]


def _of_log(spark: SparkSession, certificate: Certificate, among: Sequence[Ranking]) -> Iterator[Check]:
    """All of it computed once more from the records as they came."""
    size(spark, certificate.records)
    parsed = bronze.parse(spark, bronze.records_of(spark, certificate.through, certificate.spans))
    kinds, spans = bronze.kinds(spark), bronze.spans(spark)
    if care.trimmed_through(spark) is None:
        again = Certificate(certificate.through, (), None, (), certificate.zone, full=True)
        again.add(spans, kinds, None)
        yield Check("records", f"{again.records:,}", f"{certificate.records:,}")
        yield Check("kinds of records", _listed(again.kinds), _listed(certificate.kinds))
        yield Check("offsets", _ends(again), _ends(certificate))
    latest = spark.sql(render.latest_state()).persist()
    latest.createOrReplaceTempView(render.PRESENT)
    yield Check("sales", *_states(spark, render.PRESENT, certificate))
    for ranking in among:
        spark.sql(render.sums(ranking), {"zone": certificate.zone}).createOrReplaceTempView(RECOMPUTED)
        found = gold.checksum(spark, ranking, RECOMPUTED)
        yield Check(f"recomputed {ranking.name}", str(found), str(certificate.checksums[ranking.name]))
    latest.unpersist()
    parsed.unpersist()


def _of_tables(spark: SparkSession, row: Row, among: Sequence[Ranking]) -> Iterator[Check]:
    """What silver and gold hold under the version's tag; a tag that care has dropped is no error."""
    certificate, tag = row.certificate, f"VERSION AS OF '{lake.version_tag(row.version)}'"
    if has_version(spark, lake.SALES, row.version):
        yield Check("silver", *_states(spark, f"{lake.SALES} {tag}", certificate))
    for ranking in among:
        if has_version(spark, lake.gold(ranking), row.version):
            found = gold.checksum(spark, ranking, f"{lake.gold(ranking)} {tag}")
            yield Check(f"gold {ranking.name}", str(found), str(certificate.checksums[ranking.name]))


def _states(spark: SparkSession, table: str, certificate: Certificate) -> tuple[str, str]:
    row = spark.sql(render.states(table)).first()
    assert row is not None
    return str(States(row.sales, row.deleted)), str(certificate.states)


def _listed(kinds: object) -> str:
    return str(dict(sorted(dict(kinds).items())))  # type: ignore[call-overload]


def _ends(certificate: Certificate) -> str:
    return ", ".join(
        f"{span.topic}/{span.partition} {span.first_offset}-{span.last_offset}" for span in certificate.spans
    )
