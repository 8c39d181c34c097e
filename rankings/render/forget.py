"""What is forgotten on request, as SQL: the sales it is about, and every place that tells of them.

Sales are told by the view `forgotten` (source, sale_id) in Spark; a person by `person`, a salesman's id. Refused
records are found by patterns of `rankings.spelling`: `text`, and of a sale also its key.
"""

from __future__ import annotations

from collections.abc import Iterable

from rankings.ranking import Ranking
from rankings.render.lake import BRONZE, QUARANTINE, SALES, STATE_COLUMNS, version_tag
from rankings.render.spark import PARSED, RECORDS, latest_state

FORGOTTEN = "forgotten"
"""The view of the sales: source, sale_id."""

POSITIONS = "positions"
"""The view of the positions of their records."""

SALE_KEY = ("source", "sale_id")


def sales_of_person(versions: Iterable[int]) -> str:
    """The sales that a person is credited with, or was when they were deleted; binds `person` and its pattern `alone`.

    Of a deletion the contract takes the key alone, but the record holds what the sale was, too.

    Args:
        versions: the log may tell of the person no longer, but these do, where forgetting has ended half-way.
    """
    held = [f"{SALES} VERSION AS OF '{version_tag(version)}'" for version in versions]
    credited = "\nUNION\n".join(
        f"SELECT source, sale_id FROM {table} WHERE salesman_id = :person" for table in (PARSED, *held)
    )
    return f"""{credited}
UNION
SELECT p.source, p.sale_id
FROM {PARSED} AS p
JOIN {RECORDS} AS r ON r.topic = p.topic AND r.partition = p.partition AND r.offset = p.offset
WHERE p.kind = 'deletion' AND get_json_object(CAST(r.payload AS string), '$.salesman_id') RLIKE :alone"""


def states() -> str:
    """What the log last says of the sales, from the view `parsed`, with the key that their last record has in it."""
    columns = ", ".join(f"s.{name}" for name in STATE_COLUMNS)
    return f"""SELECT DISTINCT {columns}, r.key
FROM ({latest_state()}) AS s
JOIN {FORGOTTEN} AS f ON f.source = s.source AND f.sale_id = s.sale_id
JOIN {RECORDS} AS r ON r.topic = s.topic AND r.partition = s.partition AND r.offset = s.offset"""


def _told_by_refused(of_sale: bool) -> str:
    """Whether a refused record tells of a person; or whether it tells of a sale, and names no other one."""
    payload = "CAST(payload AS string)"
    told = f"{payload} RLIKE :text"
    if not of_sale:
        return told
    names = {name: f"get_json_object({payload}, '$.{name}') RLIKE :{name}" for name in SALE_KEY}
    no_other = " AND ".join(f"coalesce({each}, true)" for each in names.values())
    return f"({told} OR coalesce({names['sale_id']}, false)) AND {no_other}"


def positions(version: int, of_sale: bool) -> str:
    """The positions of all records in the view `parsed` that tell of the sales but those that the version's states came
    of, and of the refused ones; binds what `delete_refused` binds.
    """
    return f"""SELECT DISTINCT p.topic, p.partition, p.offset
FROM {PARSED} AS p
LEFT SEMI JOIN {FORGOTTEN} AS f ON f.source = p.source AND f.sale_id = p.sale_id
LEFT ANTI JOIN {SALES} VERSION AS OF '{version_tag(version)}' AS s
    ON s.topic = p.topic AND s.partition = p.partition AND s.offset = p.offset
UNION
SELECT topic, partition, offset FROM {PARSED} WHERE kind = 'rejected' AND {_told_by_refused(of_sale)}"""


def delete_positions() -> str:
    """Takes the records of the view `positions` out of the lake's copy of the log; binds `before`.

    None of them is younger than `before`, which is said for the lake job: what it adds meanwhile is, so that neither
    has to give way.
    """
    return f"""DELETE FROM {BRONZE} AS b WHERE b.log_time < :before AND EXISTS
    (SELECT 1 FROM {POSITIONS} AS p WHERE p.topic = b.topic AND p.partition = b.partition AND p.offset = b.offset)"""


def delete_refused(of_sale: bool) -> str:
    """Takes refused records out of the lake's quarantine; binds the patterns `text`, and of a sale those of its key."""
    return f"DELETE FROM {QUARANTINE} WHERE {_told_by_refused(of_sale)}"


def delete_refused_in_clickhouse(of_sale: bool) -> list[str]:
    """The same in ClickHouse: the records, what counts them, and their history; of other records what was sent."""
    holds = " OR ".join(f"match({name}, {{text:String}})" for name in ("payload", "fields", "reason"))
    told = " OR ".join(f"match({name}, {{text:String}})" for name in ("payload", "why"))
    if of_sale:
        holds = f"({holds} OR {_SALE}) AND {_no_other('topic')}"
        told = f"({told}) AND {_no_other('from_topic')}"
    statements = (
        f"ALTER TABLE quarantine_standing DELETE WHERE record IN (SELECT cityHash64(id) FROM quarantine WHERE {holds})",
        f"ALTER TABLE quarantine_history DELETE WHERE id IN (SELECT id FROM quarantine WHERE {holds})",
        f"ALTER TABLE quarantine_history UPDATE payload = '', why = '' WHERE {told}",
        f"ALTER TABLE quarantine DELETE WHERE {holds}",
    )
    return [f"{each} SETTINGS mutations_sync = 2" for each in statements]


_SALE = "match(sale_id, {sale_id:String})"


def _no_other(topic: str) -> str:
    """Whether a record's source and sale are those that are forgotten, or not known."""
    return f"(source = {topic} OR match(source, {{source:String}})) AND (sale_id = '' OR {_SALE})"


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
