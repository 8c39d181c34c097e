"""PostgreSQL tables of any shape, through Debezium."""
