-- settled()
SELECT l.source, l.sale_id, l.deleted, l.occurred_at, l.country, l.city, l.salesman_id, l.salesman, l.amount, l.currency, l.topic, l.partition, l.offset, l.log_time, CASE WHEN k.source IS NOT NULL THEN named_struct('source', k.source, 'sale_id', k.sale_id, 'deleted', k.deleted, 'occurred_at', k.occurred_at, 'country', k.country, 'city', k.city, 'salesman_id', k.salesman_id, 'salesman', k.salesman, 'amount', k.amount, 'currency', k.currency, 'topic', k.topic, 'partition', k.partition, 'offset', k.offset, 'log_time', k.log_time) END AS was
FROM settled AS l
LEFT JOIN known AS k ON k.source = l.source AND k.sale_id = l.sale_id
WHERE k.source IS NULL OR NOT (l.topic = k.topic AND l.partition = k.partition AND l.offset = k.offset AND l.log_time = k.log_time)

-- touched()
SELECT *
FROM
(
    SELECT l.source, l.sale_id, l.deleted, l.occurred_at, l.country, l.city, l.salesman_id, l.salesman, l.amount, l.currency, l.topic, l.partition, l.offset, l.log_time, CASE WHEN k.source IS NOT NULL THEN named_struct('source', k.source, 'sale_id', k.sale_id, 'deleted', k.deleted, 'occurred_at', k.occurred_at, 'country', k.country, 'city', k.city, 'salesman_id', k.salesman_id, 'salesman', k.salesman, 'amount', k.amount, 'currency', k.currency, 'topic', k.topic, 'partition', k.partition, 'offset', k.offset, 'log_time', k.log_time) END AS was,
        k.source IS NOT NULL
            AND (l.several OR k.topic = l.topic AND k.partition = l.partition AND (l.offset <= k.offset OR l.log_time < k.log_time)) AS unsettled,
        k.source IS NULL OR k.topic = l.topic AND k.partition = l.partition
            OR (l.log_time, l.topic, l.partition) > (k.log_time, k.topic, k.partition) AS later
    FROM latest AS l
    LEFT JOIN known AS k ON k.source = l.source AND k.sale_id = l.sale_id
)
WHERE unsettled OR later

-- unsettled()
SELECT 1 FROM touched WHERE unsettled LIMIT 1
