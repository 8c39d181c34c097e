"""Tidelake's night as an Airflow DAG: publish what was missed and care for the lake, then verify what was published.

Airflow calls the same command as every other scheduler. Tidelake's settings come from the environment of the worker;
`TIDELAKE_COMMAND` names the command where it is not on its PATH.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator

COMMAND = os.environ.get("TIDELAKE_COMMAND", "tidelake")
ZONE = ZoneInfo(os.environ.get("TIDELAKE_BUSINESS_TIME_ZONE", "UTC"))

with DAG(
    dag_id="tidelake_nightly",
    description="One version for every business midnight, verified",
    schedule="10 0 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=ZONE),
    # The command itself finds the nights that were missed.
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 6, "retry_delay": timedelta(minutes=10)},
    tags=["tidelake"],
) as dag:
    nightly = BashOperator(task_id="nightly", bash_command=f"{COMMAND} nightly")
    verify = BashOperator(task_id="verify", bash_command=f"{COMMAND} verify --json", retries=0)
    nightly >> verify
