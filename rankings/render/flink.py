"""The live job and the lake job as Flink SQL.

The live plan: records of all topics are parsed once (`ParseRecord`); what the contract refuses goes to quarantine;
the steps of each sale (`SaleSteps`, keyed by source and sale_id) become signed deltas; for each ranking the deltas are
summed per log second, business day, currency and subject, and a vectorised function inserts the sums. The session's
time zone must be the business time zone: it turns `occurred_at` into business days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rankings.ranking import Ranking
from rankings.topics import PATTERN

FUNCTIONS: Mapping[str, str] = {name: f"tidelake.{name}" for name in ("ParseRecord", "SaleSteps", "EpochMillis")}
"""The kernel's functions, by the names that the statements below use."""


IDLE = "100 ms"
"""How long a partition may be silent before the watermark goes on without it."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How a job reads the log: servers, its consumer group, and whether it ends at the present end."""

    servers: str
    group: str
    bounded: bool = False

    def sql(self) -> str:
        """The options as they stand behind WITH."""
        options = {
            "connector": "kafka",
            "topic-pattern": PATTERN,
            "properties.bootstrap.servers": self.servers,
            "properties.group.id": self.group,
            "properties.isolation.level": "read_committed",
            "scan.startup.mode": "earliest-offset",
            "scan.topic-partition-discovery.interval": "0" if self.bounded else "10 s",
            "scan.watermark.idle-timeout": IDLE,
            **({"scan.bounded.mode": "latest-offset"} if self.bounded else {}),
            "key.format": "raw",
            "key.fields": "key",
            "value.format": "raw",
            "value.fields-include": "EXCEPT_KEY",
        }
        return ",\n    ".join(f"'{name}' = '{value}'" for name, value in options.items())


def log_table(options: LogOptions) -> str:
    """The log as it came: position, log time, key and payload.

    The watermark only paces the mini-batches of sums. (A process table function makes the planner pace them by event
    time; a partition without records is left out of it after `IDLE`.) Nothing is ever late.
    """
    return f"""CREATE TEMPORARY TABLE log (
    `key` BYTES,
    payload BYTES,
    topic STRING NOT NULL METADATA VIRTUAL,
    `partition` INT NOT NULL METADATA VIRTUAL,
    `offset` BIGINT NOT NULL METADATA VIRTUAL,
    log_time TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
    WATERMARK FOR log_time AS log_time
) WITH (
    {options.sql()}
)"""


def functions() -> list[str]:
    """Makes the kernel's functions known."""
    return [f"CREATE TEMPORARY SYSTEM FUNCTION {name} AS '{java}' LANGUAGE JAVA" for name, java in FUNCTIONS.items()]


def parsed() -> str:
    """The records that are no marks, each with what it says or why it is refused."""
    return (
        "SELECT log.topic, `partition`, `offset`, log_time, `key`, payload, said.*\n"
        "FROM log, LATERAL TABLE(ParseRecord(payload)) AS said"
    )


def sales() -> str:
    """The records that the contract takes, as `SaleSteps` reads them; from the view `parsed`. Days count from 1970."""
    return (
        "SELECT `source`, sale_id, CAST(log_time AS TIMESTAMP_LTZ(3)) AS log_time, deleted,\n"
        "    TIMESTAMPDIFF(DAY, DATE '1970-01-01', CAST(occurred_at AS DATE)) AS business_day,\n"
        "    currency, country, city, salesman_id, salesman, cents\n"
        "FROM parsed WHERE reason IS NULL"
    )


def steps() -> str:
    """The signed deltas; from the view `sales`. Seconds count from 1970."""
    return (
        "SELECT `second`, business_day, currency, country, city, salesman_id, seen_salesman, cents, sales\n"
        "FROM SaleSteps(input => TABLE sales PARTITION BY (`source`, sale_id), uid => 'sale-steps')"
    )


def sums(ranking: Ranking, ttl_hours: int) -> str:
    """A ranking's deltas summed per log second, with the columns `sum_columns`; from the view `steps`.

    The state of a second's sums is forgotten `ttl_hours` after it changed last; a sale's own state never is.
    """
    key = ", ".join(f"`{name}`" for name in ("second", *ranking.sum_key))
    seen = "".join(f", MAX({name}) AS {name}" for name in _seen(ranking))
    return (
        f"SELECT /*+ STATE_TTL('steps' = '{ttl_hours}h') */ {key},\n"
        f"    SUM(cents) AS cents, SUM(sales) AS sales, COUNT(*) AS records{seen}\n"
        f"FROM steps GROUP BY {key}"
    )


def sum_columns(ranking: Ranking) -> tuple[str, ...]:
    """The columns of `sums`, in order; `seen_...` is log time (13 digits of milliseconds) and name, or null."""
    return ("second", *ranking.sum_key, "cents", "sales", "records", *_seen(ranking))


def _seen(ranking: Ranking) -> tuple[str, ...]:
    return tuple(f"seen_{label.column}" for label in ranking.labels)


REFUSED_COLUMNS = ("topic", "partition", "offset", "log_ms", "field", "reason", "key", "payload")
"""The columns of `refused`, in order."""


def refused() -> str:
    """The records that the contract refuses, with the columns `REFUSED_COLUMNS`; from the view `parsed`."""
    return (
        "SELECT topic, `partition`, `offset`, EpochMillis(log_time) AS log_ms, field, reason, `key`, payload\n"
        "FROM parsed WHERE reason IS NOT NULL"
    )


def insert_through(function: str, columns: tuple[str, ...], query: str, sink: str) -> str:
    """Passes each row of a query through a function whose result goes to a sink that keeps nothing."""
    arguments = ", ".join(f"`{name}`" for name in columns)
    return f"INSERT INTO {sink} SELECT {function}({arguments}) FROM (\n{query}\n)"


def nowhere(sink: str) -> str:
    """The sink that keeps nothing."""
    return f"CREATE TEMPORARY TABLE {sink} (done BIGINT) WITH ('connector' = 'blackhole')"


def lake_insert(table: str) -> str:
    """The log copied to the lake, nothing parsed."""
    return (
        f"INSERT INTO {table} SELECT topic, `partition`, `offset`, `key`, payload, CAST(log_time AS TIMESTAMP_LTZ(6)) "
        "FROM log"
    )
