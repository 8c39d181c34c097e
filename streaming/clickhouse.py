"""The platform's ClickHouse, as the jobs and the gauge reach it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime.settings import settings

PATIENCE_SECONDS = 20
"""How long a batch waits for a ClickHouse that does not answer before it fails the job."""


def connect() -> Any:
    """A client that several threads may use."""
    import clickhouse_connect

    return clickhouse_connect.get_client(
        dsn=settings().clickhouse.get_secret_value(), autogenerate_session_id=False, send_receive_timeout=60
    )


def patiently(call: Callable[[], Any]) -> Any:
    """Calls, and again for a while if ClickHouse cannot be reached.

    Raises:
        OperationalError: it could not be reached for `PATIENCE_SECONDS`.
        DatabaseError: ClickHouse refuses what was sent; raised at once.
    """
    from clickhouse_connect.driver.exceptions import OperationalError
    from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

    again = retry(
        retry=retry_if_exception_type(OperationalError),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_exponential_jitter(multiplier=0.1, max=2),
        reraise=True,
    )
    return again(call)()
