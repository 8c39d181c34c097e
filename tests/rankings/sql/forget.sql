-- delete_drift(ranking=top-sales-per-city)
ALTER TABLE drift DELETE WHERE ranking = 'top-sales-per-city' AND has(subject, {person:String}) SETTINGS mutations_sync = 2

-- delete_drift(ranking=top-salesman-in-country)
ALTER TABLE drift DELETE WHERE ranking = 'top-salesman-in-country' AND has(subject, {person:String}) SETTINGS mutations_sync = 2

-- delete_label()
ALTER TABLE labels DELETE WHERE label = 'salesman' AND key = {person:String} SETTINGS mutations_sync = 2

-- delete_live(ranking=top-sales-per-city)
ALTER TABLE live_top_sales_per_city DELETE WHERE salesman_id = {person:String} AND second < {boundary:DateTime64(3)} SETTINGS mutations_sync = 2

-- delete_live(ranking=top-salesman-in-country)
ALTER TABLE live_top_salesman_in_country DELETE WHERE salesman_id = {person:String} AND second < {boundary:DateTime64(3)} SETTINGS mutations_sync = 2

-- delete_positions()
DELETE FROM lake.bronze.log AS b WHERE b.log_time < :before AND EXISTS
    (SELECT 1 FROM positions AS p WHERE p.topic = b.topic AND p.partition = b.partition AND p.offset = b.offset)

-- delete_refused(of_sale=False)
DELETE FROM lake.silver.quarantine WHERE CAST(payload AS string) RLIKE :text

-- delete_refused(of_sale=True)
DELETE FROM lake.silver.quarantine WHERE (CAST(payload AS string) RLIKE :text OR coalesce(get_json_object(CAST(payload AS string), '$.sale_id') RLIKE :sale_id, false)) AND coalesce(get_json_object(CAST(payload AS string), '$.source') RLIKE :source, true) AND coalesce(get_json_object(CAST(payload AS string), '$.sale_id') RLIKE :sale_id, true)

-- delete_refused_in_clickhouse(of_sale=False)
ALTER TABLE quarantine_standing DELETE WHERE record IN (SELECT cityHash64(id) FROM quarantine WHERE match(payload, {text:String}) OR match(fields, {text:String}) OR match(reason, {text:String})) SETTINGS mutations_sync = 2
;
ALTER TABLE quarantine_history DELETE WHERE id IN (SELECT id FROM quarantine WHERE match(payload, {text:String}) OR match(fields, {text:String}) OR match(reason, {text:String})) SETTINGS mutations_sync = 2
;
ALTER TABLE quarantine_history UPDATE payload = '', why = '' WHERE match(payload, {text:String}) OR match(why, {text:String}) SETTINGS mutations_sync = 2
;
ALTER TABLE quarantine DELETE WHERE match(payload, {text:String}) OR match(fields, {text:String}) OR match(reason, {text:String}) SETTINGS mutations_sync = 2

-- delete_refused_in_clickhouse(of_sale=True)
ALTER TABLE quarantine_standing DELETE WHERE record IN (SELECT cityHash64(id) FROM quarantine WHERE (match(payload, {text:String}) OR match(fields, {text:String}) OR match(reason, {text:String}) OR match(sale_id, {sale_id:String})) AND (source = topic OR match(source, {source:String})) AND (sale_id = '' OR match(sale_id, {sale_id:String}))) SETTINGS mutations_sync = 2
;
ALTER TABLE quarantine_history DELETE WHERE id IN (SELECT id FROM quarantine WHERE (match(payload, {text:String}) OR match(fields, {text:String}) OR match(reason, {text:String}) OR match(sale_id, {sale_id:String})) AND (source = topic OR match(source, {source:String})) AND (sale_id = '' OR match(sale_id, {sale_id:String}))) SETTINGS mutations_sync = 2
;
ALTER TABLE quarantine_history UPDATE payload = '', why = '' WHERE (match(payload, {text:String}) OR match(why, {text:String})) AND (source = from_topic OR match(source, {source:String})) AND (sale_id = '' OR match(sale_id, {sale_id:String})) SETTINGS mutations_sync = 2
;
ALTER TABLE quarantine DELETE WHERE (match(payload, {text:String}) OR match(fields, {text:String}) OR match(reason, {text:String}) OR match(sale_id, {sale_id:String})) AND (source = topic OR match(source, {source:String})) AND (sale_id = '' OR match(sale_id, {sale_id:String})) SETTINGS mutations_sync = 2

-- positions(version=3, of_sale=False)
SELECT DISTINCT p.topic, p.partition, p.offset
FROM parsed AS p
LEFT SEMI JOIN forgotten AS f ON f.source = p.source AND f.sale_id = p.sale_id
LEFT ANTI JOIN lake.silver.sales VERSION AS OF 'v3' AS s
    ON s.topic = p.topic AND s.partition = p.partition AND s.offset = p.offset
UNION
SELECT topic, partition, offset FROM parsed WHERE kind = 'rejected' AND CAST(payload AS string) RLIKE :text

-- positions(version=3, of_sale=True)
SELECT DISTINCT p.topic, p.partition, p.offset
FROM parsed AS p
LEFT SEMI JOIN forgotten AS f ON f.source = p.source AND f.sale_id = p.sale_id
LEFT ANTI JOIN lake.silver.sales VERSION AS OF 'v3' AS s
    ON s.topic = p.topic AND s.partition = p.partition AND s.offset = p.offset
UNION
SELECT topic, partition, offset FROM parsed WHERE kind = 'rejected' AND (CAST(payload AS string) RLIKE :text OR coalesce(get_json_object(CAST(payload AS string), '$.sale_id') RLIKE :sale_id, false)) AND coalesce(get_json_object(CAST(payload AS string), '$.source') RLIKE :source, true) AND coalesce(get_json_object(CAST(payload AS string), '$.sale_id') RLIKE :sale_id, true)

-- sales_of_person(versions=[])
SELECT source, sale_id FROM parsed WHERE salesman_id = :person
UNION
SELECT p.source, p.sale_id
FROM parsed AS p
JOIN records AS r ON r.topic = p.topic AND r.partition = p.partition AND r.offset = p.offset
WHERE p.kind = 'deletion' AND get_json_object(CAST(r.payload AS string), '$.salesman_id') RLIKE :alone

-- sales_of_person(versions=[1, 2])
SELECT source, sale_id FROM parsed WHERE salesman_id = :person
UNION
SELECT source, sale_id FROM lake.silver.sales VERSION AS OF 'v1' WHERE salesman_id = :person
UNION
SELECT source, sale_id FROM lake.silver.sales VERSION AS OF 'v2' WHERE salesman_id = :person
UNION
SELECT p.source, p.sale_id
FROM parsed AS p
JOIN records AS r ON r.topic = p.topic AND r.partition = p.partition AND r.offset = p.offset
WHERE p.kind = 'deletion' AND get_json_object(CAST(r.payload AS string), '$.salesman_id') RLIKE :alone

-- states()
SELECT DISTINCT s.source, s.sale_id, s.deleted, s.occurred_at, s.country, s.city, s.salesman_id, s.salesman, s.amount, s.currency, s.topic, s.partition, s.offset, s.log_time, r.key
FROM (SELECT source, sale_id, found.last.*, found.log_time, several
FROM
(
    SELECT source, sale_id, count(*) > 1 AS several,
        max_by(struct(last, log_time), struct(log_time, last.topic, last.partition)) AS found
    FROM
    (
        SELECT source, sale_id, max(log_time) AS log_time,
            max_by(struct(deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset), offset) AS last
        FROM (SELECT source, sale_id, kind = 'deletion' AS deleted, occurred_at, country, city, salesman_id, salesman, amount, currency, topic, partition, offset, log_time FROM parsed
              WHERE kind IN ('sale', 'deletion') DISTRIBUTE BY source, sale_id)
        GROUP BY source, sale_id, topic, partition
    )
    GROUP BY source, sale_id
)) AS s
JOIN forgotten AS f ON f.source = s.source AND f.sale_id = s.sale_id
JOIN records AS r ON r.topic = s.topic AND r.partition = s.partition AND r.offset = s.offset
