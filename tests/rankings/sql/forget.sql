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
DELETE FROM lake.bronze.log AS b WHERE EXISTS
    (SELECT 1 FROM positions AS p WHERE p.topic = b.topic AND p.partition = b.partition AND p.offset = b.offset)

-- delete_refused()
DELETE FROM lake.silver.quarantine WHERE instr(CAST(payload AS string), :text) > 0

-- delete_refused_in_clickhouse()
ALTER TABLE quarantine_standing DELETE WHERE record IN (SELECT cityHash64(id) FROM quarantine WHERE position(payload, {text:String}) > 0 OR position(fields, {text:String}) > 0 OR position(reason, {text:String}) > 0) SETTINGS mutations_sync = 2
;
ALTER TABLE quarantine_history DELETE WHERE id IN (SELECT id FROM quarantine WHERE position(payload, {text:String}) > 0 OR position(fields, {text:String}) > 0 OR position(reason, {text:String}) > 0) SETTINGS mutations_sync = 2
;
ALTER TABLE quarantine_history UPDATE payload = '', why = '' WHERE position(payload, {text:String}) > 0 OR position(why, {text:String}) > 0 SETTINGS mutations_sync = 2
;
ALTER TABLE quarantine DELETE WHERE position(payload, {text:String}) > 0 OR position(fields, {text:String}) > 0 OR position(reason, {text:String}) > 0 SETTINGS mutations_sync = 2

-- positions()
SELECT DISTINCT p.topic, p.partition, p.offset
FROM parsed AS p
JOIN forgotten AS f ON f.source = p.source AND f.sale_id = p.sale_id
LEFT ANTI JOIN lake.silver.sales AS s ON s.topic = p.topic AND s.partition = p.partition AND s.offset = p.offset

-- sales_of_person()
SELECT source, sale_id FROM parsed WHERE salesman_id = :person
UNION
SELECT p.source, p.sale_id
FROM parsed AS p
JOIN records AS r ON r.topic = p.topic AND r.partition = p.partition AND r.offset = p.offset
WHERE p.kind = 'deletion' AND trim(get_json_object(CAST(r.payload AS string), '$.salesman_id')) = :person

-- states()
SELECT s.source, s.sale_id, s.deleted, s.occurred_at, s.country, s.city, s.salesman_id, s.salesman, s.amount, s.currency, s.topic, s.partition, s.offset, s.log_time, b.key
FROM lake.silver.sales AS s
JOIN forgotten AS f ON f.source = s.source AND f.sale_id = s.sale_id
JOIN lake.bronze.log AS b ON b.topic = s.topic AND b.partition = s.partition AND b.offset = s.offset
