"""Sources in PostgreSQL, on the real database, Kafka and Kafka Connect."""
