-- days_of(ranking=top-sales-per-city)
SELECT business_day, sumIf(delta, NOT is_live), sumIf(delta_sales, NOT is_live),
    sumIf(delta, is_live), sumIf(delta_sales, is_live)
FROM
(
    SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
        UNION ALL
        SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND second < {until:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
)
WHERE country = {subject_country:String} AND city = {subject_city:String}
GROUP BY business_day
ORDER BY business_day DESC
LIMIT {limit:UInt32}

-- days_of(ranking=top-salesman-in-country)
SELECT business_day, sumIf(delta, NOT is_live), sumIf(delta_sales, NOT is_live),
    sumIf(delta, is_live), sumIf(delta_sales, is_live)
FROM
(
    SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
        UNION ALL
        SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND second < {until:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
)
WHERE country = {subject_country:String} AND salesman_id = {subject_salesman_id:String}
GROUP BY business_day
ORDER BY business_day DESC
LIMIT {limit:UInt32}

-- deltas_of(ranking=top-sales-per-city)
SELECT second, business_day, amount, sales, records
FROM live_top_sales_per_city FINAL
WHERE second >= {boundary:DateTime64(3)} AND second < {until:DateTime64(3)} AND currency = {currency:String}
    AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {subject_country:String} AND city = {subject_city:String}
ORDER BY second DESC, business_day DESC
LIMIT {limit:UInt32}

-- deltas_of(ranking=top-salesman-in-country)
SELECT second, business_day, amount, sales, records
FROM live_top_salesman_in_country FINAL
WHERE second >= {boundary:DateTime64(3)} AND second < {until:DateTime64(3)} AND currency = {currency:String}
    AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {subject_country:String} AND salesman_id = {subject_salesman_id:String}
ORDER BY second DESC, business_day DESC
LIMIT {limit:UInt32}

-- drift_rows()
SELECT ranking, business_day, toString(currency) AS currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift FINAL
WHERE version = {version:UInt32} AND ({ranking:String} = '' OR ranking = {ranking:String})
ORDER BY abs(live_amount - reconciled_amount) DESC, ranking, currency, business_day, subject
LIMIT {limit:UInt32} OFFSET {after:UInt64}

-- drift_sums()
SELECT ranking, toString(currency) AS currency, cause, count() AS sums,
    sum(abs(live_amount - reconciled_amount)) AS amount,
    sum(abs(live_sales - reconciled_sales)) AS sales
FROM drift FINAL
WHERE version = {version:UInt32}
GROUP BY ranking, currency, cause
ORDER BY ranking, currency, cause

-- kept()
SELECT newest, versions, live_from FROM care ORDER BY cared_at DESC LIMIT 1

-- positions()
SELECT path, topic, partition, committed, log_end, seen_through, measured_at
FROM progress FINAL
ORDER BY path, topic, partition

-- publications()
SELECT version, argMax(boundary, published_at) AS boundary, argMax(versions, published_at) AS versions,
    argMax(rankings, published_at) AS rankings, max(published_at) AS last_published_at, count() AS times
FROM publications
WHERE version < {before:UInt32}
GROUP BY version
ORDER BY version DESC
LIMIT {limit:UInt32}

-- refused_records()
SELECT id, source, sale_id, hops, topic, at, log_time, field, toValidUTF8(reason) AS reason,
    toValidUTF8(key) AS key, toValidUTF8(payload) AS payload, first_seen, last_seen, times, state
FROM quarantine_records
WHERE ({topic:String} = '' OR topic = {topic:String})
    AND ({state:String} = '' OR state = {state:String})
    AND ({id:String} = '' OR id = {id:String})
ORDER BY last_seen DESC, id
LIMIT {limit:UInt32} OFFSET {after:UInt64}

-- shaped(ranking=top-sales-per-city, shape=Shape(view=<View.MERGED: 'merged'>, by_country=False, by_subject=False, step=None, compared=False, until=True))
SELECT rank, country, city, amount, sales, live_turnover, all_turnover
FROM
(
    SELECT country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
        UNION ALL
        SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND second < {until:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, city
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32}
ORDER BY rank

-- shaped(ranking=top-sales-per-city, shape=Shape(view=<View.RECONCILED: 'reconciled'>, by_country=True, by_subject=False, step=<Step.DAY: 'day'>, compared=False, until=False))
SELECT rank, period, country, city, amount, sales, live_turnover, all_turnover
FROM
(
    SELECT business_day AS period, country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY period, gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY period, country, city
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32}
ORDER BY period, rank

-- shaped(ranking=top-sales-per-city, shape=Shape(view=<View.MERGED: 'merged'>, by_country=False, by_subject=True, step=<Step.WEEK: 'week'>, compared=False, until=False))
SELECT rank, period, country, city, amount, sales, live_turnover, all_turnover
FROM
(
    SELECT toMonday(business_day) AS period, country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY period, gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
        UNION ALL
        SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY period, country, city
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32} AND country = {subject_country:String} AND city = {subject_city:String}
ORDER BY period, rank

-- shaped(ranking=top-sales-per-city, shape=Shape(view=<View.LIVE: 'live'>, by_country=False, by_subject=False, step=<Step.MONTH: 'month'>, compared=False, until=False))
SELECT rank, period, country, city, amount, sales, live_turnover, all_turnover
FROM
(
    SELECT toStartOfMonth(business_day) AS period, country, city, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY period, gone ORDER BY amount DESC, country, city) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY period, country, city
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32}
ORDER BY period, rank

-- shaped(ranking=top-sales-per-city, shape=Shape(view=<View.MERGED: 'merged'>, by_country=False, by_subject=False, step=None, compared=True, until=False))
SELECT rank, country, city, amount, sales, before_rank, before_amount, before_sales, live_turnover, all_turnover
FROM
(
    SELECT country, city,
        sumIf(delta, now) AS amount, sumIf(delta_sales, now) AS sales,
        sumIf(delta, before) AS before_amount, sumIf(delta_sales, before) AS before_sales,
        amount = 0 AND sales = 0 AND before_amount = 0 AND before_sales = 0 AS gone,
        row_number() OVER (ORDER BY gone, amount = 0 AND sales = 0, amount DESC, country, city) AS rank,
        if(before_amount = 0 AND before_sales = 0, 0, row_number() OVER (
            ORDER BY before_amount = 0 AND before_sales = 0, before_amount DESC, country, city
        )) AS before_rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT *, business_day BETWEEN {first_day:Date} AND {last_day:Date} AS now,
            business_day BETWEEN {against_first:Date} AND {against_last:Date} AS before
        FROM (SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND (business_day BETWEEN {first_day:Date} AND {last_day:Date} OR business_day BETWEEN {against_first:Date} AND {against_last:Date})
        UNION ALL
        SELECT business_day, country, city, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_sales_per_city FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND (business_day BETWEEN {first_day:Date} AND {last_day:Date} OR business_day BETWEEN {against_first:Date} AND {against_last:Date}))
    )
    GROUP BY country, city
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32}
ORDER BY rank

-- shaped(ranking=top-salesman-in-country, shape=Shape(view=<View.MERGED: 'merged'>, by_country=False, by_subject=False, step=None, compared=False, until=True))
SELECT rank, country, salesman_id, amount, sales, live_turnover, all_turnover
FROM
(
    SELECT country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
        UNION ALL
        SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND second < {until:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY country, salesman_id
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32}
ORDER BY country, rank

-- shaped(ranking=top-salesman-in-country, shape=Shape(view=<View.RECONCILED: 'reconciled'>, by_country=True, by_subject=False, step=<Step.DAY: 'day'>, compared=False, until=False))
SELECT rank, period, country, salesman_id, amount, sales, live_turnover, all_turnover
FROM
(
    SELECT business_day AS period, country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY period, country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date} AND country = {country:String}
    )
    GROUP BY period, country, salesman_id
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32}
ORDER BY period, country, rank

-- shaped(ranking=top-salesman-in-country, shape=Shape(view=<View.MERGED: 'merged'>, by_country=False, by_subject=True, step=<Step.WEEK: 'week'>, compared=False, until=False))
SELECT rank, period, country, salesman_id, amount, sales, live_turnover, all_turnover
FROM
(
    SELECT toMonday(business_day) AS period, country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY period, country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
        UNION ALL
        SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY period, country, salesman_id
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32} AND country = {subject_country:String} AND salesman_id = {subject_salesman_id:String}
ORDER BY period, country, rank

-- shaped(ranking=top-salesman-in-country, shape=Shape(view=<View.LIVE: 'live'>, by_country=False, by_subject=False, step=<Step.MONTH: 'month'>, compared=False, until=False))
SELECT rank, period, country, salesman_id, amount, sales, live_turnover, all_turnover
FROM
(
    SELECT toStartOfMonth(business_day) AS period, country, salesman_id, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY period, country, gone ORDER BY amount DESC, country, salesman_id) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND business_day BETWEEN {first_day:Date} AND {last_day:Date}
    )
    GROUP BY period, country, salesman_id
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32}
ORDER BY period, country, rank

-- shaped(ranking=top-salesman-in-country, shape=Shape(view=<View.MERGED: 'merged'>, by_country=False, by_subject=False, step=None, compared=True, until=False))
SELECT rank, country, salesman_id, amount, sales, before_rank, before_amount, before_sales, live_turnover, all_turnover
FROM
(
    SELECT country, salesman_id,
        sumIf(delta, now) AS amount, sumIf(delta_sales, now) AS sales,
        sumIf(delta, before) AS before_amount, sumIf(delta_sales, before) AS before_sales,
        amount = 0 AND sales = 0 AND before_amount = 0 AND before_sales = 0 AS gone,
        row_number() OVER (PARTITION BY country ORDER BY gone, amount = 0 AND sales = 0, amount DESC, country, salesman_id) AS rank,
        if(before_amount = 0 AND before_sales = 0, 0, row_number() OVER (
            PARTITION BY country ORDER BY before_amount = 0 AND before_sales = 0, before_amount DESC, country, salesman_id
        )) AS before_rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT *, business_day BETWEEN {first_day:Date} AND {last_day:Date} AS now,
            business_day BETWEEN {against_first:Date} AND {against_last:Date} AS before
        FROM (SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, false AS is_live
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)} AND currency = {currency:String} AND (business_day BETWEEN {first_day:Date} AND {last_day:Date} OR business_day BETWEEN {against_first:Date} AND {against_last:Date})
        UNION ALL
        SELECT business_day, country, salesman_id, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, true AS is_live
        FROM live_top_salesman_in_country FINAL
        WHERE second >= {boundary:DateTime64(3)} AND currency = {currency:String} AND (business_day BETWEEN {first_day:Date} AND {last_day:Date} OR business_day BETWEEN {against_first:Date} AND {against_last:Date}))
    )
    GROUP BY country, salesman_id
)
WHERE NOT gone AND rank > {after:UInt32} AND rank <= {limit:UInt32}
ORDER BY country, rank
