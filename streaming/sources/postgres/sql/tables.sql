-- Of each table of a source: its columns with their types, and what tells its rows apart.
SELECT
    schema.nspname || '.' || class.relname AS name,
    parts.files,
    parts.bytes,
    class.relreplident AS identity,
    has_table_privilege(class.oid, 'SELECT') AS readable,
    coalesce((
        SELECT jsonb_object_agg(attribute.attname, format_type(attribute.atttypid, attribute.atttypmod))
        FROM pg_attribute AS attribute
        WHERE attribute.attrelid = class.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    ), '{}') AS columns,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'name', (SELECT own.relname FROM pg_class AS own WHERE own.oid = index.indexrelid),
            'primary', index.indisprimary,
            'fit', index.indimmediate AND NOT EXISTS (
                SELECT FROM pg_attribute AS attribute
                WHERE attribute.attrelid = class.oid AND attribute.attnum = ANY (index.indkey)
                    AND NOT attribute.attnotnull
            ),
            'identity', index.indisreplident,
            'columns', (
                SELECT jsonb_agg(attribute.attname ORDER BY place)
                FROM unnest(index.indkey) WITH ORDINALITY AS part (number, place)
                JOIN pg_attribute AS attribute
                    ON attribute.attrelid = class.oid AND attribute.attnum = part.number
            )))
        FROM pg_index AS index
        WHERE index.indrelid = class.oid AND index.indisunique AND index.indpred IS NULL
            AND index.indexprs IS NULL AND index.indisvalid
    ), '[]') AS indexes
FROM pg_class AS class
JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
-- What holds its rows: the table itself, or its partitions. pg_partition_tree() would lock all of these at once.
CROSS JOIN LATERAL (
    WITH RECURSIVE tree (oid) AS (
        SELECT class.oid
        UNION ALL
        SELECT inherits.inhrelid FROM tree JOIN pg_inherits AS inherits ON inherits.inhparent = tree.oid
    )
    SELECT
        coalesce(jsonb_object_agg(own.nspname || '.' || part.relname, part.relfilenode::bigint), '{}') AS files,
        coalesce(sum(pg_relation_size(part.oid)), 0)::bigint AS bytes
    FROM tree
    JOIN pg_class AS part ON part.oid = tree.oid
    JOIN pg_namespace AS own ON own.oid = part.relnamespace
    WHERE part.relkind = 'r' AND (part.oid = class.oid OR part.relispartition)
) AS parts
WHERE class.relkind IN ('r', 'p') AND schema.nspname || '.' || class.relname = ANY (%(tables)s)
