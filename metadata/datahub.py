"""The lineage's way into DataHub: DataHub Lite in a file of ours, or a server (GMS) if the settings name one."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from metadata.aspects import proposals
from metadata.graph import Graph
from metadata.lineage import lineage
from runtime.errors import Permanent, Retryable
from runtime.settings import settings

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

log = structlog.get_logger()

SERVER_TIMEOUT_SECONDS, SERVER_RETRIES = 15.0, 1


@dataclass(frozen=True, slots=True)
class Emitted:
    """What was written.

    Attributes:
        where: the file, or the server's address.
        datasets: how many datasets.
        aspects: how many facts about datasets and jobs in all.
    """

    where: str
    datasets: int
    aspects: int


def lite_file() -> Path:
    """Where DataHub Lite keeps the lineage."""
    return settings().home / "datahub" / "lite.sqlite"


def emit(graph: Graph | None = None) -> Emitted:
    """Writes the lineage (that of the definitions, if none is given); writing it again changes nothing.

    Raises:
        Retryable: the server does not answer, or answers with an error of its own.
        Permanent: the server refuses the token.
    """
    # Read when the library is imported: it would otherwise call home.
    os.environ.setdefault("DATAHUB_TELEMETRY_ENABLED", "false")
    graph = lineage() if graph is None else graph
    facts = proposals(graph)
    server = settings().datahub_gms
    if server is None:
        _into_file(facts)
    else:
        _to_server(server, facts)
    emitted = Emitted(str(lite_file()) if server is None else server, len(graph.datasets), len(facts))
    log.info("lineage written to DataHub", where=emitted.where, datasets=emitted.datasets, aspects=emitted.aspects)
    return emitted


def _into_file(facts: list[Proposal]) -> None:
    from datahub.lite.sqlite_lite import SqliteLite

    lite_file().parent.mkdir(parents=True, exist_ok=True)
    # Each fact is a transaction of its own: with a write-ahead log they need no wait for the disk.
    options = {"journal_mode": "WAL", "synchronous": "NORMAL"}
    with closing(SqliteLite.create({"file": str(lite_file()), "options": options})) as lite:
        for fact in facts:
            lite.write(fact)


def _to_server(server: str, facts: list[Proposal]) -> None:
    from datahub.configuration.common import ConfigurationError, OperationalError
    from datahub.emitter.rest_emitter import DatahubRestEmitter
    from requests import RequestException

    token = settings().datahub_token
    emitter = DatahubRestEmitter(
        server,
        token=token.get_secret_value() if token else None,
        timeout_sec=SERVER_TIMEOUT_SECONDS,
        retry_max_times=SERVER_RETRIES,
    )
    try:
        with closing(emitter):
            emitter.test_connection()
            for fact in facts:
                emitter.emit(fact)
    except (ConfigurationError, OperationalError, RequestException) as error:
        raise _refused(server, error) from error


def _refused(server: str, error: Exception) -> Retryable | Permanent:
    """An error that says which setting to look at."""
    text = str(error).split("\n", maxsplit=1)[0]
    if "authentication error" in text or " 401" in text or " 403" in text:
        todo = "set TIDELAKE_DATAHUB_TOKEN to a valid access token"
        return Permanent(f"DataHub at {server} refuses the token", received=text, todo=todo)
    todo = "check TIDELAKE_DATAHUB_GMS; without it lineage goes to a file"
    return Retryable(f"DataHub at {server} does not take the lineage", received=text, todo=todo)
