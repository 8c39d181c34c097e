-- The operational database: run by the superuser in `shop` at every start; running it again changes nothing.

REVOKE ALL ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO replicator;

CREATE TABLE IF NOT EXISTS public.sales (
    sale_id     text PRIMARY KEY,
    occurred_at timestamptz    NOT NULL,
    country     text           NOT NULL,
    city        text           NOT NULL,
    salesman_id text           NOT NULL,
    salesman    text           NOT NULL,
    amount      numeric(18, 2) NOT NULL,
    currency    char(3)        NOT NULL
);
ALTER TABLE public.sales OWNER TO shop;
ALTER TABLE public.sales REPLICA IDENTITY DEFAULT;

GRANT USAGE ON SCHEMA public TO shop, replicator;
GRANT SELECT ON public.sales TO replicator;

-- Only the sales go into the stream of changes, whatever else the database holds.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'tidelake') THEN
        CREATE PUBLICATION tidelake FOR TABLE public.sales;
    END IF;
END $$;
