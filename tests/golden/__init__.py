"""The golden cases: records in, answers out, for every engine."""
