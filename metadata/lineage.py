"""The lineage of every answer, derived from the definitions alone: rankings, sources, and the columns of a sale.

source ► topic ► bronze.log ► silver.sales ► gold.<ranking> ► reconciled_<ranking> ► API
                      └───────────────────────────────────────────────► live_<ranking>       ► API
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from metadata.graph import Columns, Dataset, Flow, Graph, Job
from rankings.catalogue import RANKINGS
from rankings.contract import KEY_RULES, SALE_RULES
from rankings.ranking import Ranking
from rankings.render import lake
from rankings.topics import TOPICS
from runtime.settings import settings
from streaming.sources.catalogue import Catalogue
from streaming.sources.definition import Source

SALE_COLUMNS: Columns = tuple(rule.field for rule in (*KEY_RULES, *SALE_RULES))

LAKE = Job("lake", "bronze", "flink", "keeps every record of the log as it came")
LIVE = Job("live", "deltas", "flink", "sums signed changes by log second")
SILVER = Job("reconcile", "silver", "spark", "merges the latest state of every sale")
GOLD = Job("reconcile", "gold", "spark", "sums the whole history")
PUBLISH = Job("reconcile", "publish", "spark", "loads the differences to the version before")
SERVE = Job("api", "answer", "http", "merges history and live deltas, and ranks them")

BRONZE = Dataset(
    "iceberg",
    lake.BRONZE,
    "every record of the log as it came, with its position",
    ("topic", "partition", "offset", "key", "payload", "log_time"),
)
SILVER_SALES = Dataset("iceberg", lake.SALES, "the latest state of every sale", SALE_COLUMNS)
LIVE_LABELS = Dataset("clickhouse", "labels", "names shown beside subjects", ("label", "key", "name", "seen_at"))
KEPT_LABELS = Dataset(
    "postgres", "tidelake.public.labels", "the same names, for when ClickHouse is away", LIVE_LABELS.columns
)
TOTALS = Dataset(
    "postgres",
    "tidelake.public.totals",
    "the history's sums, for when ClickHouse is away",
    ("ranking", "business_day", "currency", "subject", "amount", "sales"),
)


def lineage(among: tuple[Ranking, ...] = RANKINGS, sources: tuple[Source, ...] | None = None) -> Graph:
    """The whole graph of those rankings over those sources, all whose definitions are valid unless told."""
    chosen = Catalogue(settings()).look() if sources is None else sources
    topics = tuple(sorted({*TOPICS, *(each.into for each in chosen)}))
    read = [_from_source(each) for each in chosen]
    lake = [_from_topic(LAKE, topic, BRONZE, _pairs(SALE_COLUMNS, "payload")) for topic in topics]
    silver = Flow(SILVER, BRONZE, SILVER_SALES, _pairs_from("payload", SALE_COLUMNS))
    answers = [flow for ranking in among for flow in _of_ranking(ranking, topics)]
    return Graph(tuple(dict.fromkeys((*read, *lake, silver, *answers))))


def route(ranking: Ranking) -> Dataset:
    """The address that gives a ranking's answers."""
    labels = tuple(label.column for label in ranking.labels)
    columns = ("rank", *ranking.subject, *labels, "currency", "amount", "sales")
    return Dataset("http", f"/v1/rankings/{ranking.name}", ranking.title, columns)


def topic_dataset(topic: str) -> Dataset:
    """A topic of the log."""
    return Dataset("kafka", topic, "changes of sales; each record names its source", SALE_COLUMNS)


def _from_source(source: Source) -> Flow:
    """The way from what a source reads into its topic, column by column where a column is only renamed."""
    renamed = {name: each.field for name, each in source.fields.mapped().items() if each.field is not None}
    pairs = tuple((field, name) for name, field in renamed.items() if name in SALE_COLUMNS)
    platform, name = source.origin
    origin = Dataset(
        platform, name, source.description or f"sales of {source.name}", tuple(dict.fromkeys(renamed.values()))
    )
    job = Job("sources", source.name, source.reader, f"brings the sales of {source.name} into the log")
    return Flow(job, origin, topic_dataset(source.into), pairs)


def _from_topic(job: Job, topic: str, downstream: Dataset, columns: tuple[tuple[str, str], ...]) -> Flow:
    return Flow(job, topic_dataset(topic), downstream, columns)


def _of_ranking(ranking: Ranking, topics: Iterable[str]) -> Iterator[Flow]:
    gold, answer = _gold(ranking), route(ranking)
    live, reconciled = _deltas(ranking, ranking.live_table), _deltas(ranking, ranking.reconciled_table)
    yield Flow(GOLD, SILVER_SALES, gold, _sums(ranking))
    yield Flow(PUBLISH, gold, reconciled, _same(gold.columns))
    yield Flow(PUBLISH, gold, TOTALS, _into_totals(ranking))
    for topic in topics:
        yield _from_topic(LIVE, topic, live, _sums(ranking))
    for deltas in (reconciled, live):
        yield Flow(SERVE, deltas, answer, _into_answer(ranking))
    yield Flow(SERVE, TOTALS, answer, _out_of_totals(ranking))
    yield from _labels(ranking, topics)


def _gold(ranking: Ranking) -> Dataset:
    columns = (*ranking.sum_key, "amount", "sales")
    return Dataset("iceberg", lake.gold(ranking), f"{ranking.title}: sums of the history", columns)


def _deltas(ranking: Ranking, table: str) -> Dataset:
    kind = "changes by log second" if table == ranking.live_table else "differences between versions"
    return Dataset("clickhouse", table, f"{ranking.title}: {kind}", (*ranking.sum_key, "amount", "sales"))


def _sums(ranking: Ranking) -> tuple[tuple[str, str], ...]:
    """How the columns of a sale become those of a sum; the number of sales is counted by key."""
    kept = tuple((column, column) for column in ("currency", *ranking.subject))
    counted = tuple((rule.field, "sales") for rule in KEY_RULES)
    return (("occurred_at", "business_day"), *kept, (ranking.measure.column, "amount"), *counted)


def _into_answer(ranking: Ranking) -> tuple[tuple[str, str], ...]:
    """The rank comes of the amount, and of the subject where amounts are equal; all of them of the days asked for."""
    return (*_same(("currency", *ranking.subject, "amount", "sales")), *_ranked(ranking.subject))


def _ranked(subject: Columns) -> tuple[tuple[str, str], ...]:
    days = (("business_day", target) for target in ("rank", "amount", "sales"))
    return (*days, *_pairs(("amount", *subject), "rank"))


def _into_totals(ranking: Ranking) -> tuple[tuple[str, str], ...]:
    return (*_same(("business_day", "currency", "amount", "sales")), *_pairs(ranking.subject, "subject"))


def _out_of_totals(ranking: Ranking) -> tuple[tuple[str, str], ...]:
    subject = _pairs_from("subject", ranking.subject)
    return (*_same(("currency", "amount", "sales")), *subject, *_ranked(("subject",)))


def _labels(ranking: Ranking, topics: Iterable[str]) -> Iterator[Flow]:
    """A name goes beside the sums: from the record that told it last into the answer."""
    for label in ranking.labels:
        told = ((label.key, "key"), (label.column, "name"))
        for topic in topics:
            yield _from_topic(LIVE, topic, LIVE_LABELS, told)
        for table in (LIVE_LABELS, KEPT_LABELS):
            yield Flow(PUBLISH, BRONZE, table, _pairs_from("payload", ("key", "name")))
            yield Flow(SERVE, table, route(ranking), (("name", label.column),))


def _same(columns: Columns) -> tuple[tuple[str, str], ...]:
    return tuple((column, column) for column in columns)


def _pairs(columns: Columns, target: str) -> tuple[tuple[str, str], ...]:
    return tuple((column, target) for column in columns)


def _pairs_from(source: str, columns: Columns) -> tuple[tuple[str, str], ...]:
    return tuple((source, column) for column in columns)
