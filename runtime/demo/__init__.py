"""`tidelake demo`: one sale's whole way, shown on the real servers and checked against two other reckonings."""
