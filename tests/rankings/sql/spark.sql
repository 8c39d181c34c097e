-- changed_days()
SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day FROM touched WHERE NOT deleted AND NOT (was IS NOT NULL AND deleted <=> was.deleted AND occurred_at <=> was.occurred_at AND country <=> was.country AND city <=> was.city AND salesman_id <=> was.salesman_id AND amount <=> was.amount AND currency <=> was.currency)
UNION
SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day FROM touched WHERE NOT was.deleted AND NOT (deleted <=> was.deleted AND occurred_at <=> was.occurred_at AND country <=> was.country AND city <=> was.city AND salesman_id <=> was.salesman_id AND amount <=> was.amount AND currency <=> was.currency)

-- changes(ranking=top-sales-per-city, base=None, of_days=False)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(amount_change) AS decimal(38, 2)) AS amount_change, sum(sales_change) AS sales_change
FROM
(
    SELECT business_day, currency, country, city, amount, sales, amount AS amount_change, sales AS sales_change
    FROM (
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, city
    )
)
GROUP BY business_day, currency, country, city
HAVING sum(amount_change) != 0 OR sum(sales_change) != 0

-- changes(ranking=top-sales-per-city, base=None, of_days=True)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(amount_change) AS decimal(38, 2)) AS amount_change, sum(sales_change) AS sales_change
FROM
(
    SELECT business_day, currency, country, city, amount, sales, amount AS amount_change, sales AS sales_change
    FROM (
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
WHERE business_day IN (SELECT business_day FROM changed_days)
GROUP BY business_day, currency, country, city
    )
)
GROUP BY business_day, currency, country, city
HAVING sum(amount_change) != 0 OR sum(sales_change) != 0

-- changes(ranking=top-sales-per-city, base=2, of_days=False)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(amount_change) AS decimal(38, 2)) AS amount_change, sum(sales_change) AS sales_change
FROM
(
    SELECT business_day, currency, country, city, amount, sales, amount AS amount_change, sales AS sales_change
    FROM (
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, city
    )
    UNION ALL
    SELECT business_day, currency, country, city, CAST(0 AS decimal(38, 2)), 0L, -amount, -sales
    FROM lake.gold.top_sales_per_city VERSION AS OF 'v2'
)
GROUP BY business_day, currency, country, city
HAVING sum(amount_change) != 0 OR sum(sales_change) != 0

-- changes(ranking=top-sales-per-city, base=2, of_days=True)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(amount_change) AS decimal(38, 2)) AS amount_change, sum(sales_change) AS sales_change
FROM
(
    SELECT business_day, currency, country, city, amount, sales, amount AS amount_change, sales AS sales_change
    FROM (
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
WHERE business_day IN (SELECT business_day FROM changed_days)
GROUP BY business_day, currency, country, city
    )
    UNION ALL
    SELECT business_day, currency, country, city, CAST(0 AS decimal(38, 2)), 0L, -amount, -sales
    FROM lake.gold.top_sales_per_city VERSION AS OF 'v2' WHERE business_day IN (SELECT business_day FROM changed_days)
)
GROUP BY business_day, currency, country, city
HAVING sum(amount_change) != 0 OR sum(sales_change) != 0

-- changes(ranking=top-salesman-in-country, base=None, of_days=False)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(amount_change) AS decimal(38, 2)) AS amount_change, sum(sales_change) AS sales_change
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales, amount AS amount_change, sales AS sales_change
    FROM (
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, salesman_id
    )
)
GROUP BY business_day, currency, country, salesman_id
HAVING sum(amount_change) != 0 OR sum(sales_change) != 0

-- changes(ranking=top-salesman-in-country, base=None, of_days=True)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(amount_change) AS decimal(38, 2)) AS amount_change, sum(sales_change) AS sales_change
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales, amount AS amount_change, sales AS sales_change
    FROM (
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
WHERE business_day IN (SELECT business_day FROM changed_days)
GROUP BY business_day, currency, country, salesman_id
    )
)
GROUP BY business_day, currency, country, salesman_id
HAVING sum(amount_change) != 0 OR sum(sales_change) != 0

-- changes(ranking=top-salesman-in-country, base=2, of_days=False)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(amount_change) AS decimal(38, 2)) AS amount_change, sum(sales_change) AS sales_change
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales, amount AS amount_change, sales AS sales_change
    FROM (
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, salesman_id
    )
    UNION ALL
    SELECT business_day, currency, country, salesman_id, CAST(0 AS decimal(38, 2)), 0L, -amount, -sales
    FROM lake.gold.top_salesman_in_country VERSION AS OF 'v2'
)
GROUP BY business_day, currency, country, salesman_id
HAVING sum(amount_change) != 0 OR sum(sales_change) != 0

-- changes(ranking=top-salesman-in-country, base=2, of_days=True)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(amount_change) AS decimal(38, 2)) AS amount_change, sum(sales_change) AS sales_change
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales, amount AS amount_change, sales AS sales_change
    FROM (
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
WHERE business_day IN (SELECT business_day FROM changed_days)
GROUP BY business_day, currency, country, salesman_id
    )
    UNION ALL
    SELECT business_day, currency, country, salesman_id, CAST(0 AS decimal(38, 2)), 0L, -amount, -sales
    FROM lake.gold.top_salesman_in_country VERSION AS OF 'v2' WHERE business_day IN (SELECT business_day FROM changed_days)
)
GROUP BY business_day, currency, country, salesman_id
HAVING sum(amount_change) != 0 OR sum(sales_change) != 0

-- changes_by_moves(ranking=top-sales-per-city, older=1)
SELECT moved.business_day, moved.currency, moved.country, moved.city, CAST(coalesce(held.amount, 0) + amount_change AS decimal(38, 2)) AS amount,
    coalesce(held.sales, 0) + sales_change AS sales, amount_change, sales_change
FROM
(
    SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount_change, sum(sales) AS sales_change
    FROM (SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency AS currency, country AS country, city AS city,
        1 * amount AS amount, 1L AS sales
    FROM touched WHERE NOT deleted UNION ALL SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency AS currency, was.country AS country, was.city AS city,
        -1 * was.amount AS amount, -1L AS sales
    FROM touched WHERE NOT was.deleted)
    GROUP BY business_day, currency, country, city
    HAVING sum(amount) != 0 OR sum(sales) != 0
) AS moved
LEFT JOIN lake.gold.top_sales_per_city VERSION AS OF 'v1' AS held ON held.business_day = moved.business_day AND held.currency = moved.currency AND held.country = moved.country AND held.city = moved.city

-- changes_by_moves(ranking=top-salesman-in-country, older=1)
SELECT moved.business_day, moved.currency, moved.country, moved.salesman_id, CAST(coalesce(held.amount, 0) + amount_change AS decimal(38, 2)) AS amount,
    coalesce(held.sales, 0) + sales_change AS sales, amount_change, sales_change
FROM
(
    SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount_change, sum(sales) AS sales_change
    FROM (SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency AS currency, country AS country, salesman_id AS salesman_id,
        1 * amount AS amount, 1L AS sales
    FROM touched WHERE NOT deleted UNION ALL SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency AS currency, was.country AS country, was.salesman_id AS salesman_id,
        -1 * was.amount AS amount, -1L AS sales
    FROM touched WHERE NOT was.deleted)
    GROUP BY business_day, currency, country, salesman_id
    HAVING sum(amount) != 0 OR sum(sales) != 0
) AS moved
LEFT JOIN lake.gold.top_salesman_in_country VERSION AS OF 'v1' AS held ON held.business_day = moved.business_day AND held.currency = moved.currency AND held.country = moved.country AND held.salesman_id = moved.salesman_id

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

-- difference(ranking=top-sales-per-city, version=3, base=None)
SELECT business_day, currency, country, city, amount, sales FROM lake.gold.top_sales_per_city VERSION AS OF 'v3' WHERE business_day BETWEEN :first AND :last

-- difference(ranking=top-sales-per-city, version=3, base=2)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales
FROM
(
    SELECT business_day, currency, country, city, amount, sales FROM lake.gold.top_sales_per_city VERSION AS OF 'v3' WHERE business_day BETWEEN :first AND :last
    UNION ALL
    SELECT business_day, currency, country, city, -amount, -sales FROM lake.gold.top_sales_per_city VERSION AS OF 'v2' WHERE business_day BETWEEN :first AND :last
)
GROUP BY business_day, currency, country, city
HAVING sum(amount) != 0 OR sum(sales) != 0

-- difference(ranking=top-salesman-in-country, version=3, base=None)
SELECT business_day, currency, country, salesman_id, amount, sales FROM lake.gold.top_salesman_in_country VERSION AS OF 'v3' WHERE business_day BETWEEN :first AND :last

-- difference(ranking=top-salesman-in-country, version=3, base=2)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales FROM lake.gold.top_salesman_in_country VERSION AS OF 'v3' WHERE business_day BETWEEN :first AND :last
    UNION ALL
    SELECT business_day, currency, country, salesman_id, -amount, -sales FROM lake.gold.top_salesman_in_country VERSION AS OF 'v2' WHERE business_day BETWEEN :first AND :last
)
GROUP BY business_day, currency, country, salesman_id
HAVING sum(amount) != 0 OR sum(sales) != 0

-- grown_hours(then=7, now=8)
SELECT new.partition.log_hour AS hour
FROM lake.bronze.log.partitions VERSION AS OF 8 AS new
LEFT JOIN lake.bronze.log.partitions VERSION AS OF 7 AS old ON old.partition.log_hour = new.partition.log_hour
WHERE old.record_count IS NULL OR new.record_count > old.record_count

-- kinds()
SELECT kind, CAST(sum(bit_count(bits)) AS bigint) AS records
FROM (SELECT kind, bit_or(shiftleft(1L, CAST(offset % 64 AS int))) AS bits FROM parsed GROUP BY kind, topic, partition, offset DIV 64)
GROUP BY kind

-- known(older=1)
SELECT held.*
FROM lake.silver.sales VERSION AS OF 'v1' AS held
JOIN (SELECT source, sale_id FROM latest) AS told ON held.source = told.source AND held.sale_id = told.sale_id

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

-- new_in_silver()
SELECT source, sale_id, deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time FROM touched WHERE was IS NULL

-- refused()
SELECT topic, partition, offset, first(log_time) AS log_time, first(field) AS field, first(reason) AS reason, first(key) AS key, first(payload) AS payload
FROM parsed WHERE kind = 'rejected' GROUP BY topic, partition, offset

-- spans()
SELECT topic, partition, min(first) AS first_offset, max(last) AS last_offset,
    CAST(sum(bit_count(bits)) AS bigint) AS records
FROM (SELECT topic, partition, min(offset) AS first, max(offset) AS last, bit_or(shiftleft(1L, CAST(offset % 64 AS int))) AS bits
      FROM records GROUP BY topic, partition, offset DIV 64)
GROUP BY topic, partition
ORDER BY topic, partition

-- states(table=silver.sales)
SELECT count_if(NOT deleted) AS sales, count_if(deleted) AS deleted FROM silver.sales

-- sums(ranking=top-sales-per-city, of_days=False)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, city

-- sums(ranking=top-sales-per-city, of_days=True)
SELECT business_day, currency, country, city, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
WHERE business_day IN (SELECT business_day FROM changed_days)
GROUP BY business_day, currency, country, city

-- sums(ranking=top-salesman-in-country, of_days=False)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
GROUP BY business_day, currency, country, salesman_id

-- sums(ranking=top-salesman-in-country, of_days=True)
SELECT business_day, currency, country, salesman_id, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id,
        amount AS amount
    FROM present
    WHERE NOT deleted
)
WHERE business_day IN (SELECT business_day FROM changed_days)
GROUP BY business_day, currency, country, salesman_id

-- totals(ranking=top-sales-per-city, version=3)
SELECT currency, sum(abs(amount)) AS amount FROM lake.gold.top_sales_per_city VERSION AS OF 'v3' GROUP BY currency

-- totals(ranking=top-salesman-in-country, version=3)
SELECT currency, sum(abs(amount)) AS amount FROM lake.gold.top_salesman_in_country VERSION AS OF 'v3' GROUP BY currency

-- touched()
SELECT l.*, CASE WHEN k.source IS NOT NULL THEN named_struct('source', k.source, 'sale_id', k.sale_id, 'deleted', k.deleted, 'occurred_at', k.occurred_at, 'country', k.country, 'city', k.city, 'salesman_id', k.salesman_id, 'salesman', k.salesman, 'amount', k.amount, 'currency', k.currency, 'topic', k.topic, 'partition', k.partition, 'offset', k.offset, 'log_time', k.log_time) END AS was
FROM latest AS l
LEFT JOIN known AS k ON k.source = l.source AND k.sale_id = l.sale_id
WHERE k.source IS NULL OR CASE
    WHEN k.topic = l.topic AND k.partition = l.partition THEN l.offset > k.offset
    ELSE (l.log_time, l.topic, l.partition) > (k.log_time, k.topic, k.partition)
END

-- update_gold(ranking=top-sales-per-city)
MERGE INTO lake.gold.top_sales_per_city.branch_run AS held
USING changes AS new
ON held.business_day = new.business_day AND held.currency = new.currency AND held.country = new.country AND held.city = new.city AND held.business_day BETWEEN :first AND :last
WHEN MATCHED AND new.sales = 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET held.amount = new.amount, held.sales = new.sales
WHEN NOT MATCHED THEN INSERT (business_day, currency, country, city, amount, sales) VALUES (new.business_day, new.currency, new.country, new.city, new.amount, new.sales)

-- update_gold(ranking=top-salesman-in-country)
MERGE INTO lake.gold.top_salesman_in_country.branch_run AS held
USING changes AS new
ON held.business_day = new.business_day AND held.currency = new.currency AND held.country = new.country AND held.salesman_id = new.salesman_id AND held.business_day BETWEEN :first AND :last
WHEN MATCHED AND new.sales = 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET held.amount = new.amount, held.sales = new.sales
WHEN NOT MATCHED THEN INSERT (business_day, currency, country, salesman_id, amount, sales) VALUES (new.business_day, new.currency, new.country, new.salesman_id, new.amount, new.sales)

-- update_silver()
MERGE INTO lake.silver.sales.branch_run AS held
USING (SELECT source, sale_id, deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time FROM touched WHERE was IS NOT NULL) AS told
ON held.source = told.source AND held.sale_id = told.sale_id
WHEN MATCHED THEN UPDATE SET *
