-- altered(statement=ALTER TABLE t DELETE WHERE a IN (SELECT a FROM u) SETTINGS mutations_sync = 2, cluster=None)
ALTER TABLE t DELETE WHERE a IN (SELECT a FROM u) SETTINGS mutations_sync = 2

-- altered(statement=ALTER TABLE t DELETE WHERE a IN (SELECT a FROM u) SETTINGS mutations_sync = 2, cluster=main)
ALTER TABLE t_local ON CLUSTER main DELETE WHERE a IN (SELECT a FROM u) SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1

-- altered(statement=OPTIMIZE TABLE t, cluster=None)
OPTIMIZE TABLE t

-- altered(statement=OPTIMIZE TABLE t, cluster=main)
OPTIMIZE TABLE t

-- drop_partition(table=silver.sales, partition=3)
ALTER TABLE silver.sales DROP PARTITION 3

-- live_days_before(cluster=None)
SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND active AND table = {table:String} AND partition < {day:String}

-- live_days_before(cluster=main)
SELECT DISTINCT partition FROM clusterAllReplicas('main', system.parts) WHERE database = 'tidelake' AND active AND extract(table, '^(.*)_local$') = {table:String} AND partition < {day:String}

-- loaded_versions(cluster=None)
SELECT DISTINCT toUInt32(partition) FROM system.parts WHERE database = currentDatabase() AND active AND table IN {tables:Array(String)}

-- loaded_versions(cluster=main)
SELECT DISTINCT toUInt32(partition) FROM clusterAllReplicas('main', system.parts) WHERE database = 'tidelake' AND active AND extract(table, '^(.*)_local$') IN {tables:Array(String)}

-- on_cluster(cluster=main, among=2 of them)
CREATE DATABASE IF NOT EXISTS tidelake ON CLUSTER main
;
-- What stands beside the rankings' own tables in ClickHouse. Statements end with a line that holds a semicolon alone.
CREATE TABLE IF NOT EXISTS publications_local ON CLUSTER main
(
    version UInt32 COMMENT 'the reconciliation that the answers are pinned to',
    boundary DateTime64(3, 'UTC') COMMENT 'log time T: history before it, live deltas from it on',
    versions Array(UInt32) COMMENT 'the chain of versions whose differences add up to this history',
    rankings Array(String) COMMENT 'the rankings that this version has a history for',
    published_at DateTime64(6, 'UTC') COMMENT 'when the answers began to be pinned to it'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY published_at
COMMENT 'One row flips all answers to a version; the row last published counts; publishing an older version again is the rollback'
;
CREATE TABLE IF NOT EXISTS publications ON CLUSTER main AS publications_local
ENGINE = Distributed(main, tidelake, publications_local, cityHash64(published_at))
;
CREATE TABLE IF NOT EXISTS care_local ON CLUSTER main
(
    cared_at DateTime64(6, 'UTC') COMMENT 'just before it was dropped',
    newest UInt32 COMMENT 'the greatest version that there was: nothing has been dropped of later ones',
    versions Array(UInt32) COMMENT 'the versions up to it whose differences are kept',
    live_from DateTime64(3, 'UTC') COMMENT 'log time from which on all live deltas are kept'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY cared_at
COMMENT 'What tidelake care has left; figures as of a version need all of its chain, and with live ones the deltas since its boundary'
;
CREATE TABLE IF NOT EXISTS care ON CLUSTER main AS care_local
ENGINE = Distributed(main, tidelake, care_local, cityHash64(cared_at))
;
CREATE TABLE IF NOT EXISTS quarantine_local ON CLUSTER main
(
    id String DEFAULT concat(topic, '/', toString(partition), '/', toString(offset))
        COMMENT 'the record''s name for ever: its position in the log, or its source and a hash of what came',
    hop LowCardinality(String) COMMENT 'who refused it: source, stream or batch',
    topic SimpleAggregateFunction(anyLast, LowCardinality(String))
        COMMENT 'where it stands in the log, or would have gone',
    partition SimpleAggregateFunction(anyLast, UInt32) DEFAULT 0
        COMMENT 'position in the log; 0 where the record never came to it',
    offset SimpleAggregateFunction(anyLast, UInt64) DEFAULT 0
        COMMENT 'position in the log; 0 where the record never came to it',
    at SimpleAggregateFunction(anyLast, String) DEFAULT id COMMENT 'where it stands in its source, for people',
    log_time SimpleAggregateFunction(anyLast, DateTime64(3, 'UTC'))
        COMMENT 'when the log took it; where it never came to the log, when it was read',
    field SimpleAggregateFunction(anyLast, String)
        COMMENT 'the field that is wrong; empty where the payload as a whole is',
    reason SimpleAggregateFunction(anyLast, String) COMMENT 'what was wrong, what came, what is valid',
    key SimpleAggregateFunction(anyLast, String) DEFAULT '' COMMENT 'the record key, byte for byte',
    payload SimpleAggregateFunction(anyLast, String) COMMENT 'the record as it came, byte for byte',
    fields SimpleAggregateFunction(anyLast, String) DEFAULT ''
        COMMENT 'its fields as JSON where it never came to the log; empty where it is not readable',
    source SimpleAggregateFunction(anyLast, LowCardinality(String)) DEFAULT coalesce(nullIf(normalizeUTF8NFC(
        extract(JSONExtractString(payload, 'source'),
            '^[ \\t\\r\\n]*([^\\x00-\\x1f\\x7f]{1,200}?)[ \\t\\r\\n]*$')), ''), topic)
        COMMENT 'the source that the payload names; the topic where it names none',
    sale_id SimpleAggregateFunction(anyLast, String) DEFAULT if(source = topic, '', normalizeUTF8NFC(
        extract(JSONExtractString(payload, 'sale_id'), '^[ \\t\\r\\n]*([^\\x00-\\x1f\\x7f]{1,200}?)[ \\t\\r\\n]*$')))
        COMMENT 'the sale that the payload tells of; empty where it tells none',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) DEFAULT now64(3, 'UTC')
        COMMENT 'when it was first refused',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) DEFAULT now64(3, 'UTC')
        COMMENT 'when it was last refused',
    times SimpleAggregateFunction(sum, UInt64) DEFAULT 1 COMMENT 'how many times it was refused',
    order_time SimpleAggregateFunction(max, DateTime64(6, 'UTC')) DEFAULT log_time
        COMMENT 'a good record of the sale that the log takes after this time supersedes it'
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY (id, hop)
COMMENT 'Records that the contract refuses, each with its position and the reason; one that comes again is one row'
;
CREATE TABLE IF NOT EXISTS quarantine ON CLUSTER main AS quarantine_local
ENGINE = Distributed(main, tidelake, quarantine_local, cityHash64(id, hop))
;
CREATE TABLE IF NOT EXISTS quarantine_history_local ON CLUSTER main
(
    id String COMMENT 'the record in quarantine',
    happened_at DateTime64(6, 'UTC') COMMENT 'when it was done; of superseded, when the log took the good record',
    event LowCardinality(String) COMMENT 'sending, replayed, unsent, refused, discarded or superseded',
    who String COMMENT 'who did it',
    why String COMMENT 'the reason that was given, or what was wrong with it this time',
    topic LowCardinality(String) COMMENT 'position of the replayed or the superseding record in the log',
    partition UInt32 COMMENT 'likewise',
    offset UInt64 COMMENT 'likewise',
    log_time DateTime64(3, 'UTC') COMMENT 'when the log took that record',
    payload String COMMENT 'what was sent, or refused again',
    source LowCardinality(String) COMMENT 'the source of the record in quarantine',
    sale_id String COMMENT 'its sale',
    from_topic LowCardinality(String) COMMENT 'its topic'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY (id, happened_at, event, topic, partition, offset)
COMMENT 'What was done with each record in quarantine; rows are added and never changed'
;
CREATE TABLE IF NOT EXISTS quarantine_history ON CLUSTER main AS quarantine_history_local
ENGINE = Distributed(main, tidelake, quarantine_history_local, cityHash64(id, happened_at, event, topic, partition, offset))
;
CREATE TABLE IF NOT EXISTS quarantine_standing_local ON CLUSTER main
(
    record UInt64 COMMENT 'hash of the record''s id',
    source SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'its source',
    topic SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'its topic',
    sale SimpleAggregateFunction(anyLast, UInt64) COMMENT 'hash of its sale; of its id where it does not tell its sale',
    order_time SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'as in quarantine',
    superseded SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'log time of the newest later good record',
    decided SimpleAggregateFunction(max, UInt8) COMMENT '1 once it was replayed or discarded'
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY record
COMMENT 'Of each record what is needed to count those that are open, which every answer does'
;
CREATE TABLE IF NOT EXISTS quarantine_standing ON CLUSTER main AS quarantine_standing_local
ENGINE = Distributed(main, tidelake, quarantine_standing_local, cityHash64(record))
;
CREATE MATERIALIZED VIEW IF NOT EXISTS quarantine_to_standing ON CLUSTER main TO quarantine_standing AS
SELECT cityHash64(id) AS record, source, topic,
    if(sale_id = '', cityHash64(id), cityHash64(source, sale_id)) AS sale,
    order_time, toDateTime64(0, 3, 'UTC') AS superseded, toUInt8(0) AS decided
FROM quarantine_local
;
CREATE MATERIALIZED VIEW IF NOT EXISTS quarantine_history_to_standing ON CLUSTER main TO quarantine_standing AS
SELECT cityHash64(id) AS record, source, from_topic AS topic,
    if(sale_id = '', cityHash64(id), cityHash64(source, sale_id)) AS sale,
    toDateTime64(0, 6, 'UTC') AS order_time,
    if(event = 'superseded', log_time, toDateTime64(0, 3, 'UTC')) AS superseded,
    toUInt8(event IN ('replayed', 'discarded')) AS decided
FROM quarantine_history_local WHERE event IN ('replayed', 'discarded', 'superseded')
;
CREATE VIEW IF NOT EXISTS quarantine_records ON CLUSTER main
(
    id String COMMENT 'the record''s name for ever: its position in the log, or its source and a hash of what came',
    source LowCardinality(String) COMMENT 'the source that the payload names; the topic where it names none',
    sale_id String COMMENT 'the sale that the payload tells of; empty where it tells none',
    hops Array(LowCardinality(String)) COMMENT 'who refused it: source, stream, batch',
    topic LowCardinality(String) COMMENT 'where it stands in the log, or would have gone',
    partition UInt32 COMMENT 'position in the log; 0 where the record never came to it',
    offset UInt64 COMMENT 'likewise',
    at String COMMENT 'where it stands in its source, for people',
    log_time DateTime64(3, 'UTC') COMMENT 'when the log took it; where it never came to the log, when it was read',
    field String COMMENT 'the field that is wrong; empty where the payload as a whole is',
    reason String COMMENT 'what was wrong, what came, what is valid',
    key String COMMENT 'the record key, byte for byte',
    payload String COMMENT 'the record as it came, byte for byte',
    fields String COMMENT 'its fields as JSON where it never came to the log; empty where it is not readable',
    first_seen DateTime64(3, 'UTC') COMMENT 'when it was first refused',
    last_seen DateTime64(3, 'UTC') COMMENT 'when it was last refused',
    times UInt64 COMMENT 'how many times it was refused',
    order_time DateTime64(6, 'UTC') COMMENT 'a good record of the sale that the log takes after this time supersedes it',
    state String COMMENT 'open, replayed, discarded or superseded'
)
AS SELECT records.*,
    multiIf(decision != '', decision, superseded >= order_time, 'superseded', 'open') AS state
FROM
(
    SELECT id, anyLast(source) AS source, anyLast(sale_id) AS sale_id, arraySort(groupUniqArray(hop)) AS hops,
        anyLast(topic) AS topic, anyLast(partition) AS partition, anyLast(offset) AS offset, anyLast(at) AS at,
        anyLast(log_time) AS log_time, argMax(q.field, q.last_seen) AS field, argMax(q.reason, q.last_seen) AS reason,
        anyLast(key) AS key, anyLast(payload) AS payload, anyLast(fields) AS fields,
        min(first_seen) AS first_seen, max(last_seen) AS last_seen, sum(times) AS times, max(order_time) AS order_time
    FROM quarantine AS q GROUP BY id
) AS records
LEFT JOIN
(
    SELECT id, argMaxIf(event, happened_at, event IN ('replayed', 'discarded')) AS decision,
        maxIf(log_time, event = 'superseded') AS superseded
    FROM quarantine_history GROUP BY id
) AS decisions USING (id)
COMMENT 'Each record in quarantine once, with what has become of it'
;
CREATE TABLE IF NOT EXISTS quarantine_settled_local ON CLUSTER main
(
    topic LowCardinality(String) COMMENT 'a topic that carries sales',
    partition UInt32 COMMENT 'its partition',
    offset UInt64 COMMENT 'everything below has been searched for good records of the sales in quarantine',
    known_at DateTime64(3, 'UTC') COMMENT 'as the quarantine stood at this time'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', known_at) ORDER BY (topic, partition)
COMMENT 'How far the log has been searched for records that supersede those in quarantine'
;
CREATE TABLE IF NOT EXISTS quarantine_settled ON CLUSTER main AS quarantine_settled_local
ENGINE = Distributed(main, tidelake, quarantine_settled_local, cityHash64(topic, partition))
;
CREATE TABLE IF NOT EXISTS progress_local ON CLUSTER main
(
    path LowCardinality(String) COMMENT 'which job: live or lake',
    topic LowCardinality(String) COMMENT 'the topic it reads',
    partition UInt32 COMMENT 'the partition it reads',
    committed UInt64 COMMENT 'every record below this offset has arrived where the job writes',
    log_end UInt64 COMMENT 'the offset that the next record will get',
    seen_through DateTime64(3, 'UTC') COMMENT 'log time of the newest mark below committed: everything before has arrived',
    measured_at DateTime64(3, 'UTC') COMMENT 'when the gauge looked'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', measured_at) ORDER BY (path, topic, partition)
COMMENT 'How far each job has come in each partition, by its committed offsets and the marks'
;
CREATE TABLE IF NOT EXISTS progress ON CLUSTER main AS progress_local
ENGINE = Distributed(main, tidelake, progress_local, cityHash64(path, topic, partition))
;
CREATE TABLE IF NOT EXISTS live_zones_local ON CLUSTER main
(
    business_time_zone String COMMENT 'IANA name of the zone whose days the sums of live have',
    begun_at DateTime64(3, 'UTC') COMMENT 'when the live job first began with it'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY begun_at
COMMENT 'The business time zones that the live job began with; the last one counts'
;
CREATE TABLE IF NOT EXISTS live_zones ON CLUSTER main AS live_zones_local
ENGINE = Distributed(main, tidelake, live_zones_local, cityHash64(begun_at))
;
CREATE TABLE IF NOT EXISTS labels_local ON CLUSTER main
(
    label LowCardinality(String) COMMENT 'the descriptive column: salesman',
    key String COMMENT 'the value of the column that it describes',
    name String COMMENT 'the name last seen',
    seen_at DateTime64(3, 'UTC') COMMENT 'log time of the record that told it'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', seen_at) ORDER BY (label, key)
COMMENT 'Names shown beside subjects; the last one seen wins and never splits a sum'
;
CREATE TABLE IF NOT EXISTS labels ON CLUSTER main AS labels_local
ENGINE = Distributed(main, tidelake, labels_local, cityHash64(label, key))
;
CREATE TABLE IF NOT EXISTS drift_local ON CLUSTER main
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') PARTITION BY version ORDER BY (ranking, currency, business_day, subject)
COMMENT 'Sums that the live path and the recomputed history disagree about, by version'
;
CREATE TABLE IF NOT EXISTS drift ON CLUSTER main AS drift_local
ENGINE = Distributed(main, tidelake, drift_local, cityHash64(ranking, currency, business_day, subject))
;
CREATE TABLE IF NOT EXISTS source_states_local ON CLUSTER main
(
    name String COMMENT 'the source',
    kind LowCardinality(String) COMMENT 'files, postgres, rest, soap; unknown where no valid definition has told it',
    topic LowCardinality(String) COMMENT 'where its records go in the log',
    state LowCardinality(String) COMMENT 'running, waiting, retrying, stopped; unknown where nothing has told yet',
    last_error String COMMENT 'why it is retrying or stopped; empty where it is well',
    last_read_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when a reading last came to its end, where it is read so',
    defined UInt8 COMMENT '0 once its definition is gone',
    measured_at DateTime64(3, 'UTC') COMMENT 'when the keeper of the sources looked'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', measured_at) ORDER BY name
COMMENT 'How each source fares: the log cannot tell what a source that stands still has not yet told it'
;
CREATE TABLE IF NOT EXISTS source_states ON CLUSTER main AS source_states_local
ENGINE = Distributed(main, tidelake, source_states_local, cityHash64(name))
;
CREATE TABLE IF NOT EXISTS live_top_sales_per_city_local ON CLUSTER main
(
    second DateTime('UTC') COMMENT 'log second of the records that the row sums',
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    country LowCardinality(String) COMMENT 'as the sources write it',
    city String COMMENT 'as the sources write it',
    amount Decimal(38, 2) COMMENT 'signed sum of the changes',
    sales Int64 COMMENT 'sales that came less sales that went',
    records UInt64 COMMENT 'deltas in the sum; of two rows of a key the fuller counts'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', records) PARTITION BY toDate(second) ORDER BY (currency, business_day, country, city, second)
COMMENT 'Top sales per city: signed deltas by log second'
;
CREATE TABLE IF NOT EXISTS live_top_sales_per_city ON CLUSTER main AS live_top_sales_per_city_local
ENGINE = Distributed(main, tidelake, live_top_sales_per_city_local, cityHash64(currency, business_day, country, city, second))
;
CREATE TABLE IF NOT EXISTS reconciled_top_sales_per_city_local ON CLUSTER main
(
    version UInt32 COMMENT 'the reconciliation that wrote the row',
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    country LowCardinality(String) COMMENT 'as the sources write it',
    city String COMMENT 'as the sources write it',
    amount Decimal(38, 2) COMMENT 'difference to the version before it in the chain',
    sales Int64 COMMENT 'likewise, in sales'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') PARTITION BY version ORDER BY (currency, business_day, country, city, version)
COMMENT 'Top sales per city: differences between published versions'
;
CREATE TABLE IF NOT EXISTS reconciled_top_sales_per_city ON CLUSTER main AS reconciled_top_sales_per_city_local
ENGINE = Distributed(main, tidelake, reconciled_top_sales_per_city_local, cityHash64(currency, business_day, country, city, version))
;
CREATE TABLE IF NOT EXISTS live_top_salesman_in_country_local ON CLUSTER main
(
    second DateTime('UTC') COMMENT 'log second of the records that the row sums',
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    country LowCardinality(String) COMMENT 'as the sources write it',
    salesman_id String COMMENT 'who is credited',
    amount Decimal(38, 2) COMMENT 'signed sum of the changes',
    sales Int64 COMMENT 'sales that came less sales that went',
    records UInt64 COMMENT 'deltas in the sum; of two rows of a key the fuller counts',
    seen_salesman String COMMENT 'log time (13 digits of ms) and salesman of the last record'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', records) PARTITION BY toDate(second) ORDER BY (currency, business_day, country, salesman_id, second)
COMMENT 'Top salesman in country: signed deltas by log second'
;
CREATE TABLE IF NOT EXISTS live_top_salesman_in_country ON CLUSTER main AS live_top_salesman_in_country_local
ENGINE = Distributed(main, tidelake, live_top_salesman_in_country_local, cityHash64(currency, business_day, country, salesman_id, second))
;
CREATE TABLE IF NOT EXISTS reconciled_top_salesman_in_country_local ON CLUSTER main
(
    version UInt32 COMMENT 'the reconciliation that wrote the row',
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    country LowCardinality(String) COMMENT 'as the sources write it',
    salesman_id String COMMENT 'who is credited',
    amount Decimal(38, 2) COMMENT 'difference to the version before it in the chain',
    sales Int64 COMMENT 'likewise, in sales'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') PARTITION BY version ORDER BY (currency, business_day, country, salesman_id, version)
COMMENT 'Top salesman in country: differences between published versions'
;
CREATE TABLE IF NOT EXISTS reconciled_top_salesman_in_country ON CLUSTER main AS reconciled_top_salesman_in_country_local
ENGINE = Distributed(main, tidelake, reconciled_top_salesman_in_country_local, cityHash64(currency, business_day, country, salesman_id, version))
;
CREATE MATERIALIZED VIEW IF NOT EXISTS salesman_of_live_top_salesman_in_country ON CLUSTER main TO labels AS
SELECT 'salesman' AS label, salesman_id AS key, substring(seen, 14) AS name,
    fromUnixTimestamp64Milli(toInt64(substring(seen, 1, 13)), 'UTC') AS seen_at
FROM (
    SELECT salesman_id, max(seen_salesman) AS seen FROM live_top_salesman_in_country_local
    WHERE seen_salesman != '' GROUP BY salesman_id
)
;
CREATE OR REPLACE VIEW sales_by_country_city ON CLUSTER main
(
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    country LowCardinality(String) COMMENT 'as the sources write it',
    city String COMMENT 'as the sources write it',
    amount Decimal(38, 2) COMMENT 'merged: reconciled before the boundary and live from it on',
    sales Int64 COMMENT 'how many sales it sums',
    reconciled_amount Decimal(38, 2) COMMENT 'the part from before the boundary of the current publication',
    reconciled_sales Int64 COMMENT 'likewise, in sales',
    live_amount Decimal(38, 2) COMMENT 'the part that came since: it may be negative',
    live_sales Int64 COMMENT 'likewise, in sales'
)
AS SELECT business_day, currency, country, city, sum(amount) AS amount, sum(sales) AS sales,
    sum(reconciled_amount) AS reconciled_amount, sum(reconciled_sales) AS reconciled_sales,
    sum(live_amount) AS live_amount, sum(live_sales) AS live_sales
FROM
(
    SELECT business_day, currency, country, city, amount, sales, amount AS reconciled_amount, sales AS reconciled_sales,
        toDecimal128(0, 2) AS live_amount, toInt64(0) AS live_sales
    FROM reconciled_top_sales_per_city FINAL WHERE version GLOBAL IN (SELECT arrayJoin(versions) FROM (SELECT versions, boundary, rankings FROM publications ORDER BY published_at DESC, version DESC LIMIT 1) WHERE has(rankings, 'top-sales-per-city'))
    UNION ALL
    SELECT business_day, currency, country, city, amount, sales, toDecimal128(0, 2), toInt64(0), amount, sales
    FROM live_top_sales_per_city FINAL WHERE second >= (SELECT max(boundary) FROM (SELECT versions, boundary, rankings FROM publications ORDER BY published_at DESC, version DESC LIMIT 1) WHERE has(rankings, 'top-sales-per-city'))
)
GROUP BY business_day, currency, country, city
HAVING amount != 0 OR sales != 0 OR live_amount != 0
COMMENT 'Top sales per city: sums by business day; of the current publication and live since its boundary'
;
CREATE OR REPLACE VIEW top_sales_per_city ON CLUSTER main
(
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    rank UInt64 COMMENT 'from 1, in each currency and group',
    country LowCardinality(String) COMMENT 'as the sources write it',
    city String COMMENT 'as the sources write it',
    amount Decimal(38, 2) COMMENT 'merged: reconciled before the boundary and live from it on',
    sales Int64 COMMENT 'how many sales it sums',
    reconciled_amount Decimal(38, 2) COMMENT 'the part from before the boundary of the current publication',
    reconciled_sales Int64 COMMENT 'likewise, in sales',
    live_amount Decimal(38, 2) COMMENT 'the part that came since: it may be negative',
    live_sales Int64 COMMENT 'likewise, in sales'
)
AS SELECT currency, row_number() OVER (PARTITION BY currency ORDER BY amount DESC, country, city) AS rank,
    country, city, amount, sales, reconciled_amount, reconciled_sales, live_amount, live_sales
FROM
(
    SELECT currency, country, city, sum(amount) AS amount, sum(sales) AS sales,
    sum(reconciled_amount) AS reconciled_amount, sum(reconciled_sales) AS reconciled_sales,
    sum(live_amount) AS live_amount, sum(live_sales) AS live_sales
    FROM sales_by_country_city
    GROUP BY currency, country, city
    HAVING amount != 0 OR sales != 0
)
COMMENT 'Top sales per city, of all days; for some days rank the view sales_by_country_city'
;
CREATE OR REPLACE VIEW sales_by_country_salesman_id ON CLUSTER main
(
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    country LowCardinality(String) COMMENT 'as the sources write it',
    salesman_id String COMMENT 'who is credited',
    amount Decimal(38, 2) COMMENT 'merged: reconciled before the boundary and live from it on',
    sales Int64 COMMENT 'how many sales it sums',
    reconciled_amount Decimal(38, 2) COMMENT 'the part from before the boundary of the current publication',
    reconciled_sales Int64 COMMENT 'likewise, in sales',
    live_amount Decimal(38, 2) COMMENT 'the part that came since: it may be negative',
    live_sales Int64 COMMENT 'likewise, in sales'
)
AS SELECT business_day, currency, country, salesman_id, sum(amount) AS amount, sum(sales) AS sales,
    sum(reconciled_amount) AS reconciled_amount, sum(reconciled_sales) AS reconciled_sales,
    sum(live_amount) AS live_amount, sum(live_sales) AS live_sales
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales, amount AS reconciled_amount, sales AS reconciled_sales,
        toDecimal128(0, 2) AS live_amount, toInt64(0) AS live_sales
    FROM reconciled_top_salesman_in_country FINAL WHERE version GLOBAL IN (SELECT arrayJoin(versions) FROM (SELECT versions, boundary, rankings FROM publications ORDER BY published_at DESC, version DESC LIMIT 1) WHERE has(rankings, 'top-salesman-in-country'))
    UNION ALL
    SELECT business_day, currency, country, salesman_id, amount, sales, toDecimal128(0, 2), toInt64(0), amount, sales
    FROM live_top_salesman_in_country FINAL WHERE second >= (SELECT max(boundary) FROM (SELECT versions, boundary, rankings FROM publications ORDER BY published_at DESC, version DESC LIMIT 1) WHERE has(rankings, 'top-salesman-in-country'))
)
GROUP BY business_day, currency, country, salesman_id
HAVING amount != 0 OR sales != 0 OR live_amount != 0
COMMENT 'Top salesman in country: sums by business day; of the current publication and live since its boundary'
;
CREATE OR REPLACE VIEW top_salesman_in_country ON CLUSTER main
(
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    rank UInt64 COMMENT 'from 1, in each currency and group',
    country LowCardinality(String) COMMENT 'as the sources write it',
    salesman_id String COMMENT 'who is credited',
    amount Decimal(38, 2) COMMENT 'merged: reconciled before the boundary and live from it on',
    sales Int64 COMMENT 'how many sales it sums',
    reconciled_amount Decimal(38, 2) COMMENT 'the part from before the boundary of the current publication',
    reconciled_sales Int64 COMMENT 'likewise, in sales',
    live_amount Decimal(38, 2) COMMENT 'the part that came since: it may be negative',
    live_sales Int64 COMMENT 'likewise, in sales'
)
AS SELECT currency, row_number() OVER (PARTITION BY currency, country ORDER BY amount DESC, country, salesman_id) AS rank,
    country, salesman_id, amount, sales, reconciled_amount, reconciled_sales, live_amount, live_sales
FROM
(
    SELECT currency, country, salesman_id, sum(amount) AS amount, sum(sales) AS sales,
    sum(reconciled_amount) AS reconciled_amount, sum(reconciled_sales) AS reconciled_sales,
    sum(live_amount) AS live_amount, sum(live_sales) AS live_sales
    FROM sales_by_country_salesman_id
    GROUP BY currency, country, salesman_id
    HAVING amount != 0 OR sales != 0
)
COMMENT 'Top salesman in country, of all days; for some days rank the view sales_by_country_salesman_id'
;
CREATE OR REPLACE VIEW sales_by_day ON CLUSTER main
(
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    amount Decimal(38, 2) COMMENT 'merged: reconciled before the boundary and live from it on',
    sales Int64 COMMENT 'how many sales it sums',
    reconciled_amount Decimal(38, 2) COMMENT 'the part from before the boundary of the current publication',
    reconciled_sales Int64 COMMENT 'likewise, in sales',
    live_amount Decimal(38, 2) COMMENT 'the part that came since: it may be negative',
    live_sales Int64 COMMENT 'likewise, in sales'
)
AS SELECT business_day, currency, sum(amount) AS amount, sum(sales) AS sales,
    sum(reconciled_amount) AS reconciled_amount, sum(reconciled_sales) AS reconciled_sales,
    sum(live_amount) AS live_amount, sum(live_sales) AS live_sales
FROM sales_by_country_city
GROUP BY business_day, currency
COMMENT 'Sums by business_day, currency'
;
CREATE OR REPLACE VIEW sales_by_country ON CLUSTER main
(
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    country LowCardinality(String) COMMENT 'as the sources write it',
    amount Decimal(38, 2) COMMENT 'merged: reconciled before the boundary and live from it on',
    sales Int64 COMMENT 'how many sales it sums',
    reconciled_amount Decimal(38, 2) COMMENT 'the part from before the boundary of the current publication',
    reconciled_sales Int64 COMMENT 'likewise, in sales',
    live_amount Decimal(38, 2) COMMENT 'the part that came since: it may be negative',
    live_sales Int64 COMMENT 'likewise, in sales'
)
AS SELECT business_day, currency, country, sum(amount) AS amount, sum(sales) AS sales,
    sum(reconciled_amount) AS reconciled_amount, sum(reconciled_sales) AS reconciled_sales,
    sum(live_amount) AS live_amount, sum(live_sales) AS live_sales
FROM sales_by_country_city
GROUP BY business_day, currency, country
COMMENT 'Sums by business_day, currency, country'

-- profile(cluster=main)
CREATE SETTINGS PROFILE IF NOT EXISTS tidelake ON CLUSTER main SETTINGS distributed_foreground_insert = 1, distributed_product_mode = 'global'
