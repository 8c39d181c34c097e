-- The version that answers are pinned to: the one last published, which after a rollback is not the greatest.
-- Columns: version, boundary, versions, published_at.
SELECT version, through, versions, published_at
FROM ledger
WHERE published_at IS NOT NULL
ORDER BY published_at DESC
LIMIT 1
