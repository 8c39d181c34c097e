-- The platform's own database: the ledger of reconciliations, the totals that outlive ClickHouse, and the API keys.
CREATE TABLE IF NOT EXISTS ledger (
    version integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    through timestamptz NOT NULL,
    versions integer[] NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'held', 'published', 'failed')),
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    published_at timestamptz,
    certificate jsonb NOT NULL DEFAULT '{}',
    error text
);
COMMENT ON TABLE ledger IS 'One row a reconciliation: its boundary, its base and its certificate';
COMMENT ON COLUMN ledger.through IS 'log time T: the run covers every record before it';
COMMENT ON COLUMN ledger.versions IS 'the chain of versions whose differences add up to this one; it comes last';
COMMENT ON COLUMN ledger.status IS 'running: under way, or ended before its time and to be taken up; held: its drift is over the limit';
COMMENT ON COLUMN ledger.published_at IS 'when answers were last pinned to it; the greatest tells the current version';
COMMENT ON COLUMN ledger.certificate IS 'offsets, marks, counts, checksums, snapshots and drift of the run';

CREATE TABLE IF NOT EXISTS nights (
    night integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    versions integer[] NOT NULL DEFAULT '{}',
    error text
);
COMMENT ON TABLE nights IS 'Each time that the night''s work was done: what was missed reconciled, lake and stores cared for';
COMMENT ON COLUMN nights.ended_at IS 'null while it is under way, and of one that was killed, which no longer holds its lock';
COMMENT ON COLUMN nights.versions IS 'what it published';
COMMENT ON COLUMN nights.error IS 'why it came to nothing';

CREATE TABLE IF NOT EXISTS totals (
    version integer NOT NULL REFERENCES ledger (version),
    ranking text NOT NULL,
    business_day date NOT NULL,
    currency char(3) NOT NULL,
    subject text[] NOT NULL,
    amount numeric(38, 2) NOT NULL,
    sales bigint NOT NULL,
    PRIMARY KEY (ranking, version, currency, business_day, subject)
);
COMMENT ON TABLE totals IS 'What each version changed in the sums: its chain adds up to the history that answers when ClickHouse is away';

CREATE TABLE IF NOT EXISTS care (
    at timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
    live_kept_from timestamptz NOT NULL
);
COMMENT ON TABLE care IS 'When live deltas were dropped, and from which log time on all of them are there';

CREATE TABLE IF NOT EXISTS labels (
    label text NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (label, key)
);
COMMENT ON TABLE labels IS 'Names shown beside subjects';

CREATE TABLE IF NOT EXISTS drift (
    version integer NOT NULL REFERENCES ledger (version),
    ranking text NOT NULL,
    business_day date NOT NULL,
    currency char(3) NOT NULL,
    subject text[] NOT NULL,
    live_amount numeric(38, 2) NOT NULL,
    reconciled_amount numeric(38, 2) NOT NULL,
    live_sales bigint NOT NULL,
    reconciled_sales bigint NOT NULL,
    cause text NOT NULL,
    PRIMARY KEY (ranking, version, currency, business_day, subject)
);
COMMENT ON TABLE drift IS 'Sums that the live path and the recomputed history disagreed about, by version';

CREATE TABLE IF NOT EXISTS api_keys (
    key_id text PRIMARY KEY,
    name text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON TABLE api_keys IS 'Who may call the API; SHA-256 of the key, never the key';

CREATE TABLE IF NOT EXISTS source_states (
    name text PRIMARY KEY,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'waiting', 'retrying', 'stopped')),
    last_error text,
    last_read_at timestamptz,
    next_read_at timestamptz,
    counts jsonb NOT NULL DEFAULT '{}',
    detail jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    enabled boolean NOT NULL DEFAULT true,
    start_requested_at timestamptz
);
COMMENT ON TABLE source_states IS 'How each source fares; what it has read is told by the log itself';
COMMENT ON COLUMN source_states.state IS 'stopped: by an operator, or until a person has changed something';
COMMENT ON COLUMN source_states.enabled IS 'false: an operator has stopped it';
COMMENT ON COLUMN source_states.start_requested_at IS 'when an operator last asked for a start';
COMMENT ON COLUMN source_states.counts IS 'records read, accepted and quarantined since its first reading';

CREATE TABLE IF NOT EXISTS postgres_sources (
    source text PRIMARY KEY,
    tables jsonb NOT NULL DEFAULT '{}',
    snapshot jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE postgres_sources IS 'What is remembered of each source in PostgreSQL beside what Debezium keeps';
COMMENT ON COLUMN postgres_sources.tables IS 'the file of each table''s rows when they were read: another one tells of TRUNCATE';
COMMENT ON COLUMN postgres_sources.snapshot IS 'how far a reading of all rows is';

CREATE TABLE IF NOT EXISTS audit (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    request_id text NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    outcome text NOT NULL,
    detail text NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_by_time ON audit (at);
COMMENT ON TABLE audit IS 'What operators did by the API and with keys; lines are only ever added';
