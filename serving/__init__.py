"""ANSWER: history and live as one exact answer, with its evidence.

A request's way: `http/` (parameters, key, errors) > `answers` (which publication, which parts, what is missing) >
`cached` (one flight per key, over `cache`) > `stores/` (ClickHouse, or PostgreSQL when ClickHouse is away) > `document`
and `evidence` (what the caller reads). `ports` says what a store has to give; `compose` puts the real ones together.
"""
