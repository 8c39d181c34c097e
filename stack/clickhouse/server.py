"""Starting and stopping the gateway: the engine, the HTTP server in front of it, and their orderly end."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from runtime.errors import Retryable
from stack.clickhouse.auth import Account
from stack.clickhouse.engine import Engine
from stack.clickhouse.front import Gateway
from stack.clickhouse.running import Running
from stack.clickhouse.sessions import Sessions

log = structlog.get_logger()

_TICK = 0.25
_TURN_WAIT = 5.0
_MEGABYTE = 1 << 20


def serve(
    folder: Path,
    port: int,
    account: Account,
    readers: tuple[Account, ...] = (),
    *,
    memory_mb: int,
    queries: int,
    grace_seconds: float,
) -> None:
    """Serve until SIGTERM or SIGINT; then let running queries end, and close the engine.

    Args:
        folder: where the engine's data lies.
        port: the port on 127.0.0.1.
        account: who may ask; its database is created.
        readers: further accounts, who may only read.
        memory_mb: the most memory that all queries together may take, in MB.
        queries: how many queries may run at one time.
        grace_seconds: how long running queries may take to end when the gateway stops.

    Raises:
        Retryable: the port or the folder is in use.
    """
    sockets: dict[int, Any] = {}
    stop = threading.Event()
    gateway = _gateway(folder, account, readers, memory_mb, queries)
    _on_signals(stop.set)
    server = _listen(gateway, port, queries, sockets)
    log.info(
        "ClickHouse gateway is ready", port=server.effective_port, folder=str(folder), engine=gateway.engine.version
    )
    stopped = threading.Event()
    threading.Thread(target=_keep, args=(gateway, stop, stopped, grace_seconds), name="keeper", daemon=True).start()
    _loop(sockets, stopped)
    server.task_dispatcher.shutdown(timeout=1)
    server.close()
    gateway.engine.close()
    log.info("ClickHouse gateway has stopped")


def _gateway(folder: Path, account: Account, readers: tuple[Account, ...], memory_mb: int, queries: int) -> Gateway:
    engine = Engine(folder, memory_mb * _MEGABYTE)
    engine.create_database(account.database)
    sessions = Sessions(engine.connect, account.database)
    return Gateway(engine, account, sessions, Running(queries, _TURN_WAIT, engine.kill), readers)


def _listen(gateway: Gateway, port: int, queries: int, sockets: dict[int, Any]) -> Any:
    """waitress over the gateway, told to keep bodies in memory up to 16 MB and to notice callers that hang up."""
    from waitress import create_server

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        return create_server(
            gateway,
            map=sockets,
            host="127.0.0.1",
            port=port,
            threads=queries + 8,
            ident="ClickHouse",
            connection_limit=1000,
            backlog=256,
            channel_timeout=900,
            channel_request_lookahead=1,
            recv_bytes=_MEGABYTE,
            max_request_header_size=_MEGABYTE,
            max_request_body_size=4 << 30,
            inbuf_overflow=16 * _MEGABYTE,
            outbuf_overflow=32 * _MEGABYTE,
            asyncore_use_poll=True,
        )
    except OSError as error:
        gateway.engine.close()
        raise Retryable(
            "the ClickHouse gateway's port cannot be used",
            received=f"{port}: {error.strerror}",
            valid="a free port",
            todo="set TIDELAKE_CLICKHOUSE_PORT, or end what listens there",
        ) from error


def _on_signals(stop: Callable[[], None]) -> None:
    """Stop in order. Set after the engine has started, which sets handlers of its own."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())


def _loop(sockets: dict[int, Any], stopped: threading.Event) -> None:
    """Move bytes between sockets and queries."""
    from waitress import wasyncore

    while not stopped.is_set():
        wasyncore.loop(timeout=_TICK, use_poll=True, map=sockets, count=1)


def _keep(gateway: Gateway, stop: threading.Event, stopped: threading.Event, grace_seconds: float) -> None:
    """Every quarter of a second end what is over: abandoned queries, unused sessions; at the end, everything."""
    while not stop.wait(_TICK):
        try:
            for query_id in gateway.running.cancel_abandoned():
                log.info("query cancelled, its caller hung up", query_id=query_id)
            gateway.sessions.expire()
        except Exception:
            log.exception("clearing up failed")
    gateway.closing = True
    if not gateway.running.drain(grace_seconds):
        log.warning("queries are stopped", query_ids=gateway.running.kill_all())
        gateway.running.drain(grace_seconds)
    gateway.sessions.expire(everything=True)
    # The answers' last bytes leave in the loop's next rounds.
    time.sleep(_TICK)
    stopped.set()
