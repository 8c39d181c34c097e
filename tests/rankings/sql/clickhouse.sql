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
CREATE TABLE IF NOT EXISTS live_top_sales_per_city
(
    second DateTime('UTC') COMMENT 'log second of the records that the row sums',
    business_day Date,
    currency LowCardinality(FixedString(3)),
    country LowCardinality(String),
    city String,
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
    business_day Date,
    currency LowCardinality(FixedString(3)),
    country LowCardinality(String),
    city String,
    amount Decimal(38, 2) COMMENT 'difference to the version before it in the chain',
    sales Int64 COMMENT 'likewise, in sales'
)
ENGINE = ReplacingMergeTree PARTITION BY version ORDER BY (currency, business_day, country, city, version)
COMMENT 'Top sales per city: differences between published versions'
;
CREATE TABLE IF NOT EXISTS live_top_salesman_in_country
(
    second DateTime('UTC') COMMENT 'log second of the records that the row sums',
    business_day Date,
    currency LowCardinality(FixedString(3)),
    country LowCardinality(String),
    salesman_id String,
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
    business_day Date,
    currency LowCardinality(FixedString(3)),
    country LowCardinality(String),
    salesman_id String,
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

-- names(label=Label(key='salesman_id', column='salesman'))
SELECT key, argMax(name, seen_at) AS name FROM labels WHERE label = 'salesman' AND key IN {keys:Array(String)} GROUP BY key

-- oldest_delta(ranking=top-sales-per-city)
SELECT min(second) FROM live_top_sales_per_city HAVING count() > 0

-- oldest_delta(ranking=top-salesman-in-country)
SELECT min(second) FROM live_top_salesman_in_country HAVING count() > 0

-- progress()
SELECT topic, min(seen_through) AS seen_through, min(measured_at) AS measured_at, sum(log_end - committed) AS lag FROM progress FINAL WHERE path = 'live' GROUP BY topic ORDER BY topic

-- quarantined()
SELECT topic, uniqExact(partition, offset) AS records FROM quarantine GROUP BY topic ORDER BY topic

-- query(ranking=top-sales-per-city, view=MERGED, by_country=False)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
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
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=MERGED, by_country=True)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
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
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=LIVE, by_country=False)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, city
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=LIVE, by_country=True)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, city
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=RECONCILED, by_country=False)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, city
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-sales-per-city, view=RECONCILED, by_country=True)
SELECT rank, country, city, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
    FROM
    (
        SELECT country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, city
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY rank

-- query(ranking=top-salesman-in-country, view=MERGED, by_country=False)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (PARTITION BY country ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
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
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=MERGED, by_country=True)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (PARTITION BY country ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
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
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=LIVE, by_country=False)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (PARTITION BY country ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, salesman_id
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=LIVE, by_country=True)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (PARTITION BY country ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, salesman_id
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=RECONCILED, by_country=False)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (PARTITION BY country ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, salesman_id
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY country, rank

-- query(ranking=top-salesman-in-country, view=RECONCILED, by_country=True)
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        row_number() OVER (PARTITION BY country ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        count() OVER () AS subjects
    FROM
    (
        SELECT country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY country, salesman_id
    HAVING sales != 0 OR amount != 0
)
WHERE rank <= {limit:UInt32}
ORDER BY country, rank

-- standing()
SELECT (SELECT groupArray(tuple(*)) FROM (SELECT topic, min(seen_through) AS seen_through, min(measured_at) AS measured_at, sum(log_end - committed) AS lag FROM progress FINAL WHERE path = 'live' GROUP BY topic ORDER BY topic)) AS progress,
    (SELECT groupArray(tuple(*)) FROM (SELECT topic, uniqExact(partition, offset) AS records FROM quarantine GROUP BY topic ORDER BY topic)) AS quarantine,
    (SELECT groupArray(tuple(*)) FROM (SELECT version, boundary, versions, rankings, published_at FROM publications ORDER BY published_at DESC, version DESC LIMIT 1)) AS publication
