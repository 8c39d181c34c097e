"""A ranking that is added in one place, the catalogue, is found everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Where the ranking is, in a process whose catalogue has it."""
    environment = {**os.environ, "TIDELAKE_HOME": str(tmp_path_factory.mktemp("home")), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.rankings.third_ranking"]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


def test_clickhouse_makes_its_tables(found: dict[str, Any]) -> None:
    live, reconciled = found["clickhouse"]
    assert "CREATE TABLE IF NOT EXISTS live_top_countries" in live
    assert "CREATE TABLE IF NOT EXISTS reconciled_top_countries" in reconciled


def test_the_live_job_sums_it(found: dict[str, Any]) -> None:
    assert "insert_top_countries" in found["flink"]["functions"]
    assert "GROUP BY `second`, `business_day`, `currency`, `country`" in found["flink"]["inserts"]


def test_a_reconciliation_computes_it(found: dict[str, Any]) -> None:
    assert "top-countries" in found["spark"]["computed"]
    assert "lake.gold.top_countries" in found["spark"]["ddl"]


def test_its_lineage_leads_to_the_operational_table(found: dict[str, Any]) -> None:
    assert {"live_top_countries", "lake.gold.top_countries", "shop.public.sales"} <= set(found["lineage"])


def test_the_api_answers_it(found: dict[str, Any]) -> None:
    assert "top-countries" in found["api"]["listed"]
    assert (found["api"]["status"], found["api"]["data"]) == (200, [])
