-- sales(ranking=top-sales-per-city, version=3, older=1)
SELECT DISTINCT source, sale_id, was, now
FROM
(
    SELECT coalesce(a.source, b.source) AS source, coalesce(a.sale_id, b.sale_id) AS sale_id,
        CASE WHEN NOT a.deleted THEN named_struct('occurred_at', a.occurred_at, 'country', a.country, 'city', a.city, 'salesman_id', a.salesman_id, 'amount', a.amount, 'currency', a.currency) END AS was,
        CASE WHEN NOT b.deleted THEN named_struct('occurred_at', b.occurred_at, 'country', b.country, 'city', b.city, 'salesman_id', b.salesman_id, 'amount', b.amount, 'currency', b.currency) END AS now
    FROM lake.silver.sales VERSION AS OF 'v1' AS a
    FULL OUTER JOIN lake.silver.sales VERSION AS OF 'v3' AS b ON a.source = b.source AND a.sale_id = b.sale_id
)
JOIN subjects AS s ON (was.currency = s.currency AND was.country = s.country AND was.city = s.city) OR (now.currency = s.currency AND now.country = s.country AND now.city = s.city)
WHERE NOT was <=> now
ORDER BY source, sale_id

-- sales(ranking=top-salesman-in-country, version=3, older=1)
SELECT DISTINCT source, sale_id, was, now
FROM
(
    SELECT coalesce(a.source, b.source) AS source, coalesce(a.sale_id, b.sale_id) AS sale_id,
        CASE WHEN NOT a.deleted THEN named_struct('occurred_at', a.occurred_at, 'country', a.country, 'city', a.city, 'salesman_id', a.salesman_id, 'amount', a.amount, 'currency', a.currency) END AS was,
        CASE WHEN NOT b.deleted THEN named_struct('occurred_at', b.occurred_at, 'country', b.country, 'city', b.city, 'salesman_id', b.salesman_id, 'amount', b.amount, 'currency', b.currency) END AS now
    FROM lake.silver.sales VERSION AS OF 'v1' AS a
    FULL OUTER JOIN lake.silver.sales VERSION AS OF 'v3' AS b ON a.source = b.source AND a.sale_id = b.sale_id
)
JOIN subjects AS s ON (was.currency = s.currency AND was.country = s.country AND was.salesman_id = s.salesman_id) OR (now.currency = s.currency AND now.country = s.country AND now.salesman_id = s.salesman_id)
WHERE NOT was <=> now
ORDER BY source, sale_id

-- subjects(ranking=top-sales-per-city, version=3, older=1)
SELECT currency, country, city, was_amount, was_sales, amount, sales
FROM
(
    SELECT currency, country, city, sum(was_amount) AS was_amount, sum(was_sales) AS was_sales,
        sum(amount) AS amount, sum(sales) AS sales
    FROM
    (
        SELECT currency, country, city, 0 AS was_amount, 0L AS was_sales, amount, sales
        FROM lake.gold.top_sales_per_city VERSION AS OF 'v3'
        UNION ALL
        SELECT currency, country, city, amount, sales, 0, 0L FROM lake.gold.top_sales_per_city VERSION AS OF 'v1'
    )
    GROUP BY currency, country, city
)
WHERE amount != was_amount OR sales != was_sales
ORDER BY abs(amount - was_amount) DESC, currency, country, city
LIMIT :most

-- subjects(ranking=top-salesman-in-country, version=3, older=1)
SELECT currency, country, salesman_id, was_amount, was_sales, amount, sales
FROM
(
    SELECT currency, country, salesman_id, sum(was_amount) AS was_amount, sum(was_sales) AS was_sales,
        sum(amount) AS amount, sum(sales) AS sales
    FROM
    (
        SELECT currency, country, salesman_id, 0 AS was_amount, 0L AS was_sales, amount, sales
        FROM lake.gold.top_salesman_in_country VERSION AS OF 'v3'
        UNION ALL
        SELECT currency, country, salesman_id, amount, sales, 0, 0L FROM lake.gold.top_salesman_in_country VERSION AS OF 'v1'
    )
    GROUP BY currency, country, salesman_id
)
WHERE amount != was_amount OR sales != was_sales
ORDER BY abs(amount - was_amount) DESC, currency, country, salesman_id
LIMIT :most
