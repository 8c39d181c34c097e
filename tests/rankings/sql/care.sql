-- compact(table=silver.sales)
CALL lake.system.rewrite_data_files(table => 'silver.sales', options => map('min-input-files', '5', 'delete-file-threshold', '1', 'partial-progress.enabled', 'false'))

-- compact_before(table=silver.sales)
CALL lake.system.rewrite_data_files(table => 'silver.sales', where => 'log_time < TIMESTAMP "{until}"', options => map('min-input-files', '5'))

-- compact_manifests(table=silver.sales)
CALL lake.system.rewrite_manifests('silver.sales')

-- remove_orphans(table=silver.sales, by_prefix=False)
CALL lake.system.remove_orphan_files(table => 'silver.sales', older_than => :older_than)

-- remove_orphans(table=silver.sales, by_prefix=True)
CALL lake.system.remove_orphan_files(table => 'silver.sales', older_than => :older_than, prefix_listing => true)

-- set_trimmed(until=2026-01-01T00:00:00+00:00)
ALTER TABLE lake.bronze.log SET TBLPROPERTIES ('tidelake.trimmed-through' = '2026-01-01T00:00:00+00:00')

-- superseded(current=3, first=2)
DELETE FROM lake.bronze.log AS b
WHERE b.log_time < :until AND EXISTS
    (SELECT 1 FROM read AS r WHERE r.topic = b.topic AND r.partition = b.partition AND b.offset <= r.last_offset)
AND NOT EXISTS
    (SELECT 1 FROM (SELECT topic, partition, offset FROM lake.silver.sales VERSION AS OF 'v2' UNION ALL SELECT topic, partition, offset FROM lake.silver.sales VERSION AS OF 'v3' UNION ALL SELECT topic, partition, offset FROM lake.silver.quarantine VERSION AS OF 'v3') AS k WHERE k.topic = b.topic AND k.partition = b.partition AND k.offset = b.offset)
