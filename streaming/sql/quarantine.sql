-- The quarantine as the command and the settler ask for it. A statement begins behind the line with its name, and ends
-- with a line that holds a semicolon alone.

-- search: names of records; binds state, source, topic, hop, field (each empty for all) and limit
SELECT id FROM quarantine_records
WHERE ({state:String} = '' OR state = {state:String})
    AND ({source:String} = '' OR source = {source:String})
    AND ({topic:String} = '' OR topic = {topic:String})
    AND ({hop:String} = '' OR has(hops, {hop:String}))
    AND ({field:String} = '' OR field = {field:String})
ORDER BY last_seen DESC, id LIMIT {limit:UInt32}
;
-- count: how many they are; binds the same but limit
SELECT count() FROM quarantine_records
WHERE ({state:String} = '' OR state = {state:String})
    AND ({source:String} = '' OR source = {source:String})
    AND ({topic:String} = '' OR topic = {topic:String})
    AND ({hop:String} = '' OR has(hops, {hop:String}))
    AND ({field:String} = '' OR field = {field:String})
;
-- records: whole records; binds ids
SELECT id, source, sale_id, hops, topic, partition, offset, at, log_time, field, reason, key, payload, fields,
    first_seen, last_seen, times, order_time, state
FROM quarantine_records WHERE id IN {ids:Array(String)}
;
-- names: the names that begin so; binds start
SELECT DISTINCT id FROM quarantine WHERE startsWith(id, {start:String}) ORDER BY id LIMIT 1000
;
-- history: what was done with a record; binds id
SELECT id, happened_at, event, who, why, topic, partition, offset, log_time, payload
FROM quarantine_history FINAL WHERE id = {id:String} ORDER BY happened_at, event
;
-- origin: the record whose replay is the record of this name; binds id
SELECT id FROM quarantine_history
WHERE event IN ('sending', 'replayed') AND concat(topic, '/', toString(partition), '/', toString(offset)) = {id:String}
LIMIT 1
;
-- unsettled: replays that have begun and not ended
SELECT id, happened_at, event, who, why, topic, partition, offset, log_time, payload
FROM quarantine_history FINAL
WHERE event = 'sending' AND (id, topic, partition, offset) NOT IN
(
    SELECT id, topic, partition, offset FROM quarantine_history WHERE event IN ('replayed', 'unsent')
)
ORDER BY happened_at
;
-- open_since: the open records of known sales that were refused since then; binds since
SELECT id, source, sale_id, topic, partition, offset, order_time, hops != ['source'], last_seen
FROM quarantine_records
WHERE state = 'open' AND sale_id != '' AND last_seen >= {since:DateTime64(3)}
;
-- mark: what changes whenever a record is refused, first or again
SELECT count(), max(last_seen) FROM quarantine
;
-- settled: how far the log has been searched
SELECT topic, partition, offset, known_at FROM quarantine_settled FINAL
;
