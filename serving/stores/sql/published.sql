-- The version last published. Columns: version, boundary, published_at.
SELECT version, through, finished_at
FROM ledger
WHERE status = 'published'
ORDER BY version DESC
LIMIT 1
