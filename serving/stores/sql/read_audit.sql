-- Lines of the audit log before a moment, the newest first.
SELECT at, request_id, who, action, target, outcome, detail
FROM audit
WHERE at < %(before)s
ORDER BY at DESC, id DESC
LIMIT %(limit)s
