-- functions()
CREATE TEMPORARY SYSTEM FUNCTION ParseRecord AS 'tidelake.ParseRecord' LANGUAGE JAVA
;
CREATE TEMPORARY SYSTEM FUNCTION SaleSteps AS 'tidelake.SaleSteps' LANGUAGE JAVA
;
CREATE TEMPORARY SYSTEM FUNCTION EpochMillis AS 'tidelake.EpochMillis' LANGUAGE JAVA

-- insert_through(function=insert_sums, columns=2 of them, query=SELECT a, b FROM sums, sink=sums_done)
INSERT INTO sums_done SELECT insert_sums(`a`, `b`) FROM (
SELECT a, b FROM sums
)

-- lake_insert(table=silver.sales)
INSERT INTO silver.sales SELECT topic, `partition`, `offset`, `key`, payload, CAST(log_time AS TIMESTAMP_LTZ(6)) FROM log

-- log_table(options=LogOptions(servers='log:9092', group='group', bounded=False))
CREATE TEMPORARY TABLE log (
    `key` BYTES,
    payload BYTES,
    topic STRING NOT NULL METADATA VIRTUAL,
    `partition` INT NOT NULL METADATA VIRTUAL,
    `offset` BIGINT NOT NULL METADATA VIRTUAL,
    log_time TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
    WATERMARK FOR log_time AS log_time
) WITH (
    'connector' = 'kafka',
    'topic-pattern' = '(?:cdc|events)\.[A-Za-z0-9._-]+',
    'properties.bootstrap.servers' = 'log:9092',
    'properties.group.id' = 'group',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'scan.topic-partition-discovery.interval' = '10 s',
    'scan.watermark.idle-timeout' = '100 ms',
    'key.format' = 'raw',
    'key.fields' = 'key',
    'value.format' = 'raw',
    'value.fields-include' = 'EXCEPT_KEY'
)

-- log_table(options=LogOptions(servers='log:9092', group='g', bounded=True))
CREATE TEMPORARY TABLE log (
    `key` BYTES,
    payload BYTES,
    topic STRING NOT NULL METADATA VIRTUAL,
    `partition` INT NOT NULL METADATA VIRTUAL,
    `offset` BIGINT NOT NULL METADATA VIRTUAL,
    log_time TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
    WATERMARK FOR log_time AS log_time
) WITH (
    'connector' = 'kafka',
    'topic-pattern' = '(?:cdc|events)\.[A-Za-z0-9._-]+',
    'properties.bootstrap.servers' = 'log:9092',
    'properties.group.id' = 'g',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'scan.topic-partition-discovery.interval' = '0',
    'scan.watermark.idle-timeout' = '100 ms',
    'scan.bounded.mode' = 'latest-offset',
    'key.format' = 'raw',
    'key.fields' = 'key',
    'value.format' = 'raw',
    'value.fields-include' = 'EXCEPT_KEY'
)

-- nowhere(sink=sums_done)
CREATE TEMPORARY TABLE sums_done (done BIGINT) WITH ('connector' = 'blackhole')

-- parsed()
SELECT log.topic, `partition`, `offset`, log_time, `key`, payload, said.*
FROM log, LATERAL TABLE(ParseRecord(payload)) AS said

-- refused()
SELECT topic, `partition`, `offset`, EpochMillis(log_time) AS log_ms, field, reason, `key`, payload
FROM parsed WHERE reason IS NOT NULL

-- sales()
SELECT `source`, sale_id, CAST(log_time AS TIMESTAMP_LTZ(3)) AS log_time, deleted,
    TIMESTAMPDIFF(DAY, DATE '1970-01-01', CAST(occurred_at AS DATE)) AS business_day,
    currency, country, city, salesman_id, salesman, cents
FROM parsed WHERE reason IS NULL

-- steps()
SELECT `second`, business_day, currency, country, city, salesman_id, seen_salesman, cents, sales
FROM SaleSteps(input => TABLE sales PARTITION BY (`source`, sale_id), uid => 'sale-steps')

-- sum_columns(ranking=top-sales-per-city)
second
;
business_day
;
currency
;
country
;
city
;
cents
;
sales
;
records

-- sum_columns(ranking=top-salesman-in-country)
second
;
business_day
;
currency
;
country
;
salesman_id
;
cents
;
sales
;
records
;
seen_salesman

-- sums(ranking=top-sales-per-city, ttl_hours=24)
SELECT /*+ STATE_TTL('steps' = '24h') */ `second`, `business_day`, `currency`, `country`, `city`,
    SUM(cents) AS cents, SUM(sales) AS sales, COUNT(*) AS records
FROM steps GROUP BY `second`, `business_day`, `currency`, `country`, `city`

-- sums(ranking=top-salesman-in-country, ttl_hours=24)
SELECT /*+ STATE_TTL('steps' = '24h') */ `second`, `business_day`, `currency`, `country`, `salesman_id`,
    SUM(cents) AS cents, SUM(sales) AS sales, COUNT(*) AS records, MAX(seen_salesman) AS seen_salesman
FROM steps GROUP BY `second`, `business_day`, `currency`, `country`, `salesman_id`
