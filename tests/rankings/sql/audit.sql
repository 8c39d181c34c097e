-- candidates()
SELECT sale_id, deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, next_time IS NULL AS is_last
FROM
(
    SELECT *, lead(log_time) OVER (PARTITION BY sale_id ORDER BY is_new, reached, topic, partition, offset) AS next_time
    FROM
    (
        SELECT *, max(log_time) OVER (PARTITION BY sale_id, is_new, topic, partition ORDER BY offset) AS reached
        FROM
        (
            SELECT sale_id, deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time, 0 AS is_new
            FROM lake.silver.sales WHERE topic = :topic
            UNION
            SELECT sale_id, kind = 'deletion', occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time, 1
            FROM parsed WHERE topic = :topic AND kind IN ('sale', 'deletion')
        )
    )
)
WHERE next_time IS NULL OR next_time >= :since

-- days()
SELECT business_day, currency, sum(source_sales) AS source_sales, sum(source_amount) AS source_amount,
    sum(log_sales) AS log_sales, sum(log_amount) AS log_amount
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, 1L AS source_sales, amount AS source_amount,
        0L AS log_sales, 0 AS log_amount
    FROM source_rows
    UNION ALL
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date), currency, 0L, 0, 1L, amount FROM candidates WHERE NOT deleted AND is_last
)
GROUP BY business_day, currency
HAVING sum(source_sales) != sum(log_sales) OR sum(source_amount) != sum(log_amount)
ORDER BY business_day, currency

-- differing()
SELECT s.sale_id, struct(s.occurred_at, s.country, s.city, s.salesman_id, s.salesman, s.amount, s.currency) AS source, l.last AS log
FROM source_rows AS s
LEFT ANTI JOIN candidates AS c ON c.sale_id = s.sale_id AND NOT c.deleted AND c.occurred_at <=> s.occurred_at AND c.country <=> s.country AND c.city <=> s.city AND c.salesman_id <=> s.salesman_id AND c.salesman <=> s.salesman AND c.amount <=> s.amount AND c.currency <=> s.currency
LEFT JOIN (SELECT sale_id, max_by(struct(occurred_at, country, city, salesman_id, salesman, amount, currency), NOT deleted) AS last FROM candidates GROUP BY sale_id) AS l
    ON l.sale_id = s.sale_id
UNION ALL
SELECT c.sale_id, NULL, max_by(struct(occurred_at, country, city, salesman_id, salesman, amount, currency), NOT deleted)
FROM candidates AS c LEFT ANTI JOIN source_rows AS s ON s.sale_id = c.sale_id
GROUP BY c.sale_id HAVING NOT bool_or(c.deleted)
ORDER BY sale_id

-- readable()
SELECT 1 FROM (SELECT normalize(btrim(sale_id::text, E' \t\r\n'), NFC) AS sale_id, normalize(btrim(country::text, E' \t\r\n'), NFC) AS country, normalize(btrim(city::text, E' \t\r\n'), NFC) AS city, normalize(btrim(salesman_id::text, E' \t\r\n'), NFC) AS salesman_id, normalize(btrim(salesman::text, E' \t\r\n'), NFC) AS salesman, normalize(btrim(currency::text, E' \t\r\n'), NFC) AS currency, occurred_at, amount::numeric(18, 2) AS amount, abs(hashtext(sale_id) % 4) AS part FROM public.sales) AS told LIMIT 0

-- source_rows()
(SELECT normalize(btrim(sale_id::text, E' \t\r\n'), NFC) AS sale_id, normalize(btrim(country::text, E' \t\r\n'), NFC) AS country, normalize(btrim(city::text, E' \t\r\n'), NFC) AS city, normalize(btrim(salesman_id::text, E' \t\r\n'), NFC) AS salesman_id, normalize(btrim(salesman::text, E' \t\r\n'), NFC) AS salesman, normalize(btrim(currency::text, E' \t\r\n'), NFC) AS currency, occurred_at, amount::numeric(18, 2) AS amount, abs(hashtext(sale_id) % 4) AS part FROM public.sales) AS told
