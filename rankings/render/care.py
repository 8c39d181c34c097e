"""The care of the lake's tables as Spark SQL: compaction, orphans, and what is dropped of the log's copy."""

from __future__ import annotations

from rankings.render.lake import BRONZE, QUARANTINE, SALES, version_tag

READ = "read"
"""The view of the last offset that a version has read of each partition: topic, partition, last_offset."""

TRIMMED = "tidelake.trimmed-through"
"""The property of bronze that says up to which log time superseded records may have been dropped."""


def _name(table: str) -> str:
    """Iceberg's procedures want a table without its catalogue."""
    return table.removeprefix("lake.")


def compact(table: str) -> str:
    """Joins small files and applies what was deleted; files that are well already stay."""
    options = "'min-input-files', '5', 'delete-file-threshold', '1', 'partial-progress.enabled', 'false'"
    return f"CALL lake.system.rewrite_data_files(table => '{_name(table)}', options => map({options}))"


def compact_before(table: str) -> str:
    """The same for what lies before a log time alone, so that nobody who writes is disturbed; binds `until`."""
    options = "'min-input-files', '5'"
    return (
        f"CALL lake.system.rewrite_data_files(table => '{_name(table)}', "
        f"where => 'log_time < TIMESTAMP \"{{until}}\"', options => map({options}))"
    )


def compact_manifests(table: str) -> str:
    """Joins small manifests."""
    return f"CALL lake.system.rewrite_manifests('{_name(table)}')"


def remove_orphans(table: str, *, by_prefix: bool = False) -> str:
    """Drops files that no snapshot knows: what killed writers left; binds `older_than`.

    With `by_prefix`, the table's own files are asked for by Iceberg's client of the object store, not by Hadoop's.
    """
    listing = ", prefix_listing => true" if by_prefix else ""
    return f"CALL lake.system.remove_orphan_files(table => '{_name(table)}', older_than => :older_than{listing})"


def superseded(current: int, first: int) -> str:
    """Drops the records of bronze before a log time that no state and no refusal came of; binds `until`.

    What lies behind the offsets of the view `read` stays, whatever its log time: clocks go back.

    Args:
        current: the version that answers are pinned to, which has read the others.
        first: another whose states stay, too.
    """
    tables = [f"{SALES} VERSION AS OF '{version_tag(version)}'" for version in sorted({current, first})]
    tables.append(f"{QUARANTINE} VERSION AS OF '{version_tag(current)}'")
    kept = " UNION ALL ".join(f"SELECT topic, partition, offset FROM {table}" for table in tables)
    return f"""DELETE FROM {BRONZE} AS b
WHERE b.log_time < :until AND EXISTS
    (SELECT 1 FROM {READ} AS r WHERE r.topic = b.topic AND r.partition = b.partition AND b.offset <= r.last_offset)
AND NOT EXISTS
    (SELECT 1 FROM ({kept}) AS k WHERE k.topic = b.topic AND k.partition = b.partition AND k.offset = b.offset)"""


def set_trimmed(until: str) -> str:
    """Notes on bronze that superseded records before a log time may be gone."""
    return f"ALTER TABLE {BRONZE} SET TBLPROPERTIES ('{TRIMMED}' = '{until}')"
