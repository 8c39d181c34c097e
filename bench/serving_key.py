"""What the measured servers and those who ask them have to agree on."""

from __future__ import annotations

KEY = "tl_the-key-of-the-measurement"

EACH_FROM_REDIS = "BENCH_EACH_FROM_REDIS"
"""The environment variable that has a process of the API remember no figures."""
