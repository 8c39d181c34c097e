"""What is forgotten on request, as SQL: the sales it is about, and every place that tells of them.

Sales are told by the view `forgotten` (source, sale_id) in Spark; a person by `person`, a salesman's id.
"""

from __future__ import annotations

from rankings.ranking import Ranking
from rankings.render.lake import BRONZE, POSITION_COLUMNS, QUARANTINE, SALE_COLUMNS, SALES
from rankings.render.spark import PARSED, RECORDS

FORGOTTEN = "forgotten"
"""The view of the sales: source, sale_id."""

POSITIONS = "positions"
"""The view of the positions of their records."""


def sales_of_person() -> str:
    """The sales that a person is credited with, or was when they were deleted; binds `person`.

    Of a deletion the contract takes the key alone, but the record holds what the sale was, too.
    """
    return f"""SELECT source, sale_id FROM {PARSED} WHERE salesman_id = :person
UNION
SELECT p.source, p.sale_id
FROM {PARSED} AS p
JOIN {RECORDS} AS r ON r.topic = p.topic AND r.partition = p.partition AND r.offset = p.offset
WHERE p.kind = 'deletion' AND trim(get_json_object(CAST(r.payload AS string), '$.salesman_id')) = :person"""


def states() -> str:
    """What silver holds of the sales, with the key that their last record has in the log."""
    columns = ", ".join(f"s.{name}" for name in ("source", "sale_id", "deleted", *SALE_COLUMNS, *POSITION_COLUMNS))
    return f"""SELECT {columns}, b.key
FROM {SALES} AS s
JOIN {FORGOTTEN} AS f ON f.source = s.source AND f.sale_id = s.sale_id
JOIN {BRONZE} AS b ON b.topic = s.topic AND b.partition = s.partition AND b.offset = s.offset"""


def positions() -> str:
    """The positions of all records of the sales but those that silver's states came of."""
    return f"""SELECT DISTINCT p.topic, p.partition, p.offset
FROM {PARSED} AS p
JOIN {FORGOTTEN} AS f ON f.source = p.source AND f.sale_id = p.sale_id
LEFT ANTI JOIN {SALES} AS s ON s.topic = p.topic AND s.partition = p.partition AND s.offset = p.offset"""


def delete_positions() -> str:
    """Takes the records of the view `positions` out of the lake's copy of the log."""
    return f"""DELETE FROM {BRONZE} AS b WHERE EXISTS
    (SELECT 1 FROM {POSITIONS} AS p WHERE p.topic = b.topic AND p.partition = b.partition AND p.offset = b.offset)"""


def delete_refused() -> str:
    """Takes refused records that hold a text out of the lake's quarantine; binds `text`."""
    return f"DELETE FROM {QUARANTINE} WHERE instr(CAST(payload AS string), :text) > 0"


def delete_refused_in_clickhouse() -> list[str]:
    """The same in ClickHouse: the records, what counts them, and their history; of other records what was sent."""
    holds = " OR ".join(f"position({name}, {{text:String}}) > 0" for name in ("payload", "fields", "reason"))
    told = " OR ".join(f"position({name}, {{text:String}}) > 0" for name in ("payload", "why"))
    statements = (
        f"ALTER TABLE quarantine_standing DELETE WHERE record IN (SELECT cityHash64(id) FROM quarantine WHERE {holds})",
        f"ALTER TABLE quarantine_history DELETE WHERE id IN (SELECT id FROM quarantine WHERE {holds})",
        f"ALTER TABLE quarantine_history UPDATE payload = '', why = '' WHERE {told}",
        f"ALTER TABLE quarantine DELETE WHERE {holds}",
    )
    return [f"{each} SETTINGS mutations_sync = 2" for each in statements]


def delete_label() -> str:
    """Takes a person's name out of ClickHouse; binds `person`."""
    return "ALTER TABLE labels DELETE WHERE label = 'salesman' AND key = {person:String} SETTINGS mutations_sync = 2"


def delete_drift(ranking: Ranking) -> str:
    """Takes a person's sums out of what live and history disagreed about, in ClickHouse; binds `person`."""
    return (
        f"ALTER TABLE drift DELETE WHERE ranking = '{ranking.name}' AND has(subject, {{person:String}}) "
        "SETTINGS mutations_sync = 2"
    )


def delete_live(ranking: Ranking) -> str:
    """Takes a person's live deltas before a boundary out of ClickHouse; binds `person` and `boundary`."""
    return (
        f"ALTER TABLE {ranking.live_table} DELETE WHERE salesman_id = {{person:String}} "
        "AND second < {boundary:DateTime64(3)} SETTINGS mutations_sync = 2"
    )
