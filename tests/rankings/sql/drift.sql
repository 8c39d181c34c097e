-- insert(ranking=top-sales-per-city)
INSERT INTO drift (version, ranking, business_day, currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause)
SELECT {version:UInt32}, 'top-sales-per-city', business_day, currency, [country, city],
    sum(amount_live) AS live, sum(amount_reconciled) AS reconciled,
    sum(sales_live) AS live_count, sum(sales_reconciled) AS reconciled_count, {cause:String}
FROM
(
    SELECT business_day, currency, country, city, amount AS amount_live, sales AS sales_live, amount AS amount_reconciled, sales AS sales_reconciled
    FROM reconciled_top_sales_per_city FINAL WHERE version IN {chain:Array(UInt32)}
    UNION ALL
    SELECT business_day, currency, country, city, amount, sales, toDecimal128(0, 2), toInt64(0)
    FROM live_top_sales_per_city FINAL
    WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)}
    UNION ALL
    SELECT business_day, currency, country, city, toDecimal128(0, 2), toInt64(0), amount, sales
    FROM reconciled_top_sales_per_city FINAL WHERE version = {version:UInt32}
)
GROUP BY business_day, currency, country, city
HAVING live != reconciled OR live_count != reconciled_count

-- insert(ranking=top-salesman-in-country)
INSERT INTO drift (version, ranking, business_day, currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause)
SELECT {version:UInt32}, 'top-salesman-in-country', business_day, currency, [country, salesman_id],
    sum(amount_live) AS live, sum(amount_reconciled) AS reconciled,
    sum(sales_live) AS live_count, sum(sales_reconciled) AS reconciled_count, {cause:String}
FROM
(
    SELECT business_day, currency, country, salesman_id, amount AS amount_live, sales AS sales_live, amount AS amount_reconciled, sales AS sales_reconciled
    FROM reconciled_top_salesman_in_country FINAL WHERE version IN {chain:Array(UInt32)}
    UNION ALL
    SELECT business_day, currency, country, salesman_id, amount, sales, toDecimal128(0, 2), toInt64(0)
    FROM live_top_salesman_in_country FINAL
    WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)}
    UNION ALL
    SELECT business_day, currency, country, salesman_id, toDecimal128(0, 2), toInt64(0), amount, sales
    FROM reconciled_top_salesman_in_country FINAL WHERE version = {version:UInt32}
)
GROUP BY business_day, currency, country, salesman_id
HAVING live != reconciled OR live_count != reconciled_count

-- live_seen_through()
SELECT min(seen_through) AS seen_through FROM progress FINAL WHERE path = 'live' HAVING count() > 0

-- rows()
SELECT version, ranking, business_day, toString(currency) AS currency, subject, live_amount, reconciled_amount, live_sales, reconciled_sales, cause FROM drift FINAL WHERE version = {version:UInt32}

-- summary()
SELECT ranking, toString(currency) AS currency, cause, count() AS rows,
    sum(abs(reconciled_amount - live_amount)) AS amount, sum(abs(reconciled_sales - live_sales)) AS sales
FROM drift FINAL
WHERE version = {version:UInt32}
GROUP BY ranking, currency, cause
ORDER BY ranking, currency, cause
