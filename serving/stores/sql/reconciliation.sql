-- The last run that published, the last that did not, and how many did not since: kind, version, at, status, error, runs.
WITH runs AS (
    SELECT version, coalesce(finished_at, started_at) AS at, status, error, status = 'published' AS well
    FROM ledger
    WHERE status IN ('published', 'failed', 'held') OR error IS NOT NULL
)
SELECT DISTINCT ON (well) well, version, at, status, error,
    (SELECT count(*) FROM runs
     WHERE NOT well AND version > (SELECT coalesce(max(version), 0) FROM runs WHERE well)) AS failed_since
FROM runs
ORDER BY well, version DESC
