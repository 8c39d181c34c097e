-- evidence(ranking=top-sales-per-city)
WITH effects AS
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city, amount, 1L AS sales, log_time, untaken, refused, regressed
    FROM steps WHERE NOT deleted
    UNION ALL
    SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency, was.country, was.city, -was.amount, -1L, log_time, untaken, refused, regressed
    FROM steps WHERE NOT was.deleted
),
flagged AS (SELECT business_day, currency, country, city, bool_or(untaken) AS behind,
    sum(amount) FILTER (WHERE untaken) AS untaken_amount,
    sum(sales) FILTER (WHERE untaken) AS untaken_sales,
    sum(amount) FILTER (WHERE refused) AS refused_amount,
    sum(sales) FILTER (WHERE refused) AS refused_sales,
    sum(amount) FILTER (WHERE regressed) AS regressed_amount,
    sum(sales) FILTER (WHERE regressed) AS regressed_sales
FROM effects GROUP BY business_day, currency, country, city),
forgotten AS
(
    SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency, was.country, was.city, was.amount AS amount, 1L AS sales, log_time
    FROM steps WHERE NOT was.deleted AND NOT untaken
    UNION ALL
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, city, -amount, -1L, log_time
    FROM steps WHERE NOT deleted AND followed AND NOT untaken
),
since AS
(
    SELECT business_day, currency, country, city, sum(sum(amount)) OVER later AS amount, sum(sum(sales)) OVER later AS sales
    FROM forgotten GROUP BY business_day, currency, country, city, log_time
    WINDOW later AS (PARTITION BY business_day, currency, country, city ORDER BY log_time DESC)
),
lost AS (SELECT DISTINCT business_day, currency, country, city, true AS state_lost FROM since JOIN drifted USING (business_day, currency, country, city, amount, sales)),
by_second AS
(
    SELECT business_day, currency, country, city, second, sum(told) AS told, sum(kept) AS kept, sum(amount) AS amount, sum(sales) AS sales
    FROM
    (
        SELECT business_day, currency, country, city, date_trunc('SECOND', log_time) AS second, 1 AS told, 0 AS kept, amount, sales, untaken
        FROM effects WHERE NOT (refused OR regressed)
        UNION ALL
        SELECT business_day, currency, country, city, second, 0, 1, -amount, -sales, false FROM live
    )
    GROUP BY business_day, currency, country, city, second HAVING NOT bool_or(untaken) AND (sum(amount) != 0 OR sum(sales) != 0)
),
seconds AS
(
    SELECT business_day, currency, country, city, count_if(kept = 0) AS missing, count_if(told = 0) AS foreign,
        count_if(told > 0 AND kept > 0) AS altered
    FROM by_second GROUP BY business_day, currency, country, city
)
SELECT business_day, currency, country, city, amount, sales,
    coalesce(untaken_amount, 0) AS untaken_amount,
    coalesce(untaken_sales, 0) AS untaken_sales,
    coalesce(refused_amount, 0) AS refused_amount,
    coalesce(refused_sales, 0) AS refused_sales,
    coalesce(regressed_amount, 0) AS regressed_amount,
    coalesce(regressed_sales, 0) AS regressed_sales,
    coalesce(behind, false) AS behind, coalesce(state_lost, false) AS state_lost,
    coalesce(missing, 0) AS missing, coalesce(foreign, 0) AS foreign, coalesce(altered, 0) AS altered
FROM drifted LEFT JOIN flagged USING (business_day, currency, country, city) LEFT JOIN lost USING (business_day, currency, country, city) LEFT JOIN seconds USING (business_day, currency, country, city)

-- evidence(ranking=top-salesman-in-country)
WITH effects AS
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id, amount, 1L AS sales, log_time, untaken, refused, regressed
    FROM steps WHERE NOT deleted
    UNION ALL
    SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency, was.country, was.salesman_id, -was.amount, -1L, log_time, untaken, refused, regressed
    FROM steps WHERE NOT was.deleted
),
flagged AS (SELECT business_day, currency, country, salesman_id, bool_or(untaken) AS behind,
    sum(amount) FILTER (WHERE untaken) AS untaken_amount,
    sum(sales) FILTER (WHERE untaken) AS untaken_sales,
    sum(amount) FILTER (WHERE refused) AS refused_amount,
    sum(sales) FILTER (WHERE refused) AS refused_sales,
    sum(amount) FILTER (WHERE regressed) AS regressed_amount,
    sum(sales) FILTER (WHERE regressed) AS regressed_sales
FROM effects GROUP BY business_day, currency, country, salesman_id),
forgotten AS
(
    SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency, was.country, was.salesman_id, was.amount AS amount, 1L AS sales, log_time
    FROM steps WHERE NOT was.deleted AND NOT untaken
    UNION ALL
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, country, salesman_id, -amount, -1L, log_time
    FROM steps WHERE NOT deleted AND followed AND NOT untaken
),
since AS
(
    SELECT business_day, currency, country, salesman_id, sum(sum(amount)) OVER later AS amount, sum(sum(sales)) OVER later AS sales
    FROM forgotten GROUP BY business_day, currency, country, salesman_id, log_time
    WINDOW later AS (PARTITION BY business_day, currency, country, salesman_id ORDER BY log_time DESC)
),
lost AS (SELECT DISTINCT business_day, currency, country, salesman_id, true AS state_lost FROM since JOIN drifted USING (business_day, currency, country, salesman_id, amount, sales)),
by_second AS
(
    SELECT business_day, currency, country, salesman_id, second, sum(told) AS told, sum(kept) AS kept, sum(amount) AS amount, sum(sales) AS sales
    FROM
    (
        SELECT business_day, currency, country, salesman_id, date_trunc('SECOND', log_time) AS second, 1 AS told, 0 AS kept, amount, sales, untaken
        FROM effects WHERE NOT (refused OR regressed)
        UNION ALL
        SELECT business_day, currency, country, salesman_id, second, 0, 1, -amount, -sales, false FROM live
    )
    GROUP BY business_day, currency, country, salesman_id, second HAVING NOT bool_or(untaken) AND (sum(amount) != 0 OR sum(sales) != 0)
),
seconds AS
(
    SELECT business_day, currency, country, salesman_id, count_if(kept = 0) AS missing, count_if(told = 0) AS foreign,
        count_if(told > 0 AND kept > 0) AS altered
    FROM by_second GROUP BY business_day, currency, country, salesman_id
)
SELECT business_day, currency, country, salesman_id, amount, sales,
    coalesce(untaken_amount, 0) AS untaken_amount,
    coalesce(untaken_sales, 0) AS untaken_sales,
    coalesce(refused_amount, 0) AS refused_amount,
    coalesce(refused_sales, 0) AS refused_sales,
    coalesce(regressed_amount, 0) AS regressed_amount,
    coalesce(regressed_sales, 0) AS regressed_sales,
    coalesce(behind, false) AS behind, coalesce(state_lost, false) AS state_lost,
    coalesce(missing, 0) AS missing, coalesce(foreign, 0) AS foreign, coalesce(altered, 0) AS altered
FROM drifted LEFT JOIN flagged USING (business_day, currency, country, salesman_id) LEFT JOIN lost USING (business_day, currency, country, salesman_id) LEFT JOIN seconds USING (business_day, currency, country, salesman_id)

-- refused_by_batch_alone()
SELECT p.topic, p.partition, p.offset
FROM parsed AS p
JOIN taken AS t ON t.topic = p.topic AND t.partition = p.partition AND p.offset < t.committed
WHERE p.kind = 'rejected'
EXCEPT SELECT topic, partition, offset FROM refused_by_live

-- steps(base=None, months=[])
SELECT s.*, s.offset >= coalesce(t.committed, 0) AS untaken, r.offset IS NOT NULL AS refused,
    s.log_time < :since AS regressed
FROM
(
    SELECT *, lag(struct(deleted, occurred_at, country, city, salesman_id, salesman, amount, currency)) OVER sale AS was, lead(true) OVER sale AS followed
    FROM
    (
        SELECT *, max(log_time) OVER (PARTITION BY source, sale_id, is_record, topic, partition ORDER BY offset) AS reached
        FROM
        (
            SELECT DISTINCT source, sale_id, kind = 'deletion' AS deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time, 1 AS is_record
            FROM parsed WHERE kind IN ('sale', 'deletion')
        )
    )
    WINDOW sale AS (PARTITION BY source, sale_id ORDER BY is_record, reached, topic, partition, offset)
) AS s
LEFT JOIN taken AS t ON t.topic = s.topic AND t.partition = s.partition
LEFT JOIN refused_by_live AS r ON r.topic = s.topic AND r.partition = s.partition AND r.offset = s.offset
WHERE is_record = 1

-- steps(base=None, months=[671, 672, None])
SELECT s.*, s.offset >= coalesce(t.committed, 0) AS untaken, r.offset IS NOT NULL AS refused,
    s.log_time < :since AS regressed
FROM
(
    SELECT *, lag(struct(deleted, occurred_at, country, city, salesman_id, salesman, amount, currency)) OVER sale AS was, lead(true) OVER sale AS followed
    FROM
    (
        SELECT *, max(log_time) OVER (PARTITION BY source, sale_id, is_record, topic, partition ORDER BY offset) AS reached
        FROM
        (
            SELECT DISTINCT source, sale_id, kind = 'deletion' AS deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time, 1 AS is_record
            FROM parsed WHERE kind IN ('sale', 'deletion')
        )
    )
    WINDOW sale AS (PARTITION BY source, sale_id ORDER BY is_record, reached, topic, partition, offset)
) AS s
LEFT JOIN taken AS t ON t.topic = s.topic AND t.partition = s.partition
LEFT JOIN refused_by_live AS r ON r.topic = s.topic AND r.partition = s.partition AND r.offset = s.offset
WHERE is_record = 1

-- steps(base=2, months=[])
SELECT s.*, s.offset >= coalesce(t.committed, 0) AS untaken, r.offset IS NOT NULL AS refused,
    s.log_time < :since AS regressed
FROM
(
    SELECT *, lag(struct(deleted, occurred_at, country, city, salesman_id, salesman, amount, currency)) OVER sale AS was, lead(true) OVER sale AS followed
    FROM
    (
        SELECT *, max(log_time) OVER (PARTITION BY source, sale_id, is_record, topic, partition ORDER BY offset) AS reached
        FROM
        (
            SELECT DISTINCT source, sale_id, kind = 'deletion' AS deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time, 1 AS is_record
            FROM parsed WHERE kind IN ('sale', 'deletion')
            UNION ALL
            SELECT held.source, held.sale_id, held.deleted, held.occurred_at, held.country, held.city, held.salesman_id, held.salesman, held.amount, held.currency, held.topic, held.partition, held.offset, held.log_time, 0
            FROM lake.silver.sales VERSION AS OF 'v2' AS held
            JOIN (SELECT DISTINCT source, sale_id FROM parsed) AS told
                ON held.source = told.source AND held.sale_id = told.sale_id
            WHERE (false)
        )
    )
    WINDOW sale AS (PARTITION BY source, sale_id ORDER BY is_record, reached, topic, partition, offset)
) AS s
LEFT JOIN taken AS t ON t.topic = s.topic AND t.partition = s.partition
LEFT JOIN refused_by_live AS r ON r.topic = s.topic AND r.partition = s.partition AND r.offset = s.offset
WHERE is_record = 1

-- steps(base=2, months=[671, 672, None])
SELECT s.*, s.offset >= coalesce(t.committed, 0) AS untaken, r.offset IS NOT NULL AS refused,
    s.log_time < :since AS regressed
FROM
(
    SELECT *, lag(struct(deleted, occurred_at, country, city, salesman_id, salesman, amount, currency)) OVER sale AS was, lead(true) OVER sale AS followed
    FROM
    (
        SELECT *, max(log_time) OVER (PARTITION BY source, sale_id, is_record, topic, partition ORDER BY offset) AS reached
        FROM
        (
            SELECT DISTINCT source, sale_id, kind = 'deletion' AS deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time, 1 AS is_record
            FROM parsed WHERE kind IN ('sale', 'deletion')
            UNION ALL
            SELECT held.source, held.sale_id, held.deleted, held.occurred_at, held.country, held.city, held.salesman_id, held.salesman, held.amount, held.currency, held.topic, held.partition, held.offset, held.log_time, 0
            FROM lake.silver.sales VERSION AS OF 'v2' AS held
            JOIN (SELECT DISTINCT source, sale_id FROM parsed) AS told
                ON held.source = told.source AND held.sale_id = told.sale_id
            WHERE ((held.occurred_at >= DATE '2025-12-01' AND held.occurred_at < DATE '2026-02-01') OR held.occurred_at IS NULL)
        )
    )
    WINDOW sale AS (PARTITION BY source, sale_id ORDER BY is_record, reached, topic, partition, offset)
) AS s
LEFT JOIN taken AS t ON t.topic = s.topic AND t.partition = s.partition
LEFT JOIN refused_by_live AS r ON r.topic = s.topic AND r.partition = s.partition AND r.offset = s.offset
WHERE is_record = 1
