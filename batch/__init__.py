"""History: what is new in the log brought into the sums, compared with the live figures, and published as one version.

A reconciliation's way, one file each: `boundary` (which T) > `ledger` (one run at a time, one row a run) > `bronze`
(wait for the lake, then the records that are new) > `parse` > `silver` (the latest state of each sale) > `gold` (the
sums of the days that changed) > `load` (the difference, to ClickHouse and PostgreSQL) > `checks` (the stores hold what
the lake says) > `drift` and `causes` (what the live path had, and why) > `publish` (the one row that flips all).
`run` holds the order, `branches` what is written beside what is published, `certificate` what a run proves, `spark` the
session. Over versions: `history`, `verify`, `source`. By night: `nightly`, `care`; `nights` tells how it went. On
request: `forget`.
"""
