"""The two Flink jobs: `lake` keeps the log as it came, `live` turns it into deltas."""
