-- sums(ranking=top-sales-per-city, table=silver.sales)
SELECT
    (occurred_at AT TIME ZONE %(zone)s)::date AS business_day,
    normalize(btrim(currency::text, E' \t\r\n'), NFC) AS currency,
    normalize(btrim(country::text, E' \t\r\n'), NFC) AS country,
    normalize(btrim(city::text, E' \t\r\n'), NFC) AS city,
    sum(amount) AS amount,
    count(*) AS sales
FROM silver.sales
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

-- sums(ranking=top-salesman-in-country, table=silver.sales)
SELECT
    (occurred_at AT TIME ZONE %(zone)s)::date AS business_day,
    normalize(btrim(currency::text, E' \t\r\n'), NFC) AS currency,
    normalize(btrim(country::text, E' \t\r\n'), NFC) AS country,
    normalize(btrim(salesman_id::text, E' \t\r\n'), NFC) AS salesman_id,
    sum(amount) AS amount,
    count(*) AS sales
FROM silver.sales
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
