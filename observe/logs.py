"""How every process logs: ECS JSON lines in a file, the same events as readable text on stderr.

    from observe import logs
    logs.configure("gauge")
    structlog.get_logger().info("marks written", partitions=8)

Ids of a request or a run are bound once, with `structlog.contextvars.bind_contextvars(request_id=...)`, and stand in
every event of that context.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from types import TracebackType

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

from observe.ecs import Ecs
from observe.masking import masked, masked_text
from observe.rotation import SharedRotatingFile
from runtime.errors import Permanent
from runtime.settings import settings

FILE_BYTES, OLD_FILES = 20_000_000, 4
CHATTY = ("py4j", "pyflink", "urllib3", "httpx", "httpcore", "clickhouse_connect", "pyiceberg", "datahub", "asyncio")
"""Libraries that tell more than anyone wants to read at INFO."""


def configure(service: str, *, run_id: str | None = None, terminal: bool = True, terminal_level: str = "DEBUG") -> None:
    """Sets up logging for this process; calling it again replaces what was set up before.

    Args:
        service: the name of the process (`gauge`), which is `service.name` and the file's name in `settings().log_dir`.
        run_id: an id that every event of this context carries, such as a reconciliation's.
        terminal: whether the events are also written to stderr as text.
        terminal_level: the least severe level that stderr gets, of those that are logged at all.

    Raises:
        Permanent: the setting `log_level` names no level.
    """
    level = _level()
    structlog.configure(
        processors=[*_context(), ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handlers: list[logging.Handler] = [_file(service)]
    if terminal:
        handlers.append(_terminal(terminal_level))
    _install(handlers, level)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    if run_id is not None:
        structlog.contextvars.bind_contextvars(run_id=run_id)


def log_file(service: str) -> Path:
    """The file that a service's ECS lines go to."""
    return settings().log_dir / f"{service}.json"


def _level() -> int:
    levels = logging.getLevelNamesMapping()
    wanted = settings().log_level.upper()
    if wanted not in levels:
        valid = "DEBUG, INFO, WARNING, ERROR or CRITICAL"
        raise Permanent("no such log level", received=wanted, valid=valid, todo="set TIDELAKE_LOG_LEVEL")
    return levels[wanted]


def _context() -> list[Processor]:
    """What an event gets where it is logged, in our code as in a library's."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="@timestamp"),
    ]


def _formatter(renderer: Processor) -> ProcessorFormatter:
    """Masks last of all before rendering, so that a traceback's text is masked too."""
    chain: list[Processor] = [
        _describe_thread,
        ProcessorFormatter.remove_processors_meta,
        structlog.processors.StackInfoRenderer(),
        _describe_error,
        structlog.processors.format_exc_info,
        _mask,
        renderer,
    ]
    return ProcessorFormatter(foreign_pre_chain=_context(), processors=chain)


def _file(service: str) -> logging.Handler:
    handler = SharedRotatingFile(log_file(service), most_bytes=FILE_BYTES, old_files=OLD_FILES)
    handler.setFormatter(_formatter(Ecs(service)))
    return handler


def _terminal(level: str) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    colors = sys.stderr.isatty()
    # The plain traceback: the pretty one shows local variables, and with them secrets.
    renderer = structlog.dev.ConsoleRenderer(
        colors=colors, timestamp_key="@timestamp", exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )
    handler.setFormatter(_formatter(_without_ecs_extras(renderer)))
    return handler


def _without_ecs_extras(renderer: Processor) -> Processor:
    def render(logger: object, name: str, event: EventDict) -> str:
        for field in ("thread", "error_type", "error_message"):
            event.pop(field, None)
        return str(renderer(logger, name, event))

    return render


def _describe_thread(_logger: object, _name: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    event["thread"] = record.threadName
    return event


def _describe_error(_logger: object, _name: str, event: EventDict) -> EventDict:
    """Adds the error's type and message, which ECS keeps apart from its traceback."""
    info = event.get("exc_info")
    error = sys.exception() if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error_type"], event["error_message"] = type(error).__name__, str(error)
    return event


def _mask(_logger: object, _name: str, event: EventDict) -> EventDict:
    return {key: masked(value, key) for key, value in event.items()}


def _install(handlers: list[logging.Handler], level: int) -> None:
    """Ours replace whatever stands at the root; only our own are closed, others may be in use elsewhere."""
    for old in logging.root.handlers[:]:
        logging.root.removeHandler(old)
        if isinstance(old, SharedRotatingFile):
            old.close()
    for handler in handlers:
        logging.root.addHandler(handler)
    logging.root.setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    # The standard library's note about a failed line would show the line before masking.
    logging.raiseExceptions = False


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The last words of a process belong in its log, and on stderr in any case."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger("observe").critical("an error ended the process", exc_info=(kind, error, trace))
    if not any(type(handler) is logging.StreamHandler for handler in logging.root.handlers):
        sys.stderr.write(masked_text("".join(traceback.format_exception(kind, error, trace))))
