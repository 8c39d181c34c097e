"""Forgetting one sale or one person, on request, wherever the platform keeps them.

A sale is deleted by a record in the log, as its source would do it. A person's sales stay, for the figures of cities
are made of them; a record for each puts `FORGOTTEN` in the person's place. Then everything is rebuilt into a chain of
its own, and what told of them is taken out: the lake's copy of the log, older versions, labels, live, quarantine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from batch import branches, bronze, care, kafka
from batch.clickhouse import Store
from batch.kafka import Partition
from batch.ledger import opened
from batch.postgres import connected
from batch.progress import Progress
from batch.reconcile import Published, reconcile
from batch.spark import session
from rankings import spelling
from rankings.catalogue import RANKINGS
from rankings.contract import DELETED_FIELD
from rankings.render import forget as render
from rankings.render import lake
from rankings.render.spark import PARSED
from runtime.errors import Permanent
from runtime.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FORGOTTEN = "(forgotten)"
"""The salesman's id in the place of a person who is forgotten."""

LEFT = (
    "the log keeps the older records until it is compacted (TIDELAKE_COMPACTION_LAG_DAYS)",
    "the live job's state keeps a person's id until its sums are old enough (TIDELAKE_LIVE_SUMS_TTL_HOURS)",
    "the source keeps what it has: ask it to forget, too, or its next change brings the sale back",
    "backups, and answers that were given",
)
"""What the platform can't take back."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is written to the log."""

    topic: str
    partition: int
    key: bytes | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be forgotten: a person by the salesman's id, or a sale by its key."""

    person: str | None = None
    sale: tuple[str, str] | None = None

    @property
    def patterns(self) -> Mapping[str, str]:
        """What queries for refused records bind: how a payload may spell it."""
        if self.person is not None:
            return {"text": spelling.in_json(self.person, "salesman_id")}
        source, sale_id = self.sale or ("", "")
        of_key = {"source": spelling.alone(source), "sale_id": spelling.alone(sale_id)}
        return {"text": spelling.in_json(sale_id, "sale_id"), **of_key}


Write = Callable[[Settings, Sequence[Record]], None]


def forget(
    asked: Asked,
    settings: Settings,
    progress: Progress,
    write: Write = kafka.write,
    partitions: Callable[[Settings], frozenset[Partition]] = kafka.partitions,
) -> int:
    """Forgets; how many sales it was about. Safe to be done again, whatever ended it.

    Raises:
        Permanent: no sale of that kind is known.
        Retryable: a server is away, the lake is not complete in time, a reconciliation is running, or answers went back
            to a version from before meanwhile.
    """
    with session(settings) as spark:
        progress.start("find")
        # What is on its way to the lake counts, too: the record that is written comes behind it.
        bronze.wait_for_marks(spark, partitions(settings), _this_second(), settings.mark_wait_seconds, progress.note)
        found = _find(spark, asked)
        write(settings, [_record(row, asked) for row in found])
        boundary = _next_second()
        outcome = reconcile(boundary, settings, full=True, progress=progress, partitions=partitions)
        if not isinstance(outcome, Published):
            raise Permanent("the version without them was not published", todo="run it again")
        progress.start("forget")
        _take_out(spark, asked, settings, outcome)
    only_this = settings.model_copy(update={"keep_versions": 1})
    care.care(only_this, progress, snapshots=timedelta(), since=outcome.version)
    return len(found)


def _find(spark: SparkSession, asked: Asked) -> list[Any]:
    """The states of the sales; the view `parsed` holds all of the lake's log."""
    everything = datetime(2100, 1, 1, tzinfo=UTC)
    bronze.parse(spark, bronze.records(spark, everything, branches.snapshot(spark, lake.BRONZE)))
    if asked.person is not None:
        bound = {"person": asked.person, "alone": spelling.alone(asked.person)}
        sales = spark.sql(render.sales_of_person(branches.versions(spark, lake.SALES)), bound)
    else:
        key = dict(zip(render.SALE_KEY, asked.sale or ("", ""), strict=True))
        sales = spark.sql("SELECT :source AS source, :sale_id AS sale_id", key)
    sales.persist().createOrReplaceTempView(render.FORGOTTEN)
    states = spark.sql(render.states()).collect()
    if not states:
        received = asked.person or asked.sale
        raise Permanent("no sale of that kind is known", received=received, valid=_known(spark, asked))
    return states


def _known(spark: SparkSession, asked: Asked) -> str | None:
    """The sources that the log tells of, for whoever asks for a sale of one that it does not."""
    if asked.sale is None:
        return None
    sources = [source for (source,) in spark.table(PARSED).select("source").distinct().collect() if source]
    if asked.sale[0] in sources:
        return None
    return f"sales of {', '.join(sorted(sources)) or 'no source yet'}"


def _record(row: Any, asked: Asked) -> Record:
    key = None if row.key is None else bytes(row.key)
    said: dict[str, object] = {"source": row.source, "sale_id": row.sale_id}
    if row.deleted or asked.person is None:
        said[DELETED_FIELD] = True
    else:
        credited = FORGOTTEN if row.salesman_id == asked.person else row.salesman_id
        said |= {"occurred_at": f"{row.occurred_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z", "country": row.country}
        said |= {"city": row.city, "salesman_id": credited, "amount": str(row.amount), "currency": row.currency}
    return Record(row.topic, row.partition, key, json.dumps(said, ensure_ascii=False).encode())


def _this_second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _next_second() -> datetime:
    """The boundary behind what was just written."""
    boundary = _this_second() + timedelta(seconds=2)
    while datetime.now(UTC) < boundary:
        time.sleep(0.1)
    return boundary


def _take_out(spark: SparkSession, asked: Asked, settings: Settings, without: Published) -> None:
    """What the version without them has read of them; what the sources have told since is for the next one."""
    certificate, of_sale, bound = without.certificate, asked.sale is not None, dict(asked.patterns)
    bronze.parse(spark, bronze.records_of(spark, certificate.through, certificate.spans))
    positions = spark.sql(render.positions(without.version, of_sale), bound)
    positions.persist().createOrReplaceTempView(render.POSITIONS)
    care.note_trimmed(spark, certificate.through)
    spark.sql(render.delete_positions(), {"before": certificate.through})
    spark.sql(render.delete_refused(of_sale), bound)
    # Spark would compute anew what it keeps of a table whenever that changes, and care drops what that needs.
    spark.catalog.clearCache()
    store = Store.of(settings)
    store.run((each, bound) for each in render.delete_refused_in_clickhouse(of_sale))
    if asked.person is not None:
        _forget_name(store, asked.person, settings, certificate.through)
    with opened(settings.platform_dsn.get_secret_value()):
        current = store.current()
        if current:
            spark.sql(lake.set_tag(lake.QUARANTINE, current.version))
            # What it names has the older records. Without it the next run looks into all hours, once.
            branches.drop_tags(spark, [lake.BRONZE], [current.version])


def _forget_name(store: Store, person: str, settings: Settings, boundary: datetime) -> None:
    store.run([(render.delete_label(), {"person": person})])
    of_people = [ranking for ranking in RANKINGS if "salesman_id" in ranking.subject]
    store.run((render.delete_live(ranking), {"person": person, "boundary": boundary}) for ranking in of_people)
    store.run((render.delete_drift(ranking), {"person": person}) for ranking in of_people)
    with connected(settings.platform_dsn.get_secret_value()) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM labels WHERE label = 'salesman' AND key = %s", (person,))
        names = [ranking.name for ranking in of_people]
        cursor.execute("DELETE FROM drift WHERE ranking = ANY(%s) AND %s = ANY(subject)", (names, person))
