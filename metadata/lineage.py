"""The lineage of every answer, derived from the definitions alone: rankings, topics, and the columns of a sale.

PostgreSQL table ► topic ► bronze.log ► silver.sales ► gold.<ranking> ► reconciled_<ranking> ► API
                      └───────────────────────────────────────────────► live_<ranking>       ► API
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from metadata.graph import Columns, Dataset, Flow, Graph, Job
from rankings.catalogue import RANKINGS
from rankings.contract import KEY_RULES, SALE_RULES
from rankings.ranking import Ranking
from rankings.render import spark
from rankings.topics import TOPICS, Topic

CDC_PREFIX = "cdc."
"""Topics with this prefix carry the changes of the operational database's table that the rest of the name names."""

SALE_COLUMNS: Columns = tuple(rule.field for rule in (*KEY_RULES, *SALE_RULES))

CONNECT = Job("connect", "sales", "kafka-connect", "Debezium streams the committed changes of the table")
LAKE = Job("lake", "bronze", "flink", "keeps every record of the log as it came")
LIVE = Job("live", "deltas", "flink", "sums signed changes by log second")
SILVER = Job("reconcile", "silver", "spark", "merges the latest state of every sale")
GOLD = Job("reconcile", "gold", "spark", "sums the whole history")
PUBLISH = Job("reconcile", "publish", "spark", "loads the differences to the version before")
SERVE = Job("api", "answer", "http", "merges history and live deltas, and ranks them")

BRONZE = Dataset(
    "iceberg",
    spark.BRONZE,
    "every record of the log as it came, with its position",
    ("topic", "partition", "offset", "key", "payload", "log_time"),
)
SILVER_SALES = Dataset("iceberg", spark.SALES, "the latest state of every sale", SALE_COLUMNS)
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


def lineage(among: tuple[Ranking, ...] = RANKINGS, topics: tuple[Topic, ...] = TOPICS) -> Graph:
    """The whole graph of those rankings over those topics."""
    sources = [flow for topic in topics for flow in _from_source(topic)]
    lake = [_from_topic(LAKE, topic, BRONZE, _pairs(SALE_COLUMNS, "payload")) for topic in topics]
    silver = Flow(SILVER, BRONZE, SILVER_SALES, _pairs_from("payload", SALE_COLUMNS))
    answers = [flow for ranking in among for flow in _of_ranking(ranking, topics)]
    return Graph(tuple(dict.fromkeys((*sources, *lake, silver, *answers))))


def route(ranking: Ranking) -> Dataset:
    """The address that gives a ranking's answers."""
    labels = tuple(label.column for label in ranking.labels)
    columns = ("rank", *ranking.subject, *labels, "currency", "amount", "sales")
    return Dataset("http", f"/v1/rankings/{ranking.name}", ranking.title, columns)


def topic_dataset(topic: Topic) -> Dataset:
    """A topic of the log."""
    if topic.source:
        return Dataset("kafka", topic.name, f"changes of the sales of {topic.source}", _without_source())
    return Dataset("kafka", topic.name, "changes of sales; each record names its source", SALE_COLUMNS)


def _without_source() -> Columns:
    """What a sale has where the table or the topic says by itself whose it is."""
    return tuple(column for column in SALE_COLUMNS if column != "source")


def _from_source(topic: Topic) -> Iterator[Flow]:
    """The way from the operational table into its topic; the source's name is that of its database."""
    if topic.source and topic.name.startswith(CDC_PREFIX):
        columns = _without_source()
        name = f"{topic.source}.{topic.name.removeprefix(CDC_PREFIX)}"
        table = Dataset("postgres", name, "the operational table of sales", columns)
        yield Flow(CONNECT, table, topic_dataset(topic), _same(columns))


def _from_topic(job: Job, topic: Topic, downstream: Dataset, columns: tuple[tuple[str, str], ...]) -> Flow:
    upstream = topic_dataset(topic)
    return Flow(job, upstream, downstream, tuple(pair for pair in columns if pair[0] in upstream.columns))


def _of_ranking(ranking: Ranking, topics: Iterable[Topic]) -> Iterator[Flow]:
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
    return Dataset("iceberg", spark.gold(ranking), f"{ranking.title}: sums of the history", columns)


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


def _labels(ranking: Ranking, topics: Iterable[Topic]) -> Iterator[Flow]:
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
