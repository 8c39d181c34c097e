-- any_live(ranking=top-sales-per-city)
SELECT 1 FROM live_top_sales_per_city WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)} LIMIT 1

-- any_live(ranking=top-salesman-in-country)
SELECT 1 FROM live_top_salesman_in_country WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)} LIMIT 1

-- insert(ranking=top-sales-per-city)
INSERT INTO drift (version, ranking, business_day, currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause)
SELECT {version:UInt32}, 'top-sales-per-city', business_day, currency, [country, city],
    sum(held_amount) + sum(amount) AS live, sum(held_amount) AS reconciled,
    sum(held_sales) + sum(sales) AS live_count, sum(held_sales) AS reconciled_count, {cause:String}
FROM
(
    SELECT business_day, currency, country, city, amount, sales, toDecimal128(0, 2) AS held_amount, toInt64(0) AS held_sales FROM live_top_sales_per_city FINAL WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)}
    UNION ALL
    SELECT business_day, currency, country, city, amount, sales, toDecimal128(0, 2) AS held_amount, toInt64(0) AS held_sales FROM reconciled_top_sales_per_city FINAL WHERE version IN {gone:Array(UInt32)}
    UNION ALL
    SELECT business_day, currency, country, city, -amount, -sales, toDecimal128(0, 2) AS held_amount, toInt64(0) AS held_sales FROM reconciled_top_sales_per_city FINAL WHERE version IN {added:Array(UInt32)}
    UNION ALL
    SELECT business_day, currency, country, city, toDecimal128(0, 2), toInt64(0), amount, sales
    FROM reconciled_top_sales_per_city FINAL WHERE version IN {new:Array(UInt32)}
        AND (currency, business_day, country, city) IN
        (SELECT currency, business_day, country, city FROM live_top_sales_per_city FINAL WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)}
         UNION ALL SELECT currency, business_day, country, city FROM reconciled_top_sales_per_city FINAL WHERE version IN arrayConcat({added:Array(UInt32)}, {gone:Array(UInt32)}))
)
GROUP BY business_day, currency, country, city
HAVING live != reconciled OR live_count != reconciled_count

-- insert(ranking=top-salesman-in-country)
INSERT INTO drift (version, ranking, business_day, currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause)
SELECT {version:UInt32}, 'top-salesman-in-country', business_day, currency, [country, salesman_id],
    sum(held_amount) + sum(amount) AS live, sum(held_amount) AS reconciled,
    sum(held_sales) + sum(sales) AS live_count, sum(held_sales) AS reconciled_count, {cause:String}
FROM
(
    SELECT business_day, currency, country, salesman_id, amount, sales, toDecimal128(0, 2) AS held_amount, toInt64(0) AS held_sales FROM live_top_salesman_in_country FINAL WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)}
    UNION ALL
    SELECT business_day, currency, country, salesman_id, amount, sales, toDecimal128(0, 2) AS held_amount, toInt64(0) AS held_sales FROM reconciled_top_salesman_in_country FINAL WHERE version IN {gone:Array(UInt32)}
    UNION ALL
    SELECT business_day, currency, country, salesman_id, -amount, -sales, toDecimal128(0, 2) AS held_amount, toInt64(0) AS held_sales FROM reconciled_top_salesman_in_country FINAL WHERE version IN {added:Array(UInt32)}
    UNION ALL
    SELECT business_day, currency, country, salesman_id, toDecimal128(0, 2), toInt64(0), amount, sales
    FROM reconciled_top_salesman_in_country FINAL WHERE version IN {new:Array(UInt32)}
        AND (currency, business_day, country, salesman_id) IN
        (SELECT currency, business_day, country, salesman_id FROM live_top_salesman_in_country FINAL WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)}
         UNION ALL SELECT currency, business_day, country, salesman_id FROM reconciled_top_salesman_in_country FINAL WHERE version IN arrayConcat({added:Array(UInt32)}, {gone:Array(UInt32)}))
)
GROUP BY business_day, currency, country, salesman_id
HAVING live != reconciled OR live_count != reconciled_count

-- kept_rows()
SELECT version, ranking, business_day, currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift WHERE version = %(version)s
ORDER BY abs(reconciled_amount - live_amount) DESC, abs(reconciled_sales - live_sales) DESC,
    ranking, business_day, subject
LIMIT %(most)s

-- kept_summary()
SELECT ranking, currency, cause, count(*) AS rows,
    sum(abs(reconciled_amount - live_amount)) AS amount, sum(abs(reconciled_sales - live_sales)) AS sales
FROM drift WHERE version = %(version)s
GROUP BY ranking, currency, cause ORDER BY ranking, currency, cause

-- kept_versions()
SELECT version FROM ledger WHERE status != 'failed' AND (
    EXISTS (SELECT 1 FROM drift WHERE drift.version = ledger.version)
    OR (status != 'running' AND coalesce(jsonb_array_length(certificate -> 'drift'), 0) = 0)
) ORDER BY version

-- live(ranking=top-sales-per-city)
SELECT business_day, toString(currency) AS currency, country, city, second, amount, sales
FROM live_top_sales_per_city FINAL
WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)}
    AND (business_day, toString(currency), [country, city]) IN
    (SELECT business_day, currency, subject FROM (SELECT version, ranking, business_day, toString(currency) AS currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift FINAL WHERE version = {version:UInt32} AND ranking = 'top-sales-per-city'
ORDER BY abs(live_amount - reconciled_amount) DESC, abs(live_sales - reconciled_sales) DESC, business_day, subject
LIMIT {most:UInt32}))

-- live(ranking=top-salesman-in-country)
SELECT business_day, toString(currency) AS currency, country, salesman_id, second, amount, sales
FROM live_top_salesman_in_country FINAL
WHERE second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)}
    AND (business_day, toString(currency), [country, salesman_id]) IN
    (SELECT business_day, currency, subject FROM (SELECT version, ranking, business_day, toString(currency) AS currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift FINAL WHERE version = {version:UInt32} AND ranking = 'top-salesman-in-country'
ORDER BY abs(live_amount - reconciled_amount) DESC, abs(live_sales - reconciled_sales) DESC, business_day, subject
LIMIT {most:UInt32}))

-- live_committed()
SELECT topic, partition, committed FROM progress FINAL WHERE path = 'live'

-- live_seen_through()
SELECT min(seen_through) AS seen_through FROM progress FINAL WHERE path = 'live' HAVING count() > 0

-- most(ranking=top-sales-per-city)
SELECT version, ranking, business_day, toString(currency) AS currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift FINAL WHERE version = {version:UInt32} AND ranking = 'top-sales-per-city'
ORDER BY abs(live_amount - reconciled_amount) DESC, abs(live_sales - reconciled_sales) DESC, business_day, subject
LIMIT {most:UInt32}

-- most(ranking=top-salesman-in-country)
SELECT version, ranking, business_day, toString(currency) AS currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift FINAL WHERE version = {version:UInt32} AND ranking = 'top-salesman-in-country'
ORDER BY abs(live_amount - reconciled_amount) DESC, abs(live_sales - reconciled_sales) DESC, business_day, subject
LIMIT {most:UInt32}

-- refused_by_live()
SELECT DISTINCT topic, partition, offset FROM quarantine WHERE hop = 'stream' AND log_time < {until:DateTime64(3)}

-- rows()
SELECT version, ranking, business_day, toString(currency) AS currency, concat('{', arrayStringConcat(arrayMap(x -> concat('"', replaceRegexpAll(x, '["\\\\]', '\\\\\\0'), '"'), subject), ','), '}') AS texts,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift FINAL WHERE version = {version:UInt32}

-- summary()
SELECT ranking, toString(currency) AS currency, cause, count() AS rows,
    sum(abs(reconciled_amount - live_amount)) AS amount, sum(abs(reconciled_sales - live_sales)) AS sales
FROM drift FINAL
WHERE version = {version:UInt32}
GROUP BY ranking, currency, cause
ORDER BY ranking, currency, cause
