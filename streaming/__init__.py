"""Now: from the log to live deltas in ClickHouse and to the lake, a second behind the sources."""
