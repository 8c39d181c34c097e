-- changed()
SELECT count_if(NOT deleted) - count_if(NOT was.deleted) AS sales,
    count_if(deleted) - count_if(was.deleted) AS deleted,
    collect_set(CASE WHEN NOT deleted AND NOT (was IS NOT NULL AND deleted <=> was.deleted AND occurred_at <=> was.occurred_at AND country <=> was.country AND city <=> was.city AND salesman_id <=> was.salesman_id AND amount <=> was.amount AND currency <=> was.currency) THEN CAST(from_utc_timestamp(occurred_at, :zone) AS date) END) AS new_days,
    collect_set(CASE WHEN NOT was.deleted AND NOT (deleted <=> was.deleted AND occurred_at <=> was.occurred_at AND country <=> was.country AND city <=> was.city AND salesman_id <=> was.salesman_id AND amount <=> was.amount AND currency <=> was.currency) THEN CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) END) AS old_days
FROM touched

-- checksum(ranking=top-sales-per-city, table=silver.sales)
SELECT count(*) AS rows, coalesce(sum(CAST(hash AS decimal(38, 0))), 0) AS checksum
FROM
(
    SELECT CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(city AS string), CAST(amount AS string), CAST(sales AS string)), 256), 1, 15), 16, 10) AS bigint) AS hash
    FROM silver.sales
)

-- checksum(ranking=top-salesman-in-country, table=silver.sales)
SELECT count(*) AS rows, coalesce(sum(CAST(hash AS decimal(38, 0))), 0) AS checksum
FROM
(
    SELECT CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(salesman_id AS string), CAST(amount AS string), CAST(sales AS string)), 256), 1, 15), 16, 10) AS bigint) AS hash
    FROM silver.sales
)

-- checksums_of_difference(ranking=top-sales-per-city)
SELECT count(*) AS rows, coalesce(sum(CAST(hash AS decimal(38, 0))), 0) AS checksum,
    count(now) - count(was) AS more_rows, coalesce(sum(CAST(now AS decimal(38, 0))), 0) - coalesce(sum(CAST(was AS decimal(38, 0))), 0) AS more_checksum
FROM
(
    SELECT CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(city AS string), CAST(amount AS string), CAST(sales AS string)), 256), 1, 15), 16, 10) AS bigint) AS hash,
        CASE WHEN now_sales != 0 THEN CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(city AS string), CAST(now_amount AS string), CAST(now_sales AS string)), 256), 1, 15), 16, 10) AS bigint) END AS now,
        CASE WHEN now_sales != sales THEN CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(city AS string), CAST(CAST(now_amount - amount AS decimal(38, 2)) AS string), CAST(now_sales - sales AS string)), 256), 1, 15), 16, 10) AS bigint) END AS was
    FROM difference
)

-- checksums_of_difference(ranking=top-salesman-in-country)
SELECT count(*) AS rows, coalesce(sum(CAST(hash AS decimal(38, 0))), 0) AS checksum,
    count(now) - count(was) AS more_rows, coalesce(sum(CAST(now AS decimal(38, 0))), 0) - coalesce(sum(CAST(was AS decimal(38, 0))), 0) AS more_checksum
FROM
(
    SELECT CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(salesman_id AS string), CAST(amount AS string), CAST(sales AS string)), 256), 1, 15), 16, 10) AS bigint) AS hash,
        CASE WHEN now_sales != 0 THEN CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(salesman_id AS string), CAST(now_amount AS string), CAST(now_sales AS string)), 256), 1, 15), 16, 10) AS bigint) END AS now,
        CASE WHEN now_sales != sales THEN CAST(conv(substr(sha2(concat_ws('\u001f', CAST(business_day AS string), CAST(currency AS string), CAST(country AS string), CAST(salesman_id AS string), CAST(CAST(now_amount - amount AS decimal(38, 2)) AS string), CAST(now_sales - sales AS string)), 256), 1, 15), 16, 10) AS bigint) END AS was
    FROM difference
)

-- difference(ranking=top-sales-per-city, version=3, base=None)
SELECT business_day, currency, country, city, amount, sales, amount AS now_amount, sales AS now_sales FROM lake.gold.top_sales_per_city VERSION AS OF 'v3' WHERE business_day BETWEEN :first AND :last

-- difference(ranking=top-sales-per-city, version=3, base=2)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(now_amount) AS decimal(38, 2)) AS now_amount, sum(now_sales) AS now_sales
FROM
(
    SELECT business_day, currency, country, city, amount, sales, amount AS now_amount, sales AS now_sales FROM lake.gold.top_sales_per_city VERSION AS OF 'v3' WHERE business_day BETWEEN :first AND :last
    UNION ALL
    SELECT business_day, currency, country, city, -amount, -sales, CAST(0 AS decimal(38, 2)), 0L
    FROM lake.gold.top_sales_per_city VERSION AS OF 'v2' WHERE business_day BETWEEN :first AND :last
)
GROUP BY business_day, currency, country, city
HAVING sum(amount) != 0 OR sum(sales) != 0

-- difference(ranking=top-salesman-in-country, version=3, base=None)
SELECT business_day, currency, country, salesman_id, amount, sales, amount AS now_amount, sales AS now_sales FROM lake.gold.top_salesman_in_country VERSION AS OF 'v3' WHERE business_day BETWEEN :first AND :last

-- difference(ranking=top-salesman-in-country, version=3, base=2)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(now_amount) AS decimal(38, 2)) AS now_amount, sum(now_sales) AS now_sales
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales, amount AS now_amount, sales AS now_sales FROM lake.gold.top_salesman_in_country VERSION AS OF 'v3' WHERE business_day BETWEEN :first AND :last
    UNION ALL
    SELECT business_day, currency, country, salesman_id, -amount, -sales, CAST(0 AS decimal(38, 2)), 0L
    FROM lake.gold.top_salesman_in_country VERSION AS OF 'v2' WHERE business_day BETWEEN :first AND :last
)
GROUP BY business_day, currency, country, salesman_id
HAVING sum(amount) != 0 OR sum(sales) != 0

-- drop_older(version=3, months=[], ranges=0)
DELETE FROM lake.silver.sales.branch_run_3 AS held
WHERE (false) AND (true) AND EXISTS
    (SELECT 1 FROM touched AS told
     WHERE told.was IS NOT NULL AND told.source = held.source AND told.sale_id = held.sale_id)

-- drop_older(version=3, months=[], ranges=2)
DELETE FROM lake.silver.sales.branch_run_3 AS held
WHERE (false) AND (held.sale_id BETWEEN :first0 AND :last0 OR held.sale_id BETWEEN :first1 AND :last1) AND EXISTS
    (SELECT 1 FROM touched AS told
     WHERE told.was IS NOT NULL AND told.source = held.source AND told.sale_id = held.sale_id)

-- drop_older(version=3, months=[671, 672, None], ranges=0)
DELETE FROM lake.silver.sales.branch_run_3 AS held
WHERE ((held.occurred_at >= DATE '2025-12-01' AND held.occurred_at < DATE '2026-02-01') OR held.occurred_at IS NULL) AND (true) AND EXISTS
    (SELECT 1 FROM touched AS told
     WHERE told.was IS NOT NULL AND told.source = held.source AND told.sale_id = held.sale_id)

-- drop_older(version=3, months=[671, 672, None], ranges=2)
DELETE FROM lake.silver.sales.branch_run_3 AS held
WHERE ((held.occurred_at >= DATE '2025-12-01' AND held.occurred_at < DATE '2026-02-01') OR held.occurred_at IS NULL) AND (held.sale_id BETWEEN :first0 AND :last0 OR held.sale_id BETWEEN :first1 AND :last1) AND EXISTS
    (SELECT 1 FROM touched AS told
     WHERE told.was IS NOT NULL AND told.source = held.source AND told.sale_id = held.sale_id)

-- grown_hours(then=7, now=8)
SELECT new.partition.log_hour AS hour
FROM lake.bronze.log.partitions VERSION AS OF 8 AS new
LEFT JOIN lake.bronze.log.partitions VERSION AS OF 7 AS old ON old.partition.log_hour = new.partition.log_hour
WHERE old.record_count IS NULL OR new.record_count != old.record_count

-- in_months(column=occurred_at, months=[])
(false)

-- in_months(column=occurred_at, months=[671, 672, None])
((occurred_at >= DATE '2025-12-01' AND occurred_at < DATE '2026-02-01') OR occurred_at IS NULL)

-- kinds()
SELECT kind, CAST(sum(bit_count(bits)) AS bigint) AS records
FROM (SELECT kind, bit_or(shiftleft(1L, CAST(offset % 64 AS int))) AS bits FROM parsed GROUP BY kind, topic, partition, offset DIV 64)
GROUP BY kind

-- known(older=1, months=[], ranges=0)
SELECT held.*
FROM lake.silver.sales VERSION AS OF 'v1' AS held
JOIN (SELECT source, sale_id FROM places) AS told ON held.source = told.source AND held.sale_id = told.sale_id
WHERE (false) AND (true)

-- known(older=1, months=[], ranges=2)
SELECT held.*
FROM lake.silver.sales VERSION AS OF 'v1' AS held
JOIN (SELECT source, sale_id FROM places) AS told ON held.source = told.source AND held.sale_id = told.sale_id
WHERE (false) AND (held.sale_id BETWEEN :first0 AND :last0 OR held.sale_id BETWEEN :first1 AND :last1)

-- known(older=1, months=[671, 672, None], ranges=0)
SELECT held.*
FROM lake.silver.sales VERSION AS OF 'v1' AS held
JOIN (SELECT source, sale_id FROM places) AS told ON held.source = told.source AND held.sale_id = told.sale_id
WHERE ((held.occurred_at >= DATE '2025-12-01' AND held.occurred_at < DATE '2026-02-01') OR held.occurred_at IS NULL) AND (true)

-- known(older=1, months=[671, 672, None], ranges=2)
SELECT held.*
FROM lake.silver.sales VERSION AS OF 'v1' AS held
JOIN (SELECT source, sale_id FROM places) AS told ON held.source = told.source AND held.sale_id = told.sale_id
WHERE ((held.occurred_at >= DATE '2025-12-01' AND held.occurred_at < DATE '2026-02-01') OR held.occurred_at IS NULL) AND (held.sale_id BETWEEN :first0 AND :last0 OR held.sale_id BETWEEN :first1 AND :last1)

-- latest_state()
SELECT source, sale_id, found.last.*, found.log_time, several
FROM
(
    SELECT source, sale_id, count(*) > 1 AS several,
        max_by(struct(last, log_time), struct(log_time, last.topic, last.partition)) AS found
    FROM
    (
        SELECT source, sale_id, max(log_time) AS log_time,
            max_by(struct(deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset), offset) AS last
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

-- months()
SELECT DISTINCT month FROM places

-- moved(ranking=top-sales-per-city, base=2, months=[])
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales
FROM
(
    SELECT business_day, currency, country, city, amount, sales
    FROM lake.gold.top_sales_per_city VERSION AS OF 'v2'
    WHERE (false)
    UNION ALL
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency AS currency, country AS country, city AS city,
        CAST(1 * amount AS decimal(38, 2)) AS amount, 1L AS sales
    FROM touched WHERE NOT deleted
    UNION ALL
    SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency AS currency, was.country AS country, was.city AS city,
        CAST(-1 * was.amount AS decimal(38, 2)) AS amount, -1L AS sales
    FROM touched WHERE NOT was.deleted
)
GROUP BY business_day, currency, country, city
HAVING sum(sales) != 0

-- moved(ranking=top-sales-per-city, base=2, months=[671, 672, None])
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales
FROM
(
    SELECT business_day, currency, country, city, amount, sales
    FROM lake.gold.top_sales_per_city VERSION AS OF 'v2'
    WHERE ((business_day >= DATE '2025-12-01' AND business_day < DATE '2026-02-01') OR business_day IS NULL)
    UNION ALL
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency AS currency, country AS country, city AS city,
        CAST(1 * amount AS decimal(38, 2)) AS amount, 1L AS sales
    FROM touched WHERE NOT deleted
    UNION ALL
    SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency AS currency, was.country AS country, was.city AS city,
        CAST(-1 * was.amount AS decimal(38, 2)) AS amount, -1L AS sales
    FROM touched WHERE NOT was.deleted
)
GROUP BY business_day, currency, country, city
HAVING sum(sales) != 0

-- moved(ranking=top-salesman-in-country, base=2, months=[])
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales
    FROM lake.gold.top_salesman_in_country VERSION AS OF 'v2'
    WHERE (false)
    UNION ALL
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency AS currency, country AS country, salesman_id AS salesman_id,
        CAST(1 * amount AS decimal(38, 2)) AS amount, 1L AS sales
    FROM touched WHERE NOT deleted
    UNION ALL
    SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency AS currency, was.country AS country, was.salesman_id AS salesman_id,
        CAST(-1 * was.amount AS decimal(38, 2)) AS amount, -1L AS sales
    FROM touched WHERE NOT was.deleted
)
GROUP BY business_day, currency, country, salesman_id
HAVING sum(sales) != 0

-- moved(ranking=top-salesman-in-country, base=2, months=[671, 672, None])
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales
    FROM lake.gold.top_salesman_in_country VERSION AS OF 'v2'
    WHERE ((business_day >= DATE '2025-12-01' AND business_day < DATE '2026-02-01') OR business_day IS NULL)
    UNION ALL
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency AS currency, country AS country, salesman_id AS salesman_id,
        CAST(1 * amount AS decimal(38, 2)) AS amount, 1L AS sales
    FROM touched WHERE NOT deleted
    UNION ALL
    SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency AS currency, was.country AS country, was.salesman_id AS salesman_id,
        CAST(-1 * was.amount AS decimal(38, 2)) AS amount, -1L AS sales
    FROM touched WHERE NOT was.deleted
)
GROUP BY business_day, currency, country, salesman_id
HAVING sum(sales) != 0

-- names(label=Label(key='salesman_id', column='salesman'))
SELECT 'salesman' AS label, key, last.name AS name, last.seen_at AS seen_at
FROM
(
    SELECT key, max_by(struct(name, seen_at), struct(seen_at, topic, partition, place)) AS last
    FROM
    (
        SELECT salesman_id AS key, salesman AS name, topic, partition, max(log_time) AS seen_at,
            max(CAST(unix_micros(log_time) AS decimal(19, 0)) * 10000000000000000000 + offset) AS place
        FROM parsed
        WHERE kind = 'sale' AND salesman IS NOT NULL
        GROUP BY salesman_id, salesman, topic, partition
    )
    GROUP BY key
)

-- newer()
SELECT source, sale_id, deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time FROM touched

-- places(older=1, ranges=0)
SELECT held.source, held.sale_id, held._partition.occurred_at_month AS month
FROM lake.silver.sales VERSION AS OF 'v1' AS held
JOIN (SELECT source, sale_id FROM latest) AS told ON held.source = told.source AND held.sale_id = told.sale_id
WHERE true

-- places(older=1, ranges=2)
SELECT held.source, held.sale_id, held._partition.occurred_at_month AS month
FROM lake.silver.sales VERSION AS OF 'v1' AS held
JOIN (SELECT source, sale_id FROM latest) AS told ON held.source = told.source AND held.sale_id = told.sale_id
WHERE held.sale_id BETWEEN :first0 AND :last0 OR held.sale_id BETWEEN :first1 AND :last1

-- reached(sale=source, sale_id)
max(log_time) OVER (PARTITION BY source, sale_id, topic, partition ORDER BY offset) AS reached

-- refused()
SELECT topic, partition, offset, first(log_time) AS log_time, first(field) AS field, first(reason) AS reason, first(key) AS key, first(payload) AS payload
FROM parsed WHERE kind = 'rejected' GROUP BY topic, partition, offset

-- spans()
SELECT topic, partition, min(first) AS first_offset, max(last) AS last_offset,
    CAST(sum(bit_count(bits)) AS bigint) AS records
FROM (SELECT topic, partition, min(offset) AS first, max(offset) AS last, bit_or(shiftleft(1L, CAST(offset % 64 AS int))) AS bits
      FROM records GROUP BY topic, partition, offset DIV 64)
GROUP BY topic, partition

-- states(table=silver.sales)
SELECT count_if(NOT deleted) AS sales, count_if(deleted) AS deleted FROM silver.sales

-- sums(ranking=top-sales-per-city)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, city

-- sums(ranking=top-salesman-in-country)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, salesman_id

-- totals(ranking=top-sales-per-city, version=3)
SELECT currency, sum(abs(amount)) AS amount, sum(sales) AS sales
FROM lake.gold.top_sales_per_city VERSION AS OF 'v3' GROUP BY currency

-- totals(ranking=top-salesman-in-country, version=3)
SELECT currency, sum(abs(amount)) AS amount, sum(sales) AS sales
FROM lake.gold.top_salesman_in_country VERSION AS OF 'v3' GROUP BY currency
