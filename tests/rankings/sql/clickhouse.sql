-- current_publication()
SELECT version, boundary, versions, rankings, published_at FROM publications ORDER BY published_at DESC, version DESC LIMIT 1

-- ddl(among=2 of them)
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
CREATE TABLE IF NOT EXISTS care
(
    cared_at DateTime64(6, 'UTC') COMMENT 'just before it was dropped',
    newest UInt32 COMMENT 'the greatest version that there was: nothing has been dropped of later ones',
    versions Array(UInt32) COMMENT 'the versions up to it whose differences are kept',
    live_from DateTime64(3, 'UTC') COMMENT 'log time from which on all live deltas are kept'
)
ENGINE = MergeTree ORDER BY cared_at
COMMENT 'What tidelake care has left; figures as of a version need all of its chain, and with live ones the deltas since its boundary'
;
CREATE TABLE IF NOT EXISTS quarantine
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
ENGINE = AggregatingMergeTree ORDER BY (id, hop)
COMMENT 'Records that the contract refuses, each with its position and the reason; one that comes again is one row'
;
CREATE TABLE IF NOT EXISTS quarantine_history
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
ENGINE = ReplacingMergeTree ORDER BY (id, happened_at, event, topic, partition, offset)
COMMENT 'What was done with each record in quarantine; rows are added and never changed'
;
CREATE TABLE IF NOT EXISTS quarantine_standing
(
    record UInt64 COMMENT 'hash of the record''s id',
    source SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'its source',
    topic SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'its topic',
    sale SimpleAggregateFunction(anyLast, UInt64) COMMENT 'hash of its sale; of its id where it does not tell its sale',
    order_time SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'as in quarantine',
    superseded SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'log time of the newest later good record',
    decided SimpleAggregateFunction(max, UInt8) COMMENT '1 once it was replayed or discarded'
)
ENGINE = AggregatingMergeTree ORDER BY record
COMMENT 'Of each record what is needed to count those that are open, which every answer does'
;
CREATE MATERIALIZED VIEW IF NOT EXISTS quarantine_to_standing TO quarantine_standing AS
SELECT cityHash64(id) AS record, source, topic,
    if(sale_id = '', cityHash64(id), cityHash64(source, sale_id)) AS sale,
    order_time, toDateTime64(0, 3, 'UTC') AS superseded, toUInt8(0) AS decided
FROM quarantine
;
CREATE MATERIALIZED VIEW IF NOT EXISTS quarantine_history_to_standing TO quarantine_standing AS
SELECT cityHash64(id) AS record, source, from_topic AS topic,
    if(sale_id = '', cityHash64(id), cityHash64(source, sale_id)) AS sale,
    toDateTime64(0, 6, 'UTC') AS order_time,
    if(event = 'superseded', log_time, toDateTime64(0, 3, 'UTC')) AS superseded,
    toUInt8(event IN ('replayed', 'discarded')) AS decided
FROM quarantine_history WHERE event IN ('replayed', 'discarded', 'superseded')
;
CREATE VIEW IF NOT EXISTS quarantine_records
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
CREATE TABLE IF NOT EXISTS quarantine_settled
(
    topic LowCardinality(String) COMMENT 'a topic that carries sales',
    partition UInt32 COMMENT 'its partition',
    offset UInt64 COMMENT 'everything below has been searched for good records of the sales in quarantine',
    known_at DateTime64(3, 'UTC') COMMENT 'as the quarantine stood at this time'
)
ENGINE = ReplacingMergeTree(known_at) ORDER BY (topic, partition)
COMMENT 'How far the log has been searched for records that supersede those in quarantine'
;
CREATE TABLE IF NOT EXISTS progress
(
    path LowCardinality(String) COMMENT 'which job: live or lake',
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
CREATE TABLE IF NOT EXISTS live_zones
(
    business_time_zone String COMMENT 'IANA name of the zone whose days the sums of live have',
    begun_at DateTime64(3, 'UTC') COMMENT 'when the live job first began with it'
)
ENGINE = MergeTree ORDER BY begun_at
COMMENT 'The business time zones that the live job began with; the last one counts'
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
CREATE TABLE IF NOT EXISTS source_states
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
ENGINE = ReplacingMergeTree(measured_at) ORDER BY name
COMMENT 'How each source fares: the log cannot tell what a source that stands still has not yet told it'
;
CREATE TABLE IF NOT EXISTS live_top_sales_per_city
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
ENGINE = ReplacingMergeTree(records) PARTITION BY toDate(second) ORDER BY (currency, business_day, country, city, second)
COMMENT 'Top sales per city: signed deltas by log second'
;
CREATE TABLE IF NOT EXISTS reconciled_top_sales_per_city
(
    version UInt32 COMMENT 'the reconciliation that wrote the row',
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    country LowCardinality(String) COMMENT 'as the sources write it',
    city String COMMENT 'as the sources write it',
    amount Decimal(38, 2) COMMENT 'difference to the version before it in the chain',
    sales Int64 COMMENT 'likewise, in sales'
)
ENGINE = ReplacingMergeTree PARTITION BY version ORDER BY (currency, business_day, country, city, version)
COMMENT 'Top sales per city: differences between published versions'
;
CREATE TABLE IF NOT EXISTS live_top_salesman_in_country
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
ENGINE = ReplacingMergeTree(records) PARTITION BY toDate(second) ORDER BY (currency, business_day, country, salesman_id, second)
COMMENT 'Top salesman in country: signed deltas by log second'
;
CREATE TABLE IF NOT EXISTS reconciled_top_salesman_in_country
(
    version UInt32 COMMENT 'the reconciliation that wrote the row',
    business_day Date COMMENT 'the day that the sales count for, in the business time zone',
    currency LowCardinality(FixedString(3)) COMMENT 'ISO 4217; sums are never taken across currencies',
    country LowCardinality(String) COMMENT 'as the sources write it',
    salesman_id String COMMENT 'who is credited',
    amount Decimal(38, 2) COMMENT 'difference to the version before it in the chain',
    sales Int64 COMMENT 'likewise, in sales'
)
ENGINE = ReplacingMergeTree PARTITION BY version ORDER BY (currency, business_day, country, salesman_id, version)
COMMENT 'Top salesman in country: differences between published versions'
;
CREATE MATERIALIZED VIEW IF NOT EXISTS salesman_of_live_top_salesman_in_country TO labels AS
SELECT 'salesman' AS label, salesman_id AS key, substring(seen, 14) AS name,
    fromUnixTimestamp64Milli(toInt64(substring(seen, 1, 13)), 'UTC') AS seen_at
FROM (
    SELECT salesman_id, max(seen_salesman) AS seen FROM live_top_salesman_in_country
    WHERE seen_salesman != '' GROUP BY salesman_id
)

-- live_zone()
SELECT business_time_zone, begun_at FROM live_zones ORDER BY begun_at DESC LIMIT 1

-- names(label=Label(key='salesman_id', column='salesman'))
SELECT key, argMax(name, seen_at) AS name FROM labels WHERE label = 'salesman' AND key IN {keys:Array(String)} GROUP BY key

-- newest_delta(ranking=top-sales-per-city)
SELECT max(second) FROM live_top_sales_per_city HAVING count() > 0

-- newest_delta(ranking=top-salesman-in-country)
SELECT max(second) FROM live_top_salesman_in_country HAVING count() > 0

-- oldest_delta(ranking=top-sales-per-city)
SELECT min(second) FROM live_top_sales_per_city HAVING count() > 0

-- oldest_delta(ranking=top-salesman-in-country)
SELECT min(second) FROM live_top_salesman_in_country HAVING count() > 0

-- progress()
SELECT topic, min(seen_through) AS seen_through, min(measured_at) AS measured_at, sum(log_end - committed) AS lag FROM progress FINAL WHERE path = 'live' GROUP BY topic ORDER BY topic

-- quarantined()
SELECT source, sumMap(map(toString(topic), toUInt64(1))) AS topics, uniqExact(sale) AS sales FROM (SELECT source, topic, sale FROM quarantine_standing FINAL WHERE superseded < order_time AND decided = 0) GROUP BY source ORDER BY source

-- query(ranking=top-sales-per-city, view=MERGED, by_country=False)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
        UNION ALL
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, city
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=MERGED, by_country=True)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
        UNION ALL
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, city
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=LIVE, by_country=False)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, city
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=LIVE, by_country=True)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, city
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=RECONCILED, by_country=False)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, city
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=RECONCILED, by_country=True)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, city
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-salesman-in-country, view=MERGED, by_country=False)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
        UNION ALL
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, salesman_id
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=MERGED, by_country=True)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
        UNION ALL
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, salesman_id
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=LIVE, by_country=False)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, salesman_id
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=LIVE, by_country=True)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, salesman_id
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=RECONCILED, by_country=False)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, salesman_id
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=RECONCILED, by_country=True)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, salesman_id
)
WHERE NOT gone AND rank <= {limit:UInt32}
ORDER BY country, rank

-- source_states()
SELECT name, kind, topic, state, last_error, last_read_at, measured_at FROM source_states FINAL WHERE defined ORDER BY name

-- standing()
SELECT (SELECT groupArray(tuple(*)) FROM (SELECT topic, min(seen_through) AS seen_through, min(measured_at) AS measured_at, sum(log_end - committed) AS lag FROM progress FINAL WHERE path = 'live' GROUP BY topic ORDER BY topic)) AS progress,
    (SELECT groupArray(tuple(*)) FROM (SELECT source, sumMap(map(toString(topic), toUInt64(1))) AS topics, uniqExact(sale) AS sales FROM (SELECT source, topic, sale FROM quarantine_standing FINAL WHERE superseded < order_time AND decided = 0) GROUP BY source ORDER BY source)) AS quarantine,
    (SELECT groupArray(tuple(*)) FROM (SELECT version, boundary, versions, rankings, published_at FROM publications ORDER BY published_at DESC, version DESC LIMIT 1)) AS publication,
    (SELECT groupArray(tuple(*)) FROM (SELECT name, kind, topic, state, last_error, last_read_at, measured_at FROM source_states FINAL WHERE defined ORDER BY name)) AS sources
