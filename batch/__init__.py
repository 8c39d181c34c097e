"""History: the whole log recomputed up to a log time T, compared with the live figures, and published as one version.

A reconciliation's way, one file each: `boundary` (which T) > `ledger` (one run at a time, one row a run) > `bronze`
(wait for the lake, then what its records say) > `silver` (the latest state of each sale) > `gold` (the sums) > `load`
(the difference goes to ClickHouse, the totals to PostgreSQL) > `drift` (what the live path had) > `publish` (the one
row that flips the answers). `reconcile` holds the order, `spark` the session, `certificate` what a run proves.
"""
