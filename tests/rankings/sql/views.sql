-- analyst_access()
CREATE SETTINGS PROFILE IF NOT EXISTS analyst SETTINGS readonly = 2, max_execution_time = 60 READONLY, max_memory_usage = 1000000000 READONLY, max_result_rows = 1000000 READONLY, max_result_bytes = 500000000 READONLY, max_threads = 2 READONLY, result_overflow_mode = 'throw' READONLY, http_wait_end_of_query = 1 READONLY
;
CREATE USER IF NOT EXISTS analyst IDENTIFIED WITH sha256_password BY {password:String} SETTINGS PROFILE 'analyst'
;
GRANT SELECT, SHOW ON tidelake.* TO analyst

-- sales_view(ranking=top-sales-per-city)
sales_by_country_city

-- sales_view(ranking=top-salesman-in-country)
sales_by_country_salesman_id

-- views(among=2 of them)
CREATE OR REPLACE VIEW sales_by_country_city
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
CREATE OR REPLACE VIEW top_sales_per_city
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
CREATE OR REPLACE VIEW sales_by_country_salesman_id
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
CREATE OR REPLACE VIEW top_salesman_in_country
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
CREATE OR REPLACE VIEW sales_by_day
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
CREATE OR REPLACE VIEW sales_by_country
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
