"""The ClickHouse engine (chDB) behind ClickHouse's HTTP interface.

One process owns the data; all others speak to it with unmodified clickhouse-connect or curl.

A request's way, one file each: `front` (routes) > `request`, `form` (what was asked) > `auth` > `tokens`, `sql`,
`guard` (what the statement is, what callers may not do) > `sessions`, or a fresh connection of `engine` > `execute` >
`answer` (status, headers, body). `compression` works on both ends, `errors` speaks as ClickHouse does, `running` knows
the queries under way, `server` starts and stops it all. `config/` holds what the engine itself is told.

Start it with `python -m stack.clickhouse`.
"""
