-- checksum(ranking=top-sales-per-city)
SELECT count(*) AS rows, coalesce(sum(CAST(hash AS decimal(38, 0))), 0) AS checksum
FROM
(
    SELECT CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(city AS string), CAST(amount AS string), CAST(sales AS string)), 256), 1, 15), 16, 10) AS bigint) AS hash
    FROM lake.gold.top_sales_per_city
)

-- checksum(ranking=top-salesman-in-country)
SELECT count(*) AS rows, coalesce(sum(CAST(hash AS decimal(38, 0))), 0) AS checksum
FROM
(
    SELECT CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(salesman_id AS string), CAST(amount AS string), CAST(sales AS string)), 256), 1, 15), 16, 10) AS bigint) AS hash
    FROM lake.gold.top_salesman_in_country
)

-- ddl(among=2 of them)
CREATE NAMESPACE IF NOT EXISTS lake.silver
;
CREATE NAMESPACE IF NOT EXISTS lake.gold
;
CREATE TABLE IF NOT EXISTS lake.silver.sales
(
    source string, sale_id string,
    deleted boolean COMMENT 'whether its last record said that it is gone; then only key and position are known',
    occurred_at timestamp COMMENT 'when it happened',
    country string, city string, salesman_id string, salesman string,
    amount decimal(18, 2), currency string,
    topic string COMMENT 'position of the record in the log', partition int, offset bigint,
    log_time timestamp COMMENT 'when the log took the record'
)
USING iceberg COMMENT 'The latest state of every sale, with the position of the record that told it'
;
CREATE TABLE IF NOT EXISTS lake.silver.quarantine
(
    topic string COMMENT 'position of the record in the log', partition int, offset bigint,
    log_time timestamp COMMENT 'when the log took the record',
    field string COMMENT 'the field that is wrong; null where the payload as a whole is',
    reason string COMMENT 'what was wrong, what came, what is valid',
    key binary, payload binary
)
USING iceberg COMMENT 'Records that the contract refuses, each with its position and the reason'
;
CREATE TABLE IF NOT EXISTS lake.gold.top_sales_per_city
(
    business_day date, currency string, country string, city string,
    amount decimal(38, 2) COMMENT 'sum over the sales that exist',
    sales bigint COMMENT 'how many they are'
)
USING iceberg COMMENT 'Top sales per city: the whole history summed'
;
CREATE TABLE IF NOT EXISTS lake.gold.top_salesman_in_country
(
    business_day date, currency string, country string, salesman_id string,
    amount decimal(38, 2) COMMENT 'sum over the sales that exist',
    sales bigint COMMENT 'how many they are'
)
USING iceberg COMMENT 'Top salesman in country: the whole history summed'

-- difference(ranking=top-sales-per-city, base=None)
SELECT business_day, currency, country, city, amount, sales FROM lake.gold.top_sales_per_city

-- difference(ranking=top-sales-per-city, base=2)
SELECT business_day, currency, country, city, sum(amount) AS amount, sum(sales) AS sales
FROM
(
    SELECT business_day, currency, country, city, amount, sales FROM lake.gold.top_sales_per_city
    UNION ALL
    SELECT business_day, currency, country, city, -amount, -sales FROM lake.gold.top_sales_per_city VERSION AS OF 'v2'
)
GROUP BY business_day, currency, country, city
HAVING sum(amount) != 0 OR sum(sales) != 0

-- difference(ranking=top-salesman-in-country, base=None)
SELECT business_day, currency, country, salesman_id, amount, sales FROM lake.gold.top_salesman_in_country

-- difference(ranking=top-salesman-in-country, base=2)
SELECT business_day, currency, country, salesman_id, sum(amount) AS amount, sum(sales) AS sales
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales FROM lake.gold.top_salesman_in_country
    UNION ALL
    SELECT business_day, currency, country, salesman_id, -amount, -sales FROM lake.gold.top_salesman_in_country VERSION AS OF 'v2'
)
GROUP BY business_day, currency, country, salesman_id
HAVING sum(amount) != 0 OR sum(sales) != 0

-- drop_tag(table=silver.sales, version=3)
ALTER TABLE silver.sales DROP TAG `v3`

-- gold(ranking=top-sales-per-city)
lake.gold.top_sales_per_city

-- gold(ranking=top-salesman-in-country)
lake.gold.top_salesman_in_country

-- kinds()
SELECT kind, count(DISTINCT topic, partition, offset) AS records FROM parsed GROUP BY kind

-- latest_state()
SELECT source, sale_id, last.*
FROM
(
    SELECT source, sale_id, max_by(last, struct(last.log_time, last.topic, last.partition)) AS last
    FROM
    (
        SELECT source, sale_id, max_by(struct(deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time), offset) AS last
        FROM (SELECT source, sale_id, kind = 'deletion' AS deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time FROM parsed
              WHERE kind IN ('sale', 'deletion') DISTRIBUTE BY source, sale_id)
        GROUP BY source, sale_id, topic, partition
    )
    GROUP BY source, sale_id
)

-- marks()
SELECT topic, partition, min(log_time) AS log_time
FROM lake.bronze.log
WHERE log_time >= :since AND log_time < :until
    AND get_json_object(CAST(payload AS string), '$.mark') IS NOT NULL
GROUP BY topic, partition

-- names(label=Label(key='salesman_id', column='salesman'))
SELECT 'salesman' AS label, key, last.name AS name, last.log_time AS seen_at
FROM
(
    SELECT salesman_id AS key, max_by(struct(salesman AS name, log_time), struct(log_time, topic, partition, offset)) AS last
    FROM parsed
    WHERE kind = 'sale' AND salesman IS NOT NULL
    GROUP BY salesman_id
)

-- refs(table=silver.sales)
SELECT name, snapshot_id FROM silver.sales.refs

-- refused()
SELECT topic, partition, offset, first(log_time) AS log_time, first(field) AS field, first(reason) AS reason, first(key) AS key, first(payload) AS payload
FROM parsed WHERE kind = 'rejected' GROUP BY topic, partition, offset

-- set_tag(table=silver.sales, version=3)
ALTER TABLE silver.sales CREATE OR REPLACE TAG `v3`

-- spans()
SELECT topic, partition, min(offset) AS first_offset, max(offset) AS last_offset,
    count(DISTINCT offset) AS records
FROM records
GROUP BY topic, partition
ORDER BY topic, partition

-- states()
SELECT count_if(NOT deleted) AS sales, count_if(deleted) AS deleted FROM lake.silver.sales

-- sums(ranking=top-sales-per-city)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city,
        amount AS amount
    FROM lake.silver.sales
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, city

-- sums(ranking=top-salesman-in-country)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id,
        amount AS amount
    FROM lake.silver.sales
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, salesman_id

-- version_tag(version=3)
v3
