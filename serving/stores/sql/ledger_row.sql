-- One reconciliation, with its certificate.
SELECT version, through, versions, status, started_at, finished_at, certificate, error
FROM ledger
WHERE version = %(version)s
