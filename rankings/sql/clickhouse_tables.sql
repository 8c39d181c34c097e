-- What stands beside the rankings' own tables in ClickHouse. Statements end with a line that holds a semicolon alone.
CREATE TABLE IF NOT EXISTS publications
(
    version UInt32 COMMENT 'the reconciliation that the answers are pinned to',
    boundary DateTime64(3, 'UTC') COMMENT 'log time T: history before it, live deltas from it on',
    versions Array(UInt32) COMMENT 'the chain of versions whose differences add up to this history',
    rankings Array(String) COMMENT 'the rankings that this version has a history for',
    published_at DateTime64(6, 'UTC') COMMENT 'when the answers began to be pinned to it'
)
ENGINE = MergeTree ORDER BY published_at
COMMENT 'One row flips all answers to a version; the row last published counts; publishing an older version again is the rollback'
;
CREATE TABLE IF NOT EXISTS quarantine
(
    topic LowCardinality(String) COMMENT 'position of the refused record in the log',
    partition UInt32 COMMENT 'position of the refused record in the log',
    offset UInt64 COMMENT 'position of the refused record in the log',
    log_time DateTime64(3, 'UTC') COMMENT 'when the log took the record',
    hop LowCardinality(String) COMMENT 'who refused it: stream or batch',
    field String COMMENT 'the field that is wrong; empty where the payload as a whole is',
    reason String COMMENT 'what was wrong, what came, what is valid',
    key String COMMENT 'the record key, byte for byte',
    payload String COMMENT 'the record as it came, byte for byte',
    seen_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'when it was last refused'
)
ENGINE = ReplacingMergeTree(seen_at) ORDER BY (topic, partition, offset, hop)
COMMENT 'Records that the contract refuses, each with its position and the reason'
;
CREATE TABLE IF NOT EXISTS progress
(
    path LowCardinality(String) COMMENT 'which job: live, lake or inspect',
    topic LowCardinality(String) COMMENT 'the topic it reads',
    partition UInt32 COMMENT 'the partition it reads',
    committed UInt64 COMMENT 'every record below this offset has arrived where the job writes',
    log_end UInt64 COMMENT 'the offset that the next record will get',
    seen_through DateTime64(3, 'UTC') COMMENT 'log time of the newest mark below committed: everything before has arrived',
    measured_at DateTime64(3, 'UTC') COMMENT 'when the gauge looked'
)
ENGINE = ReplacingMergeTree(measured_at) ORDER BY (path, topic, partition)
COMMENT 'How far each job has come in each partition, by its committed offsets and the marks'
;
CREATE TABLE IF NOT EXISTS labels
(
    label LowCardinality(String) COMMENT 'the descriptive column: salesman',
    key String COMMENT 'the value of the column that it describes',
    name String COMMENT 'the name last seen',
    seen_at DateTime64(3, 'UTC') COMMENT 'log time of the record that told it'
)
ENGINE = ReplacingMergeTree(seen_at) ORDER BY (label, key)
COMMENT 'Names shown beside subjects; the last one seen wins and never splits a sum'
;
CREATE TABLE IF NOT EXISTS drift
(
    version UInt32 COMMENT 'the reconciliation that found it',
    ranking LowCardinality(String) COMMENT 'the ranking whose sums differ',
    business_day Date COMMENT 'the sum that differs',
    currency LowCardinality(FixedString(3)) COMMENT 'the sum that differs',
    subject Array(String) COMMENT 'the sum that differs, in the order of the ranking''s subject',
    live_amount Decimal(38, 2) COMMENT 'base version and live deltas before the boundary',
    reconciled_amount Decimal(38, 2) COMMENT 'recomputed from the log',
    live_sales Int64 COMMENT 'likewise, in sales',
    reconciled_sales Int64 COMMENT 'likewise, in sales',
    cause LowCardinality(String) COMMENT 'why, if that is known'
)
ENGINE = ReplacingMergeTree PARTITION BY version ORDER BY (ranking, currency, business_day, subject)
COMMENT 'Sums that the live path and the recomputed history disagree about, by version'
;
