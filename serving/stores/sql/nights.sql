-- The last night that has ended, and how many came to nothing since the last whose work was done: at, versions, error,
-- failed. A night without an end holds its lock while it lives; else it was killed.
WITH ended AS (
    SELECT night, coalesce(ended_at, began_at) AS at, versions,
        CASE WHEN ended_at IS NULL THEN 'it was ended before its time' ELSE error END AS error
    FROM nights
    WHERE ended_at IS NOT NULL OR NOT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid = 'nights'::regclass AND objid = night::oid AND objsubid = 2
    )
)
SELECT at, versions, error,
    (SELECT count(*) FROM ended
     WHERE night > (SELECT coalesce(max(night), 0) FROM ended WHERE error IS NULL)) AS failed
FROM ended
ORDER BY night DESC
LIMIT 1
