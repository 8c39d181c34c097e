"""The sources: their definitions, what reads them, and that nothing is lost or told twice."""
