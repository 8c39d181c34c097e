-- What a publication holds: its kinds of changes, and which of the source's tables, with rows or columns left out.
SELECT
    publication.pubinsert,
    publication.pubupdate,
    publication.pubdelete,
    coalesce((
        SELECT jsonb_object_agg(
            told.schemaname || '.' || told.tablename,
            jsonb_build_object('columns', to_jsonb(told.attnames), 'filter', told.rowfilter)
        )
        FROM pg_publication_tables AS told
        WHERE told.pubname = publication.pubname
    ), '{}') AS tables
FROM pg_publication AS publication
WHERE publication.pubname = %(publication)s
