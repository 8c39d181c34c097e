-- clickhouse(ranking=top-sales-per-city)
SELECT count() AS rows, sum(hash) AS checksum
FROM
(
    SELECT toInt128(bitShiftRight(reinterpretAsUInt64(reverse(substring(SHA256(
        arrayStringConcat([toString(business_day), toString(currency), toString(country), toString(city), toDecimalString(amount, 2), toString(sales)], '\x1f')), 1, 8))), 4)) AS hash
    FROM
    (
        SELECT business_day, currency, country, city, sum(amount) AS amount, sum(sales) AS sales
        FROM reconciled_top_sales_per_city FINAL
        WHERE version IN {versions:Array(UInt32)}
        GROUP BY business_day, currency, country, city
        HAVING amount != 0 OR sales != 0
    )
)

-- clickhouse(ranking=top-salesman-in-country)
SELECT count() AS rows, sum(hash) AS checksum
FROM
(
    SELECT toInt128(bitShiftRight(reinterpretAsUInt64(reverse(substring(SHA256(
        arrayStringConcat([toString(business_day), toString(currency), toString(country), toString(salesman_id), toDecimalString(amount, 2), toString(sales)], '\x1f')), 1, 8))), 4)) AS hash
    FROM
    (
        SELECT business_day, currency, country, salesman_id, sum(amount) AS amount, sum(sales) AS sales
        FROM reconciled_top_salesman_in_country FINAL
        WHERE version IN {versions:Array(UInt32)}
        GROUP BY business_day, currency, country, salesman_id
        HAVING amount != 0 OR sales != 0
    )
)

-- clickhouse_rows(ranking=top-sales-per-city)
SELECT count() AS rows, sum(toInt128(cityHash64(
    version, business_day, currency, country, city, amount, sales))) AS checksum
FROM reconciled_top_sales_per_city FINAL
WHERE version IN {versions:Array(UInt32)}
SETTINGS do_not_merge_across_partitions_select_final = 1

-- clickhouse_rows(ranking=top-salesman-in-country)
SELECT count() AS rows, sum(toInt128(cityHash64(
    version, business_day, currency, country, salesman_id, amount, sales))) AS checksum
FROM reconciled_top_salesman_in_country FINAL
WHERE version IN {versions:Array(UInt32)}
SETTINGS do_not_merge_across_partitions_select_final = 1

-- postgres()
SELECT count(*) AS rows, coalesce(sum(hash), 0) AS checksum
FROM (
    SELECT ('x' || substr(encode(sha256(convert_to(concat_ws(
        E'\x1f', business_day, currency, array_to_string(subject, E'\x1f'), amount, sales), 'UTF8')), 'hex'), 1, 15)
    )::bit(60)::bigint AS hash
    FROM (
        SELECT business_day, currency, subject, sum(amount) AS amount, sum(sales) AS sales
        FROM totals
        WHERE ranking = %(ranking)s AND version = ANY(%(versions)s)
        GROUP BY business_day, currency, subject
        HAVING sum(amount) != 0 OR sum(sales) != 0
    ) AS summed
) AS hashed

-- postgres_rows()
SELECT count(*) AS rows, coalesce(sum(hash_record_extended(
    ROW(version, business_day, currency, subject, amount, sales), 0)), 0) AS checksum
FROM totals
WHERE ranking = %(ranking)s AND version = ANY(%(versions)s)
