"""The definitions as text for each engine: one renderer an engine, no engine imported."""
