"""The systems of others that the demo and the tests read from."""
