-- The replication slot of a source, and how far it is behind; run on the source's database.
SELECT
    slot.active,
    coalesce(slot.wal_status, 'reserved') AS wal_status,
    slot.database,
    slot.plugin,
    pg_wal_lsn_diff(log.ends, slot.confirmed_flush_lsn)::bigint AS lag_bytes,
    pg_wal_lsn_diff(log.ends, slot.restart_lsn)::bigint AS kept_bytes,
    slot.safe_wal_size
FROM pg_replication_slots AS slot
-- A standby, which may have a copy of the slot, writes no log of its own and refuses to tell where that ends.
CROSS JOIN (
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS ends
) AS log
WHERE slot.slot_name = %(slot)s
