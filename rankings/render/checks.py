"""The checksum of a chain of versions where its sums are answered from; the same as the lake's and plain Python's.

A row's text is its columns joined by U+001F; its hash is the first 15 hexadecimal digits of the text's SHA-256.

The fingerprint of a version's rows is a store's own, and cheaper: once they were proved, it tells that they are still
the same.
"""

from __future__ import annotations

from rankings.ranking import Ranking


def clickhouse(ranking: Ranking) -> str:
    """A ranking's sums in ClickHouse: rows and checksum; binds `versions` Array(UInt32)."""
    keys = ", ".join(ranking.sum_key)
    keyed = ", ".join(f"toString({name})" for name in ranking.sum_key)
    return f"""SELECT count() AS rows, sum(hash) AS checksum
FROM
(
    SELECT toInt128(bitShiftRight(reinterpretAsUInt64(reverse(substring(SHA256(
        arrayStringConcat([{keyed}, toDecimalString(amount, 2), toString(sales)], '\\x1f')), 1, 8))), 4)) AS hash
    FROM
    (
        SELECT {keys}, sum(amount) AS amount, sum(sales) AS sales
        FROM {ranking.reconciled_table} FINAL
        WHERE version IN {{versions:Array(UInt32)}}
        GROUP BY {keys}
        HAVING amount != 0 OR sales != 0
    )
)"""


def postgres() -> str:
    """A ranking's sums in PostgreSQL: rows and checksum; binds `ranking` and `versions` in psycopg2's style."""
    return r"""SELECT count(*) AS rows, coalesce(sum(hash), 0) AS checksum
FROM (
    SELECT ('x' || substr(encode(sha256(convert_to(concat_ws(
        E'\x1f', business_day, currency, array_to_string(subject, E'\x1f'), amount, sales), 'UTF8')), 'hex'), 1, 15)
    )::bit(60)::bigint AS hash
    FROM (
        SELECT business_day, currency, subject, sum(amount) AS amount, sum(sales) AS sales
        FROM totals
        WHERE ranking = %(ranking)s AND version = ANY(%(versions)s)
        GROUP BY business_day, currency, subject
        HAVING sum(amount) != 0 OR sum(sales) != 0
    ) AS summed
) AS hashed"""


def clickhouse_rows(ranking: Ranking) -> str:
    """The fingerprint of a ranking's rows in ClickHouse; binds `versions` Array(UInt32)."""
    # Two rows of one key are of one version, and so of one partition.
    return f"""SELECT count() AS rows, sum(toInt128(cityHash64(
    version, {", ".join(ranking.sum_key)}, amount, sales))) AS checksum
FROM {ranking.reconciled_table} FINAL
WHERE version IN {{versions:Array(UInt32)}}
SETTINGS do_not_merge_across_partitions_select_final = 1"""


def postgres_rows() -> str:
    """The fingerprint of a ranking's rows in PostgreSQL; binds `ranking` and `versions` in psycopg2's style."""
    return """SELECT count(*) AS rows, coalesce(sum(hash_record_extended(
    ROW(version, business_day, currency, subject, amount, sales), 0)), 0) AS checksum
FROM totals
WHERE ranking = %(ranking)s AND version = ANY(%(versions)s)"""
