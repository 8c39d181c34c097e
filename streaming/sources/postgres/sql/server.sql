-- Whether the server can be read from by logical replication, and as whom this connection reads.
SELECT
    current_setting('server_version_num')::int AS version,
    current_setting('wal_level') AS wal_level,
    pg_is_in_recovery() AS in_recovery,
    role.rolreplication OR role.rolsuper AS may_replicate,
    current_user AS role,
    current_setting('max_replication_slots')::int AS slots,
    (SELECT count(*) FROM pg_replication_slots) AS slots_used,
    current_setting('max_wal_senders')::int AS senders,
    (SELECT count(*) FROM pg_stat_replication) AS senders_used,
    current_setting('max_slot_wal_keep_size') AS keep_size,
    current_setting('server_encoding') AS encoding
FROM pg_roles AS role
WHERE role.rolname = current_user
