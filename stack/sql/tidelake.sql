-- The platform's own database: run by the superuser in `tidelake` at every start; its owner makes the tables.

REVOKE ALL ON DATABASE tidelake FROM PUBLIC;
ALTER SCHEMA public OWNER TO tidelake;
