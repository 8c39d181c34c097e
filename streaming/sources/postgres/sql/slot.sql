-- The replication slot of a source, and how far it is behind; run on the source's database.
SELECT
    slot.active,
    coalesce(slot.wal_status, 'reserved') AS wal_status,
    slot.database,
    slot.plugin,
    pg_wal_lsn_diff(pg_current_wal_lsn(), slot.confirmed_flush_lsn)::bigint AS lag_bytes,
    pg_wal_lsn_diff(pg_current_wal_lsn(), slot.restart_lsn)::bigint AS kept_bytes,
    slot.safe_wal_size
FROM pg_replication_slots AS slot
WHERE slot.slot_name = %(slot)s
