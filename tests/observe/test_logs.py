"""Every event of a process stands in its file as one ECS line, and on stderr as text."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from observe import logs
from runtime.errors import Permanent
from runtime.settings import settings

log = structlog.get_logger("tests")
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Logging configured for the service `probe`; gives the lines written so far."""
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path))
    settings.cache_clear()
    before, hook = logging.root.handlers[:], sys.excepthook
    logs.configure("probe", run_id="run-1")
    yield lambda: [json.loads(line) for line in (tmp_path / "logs" / "probe.json").read_text().splitlines()]
    logging.root.handlers[0].close()
    logging.root.handlers, sys.excepthook = before, hook
    logging.captureWarnings(False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    settings.cache_clear()


def test_a_line_has_the_fields_of_ecs(lines: Lines) -> None:
    log.info("marks written", partitions=8, source="shop")
    (line,) = lines()
    assert line["message"] == "marks written"
    assert line["log.level"] == "info"
    assert line["@timestamp"].endswith("Z")
    assert line["service"]["name"] == "probe"
    assert line["event"]["dataset"] == "tidelake.probe"
    assert line["process"]["pid"] > 0
    assert line["log"]["logger"] == "tests"
    assert line["ecs.version"]
    assert line["tidelake"] == {"partitions": 8, "source": "shop", "run_id": "run-1"}


def test_a_run_is_the_trace_until_a_request_is(lines: Lines) -> None:
    log.info("within the run")
    with structlog.contextvars.bound_contextvars(request_id="req-7"):
        log.info("within the request", **{"http.request.method": "GET"})
    of_run, of_request = lines()
    assert of_run["trace"]["id"] == "run-1"
    assert of_request["trace"]["id"] == "req-7"
    assert of_request["http"]["request"] == {"id": "req-7", "method": "GET"}


def test_an_error_has_type_message_and_trace_without_secrets(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("probe")  # on the stderr that capsys has put in place
    try:
        raise ValueError("cannot reach postgresql://shop:s3cret@host/shop")
    except ValueError:
        log.exception("a step failed", password="s3cret")
    (line,) = lines()
    assert line["error"]["type"] == "ValueError"
    assert line["error"]["message"] == "cannot reach postgresql://shop:***@host/shop"
    assert line["error"]["stack_trace"].startswith("Traceback")
    assert "s3cret" not in json.dumps(line)
    text = capsys.readouterr().err
    assert "ValueError" in text
    assert "s3cret" not in text


def test_a_library_that_uses_logging_is_in_the_same_file(lines: Lines) -> None:
    logging.getLogger("some.library").warning("slow answer from %s", "http://u:s3cret@host")
    (line,) = lines()
    assert line["message"] == "slow answer from http://u:***@host"
    assert line["log"]["logger"] == "some.library"
    assert line["service"]["name"] == "probe"


def test_what_is_less_severe_than_the_level_is_left_out(lines: Lines) -> None:
    log.debug("not this")
    logging.getLogger("urllib3").info("nor this")
    log.info("this")
    assert [line["message"] for line in lines()] == ["this"]


def test_the_terminal_gets_text(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("probe")  # on the stderr that capsys has put in place
    log.info("marks written", partitions=8)
    text = capsys.readouterr().err
    assert "marks written" in text
    assert "partitions=8" in text
    assert "{" not in text


def test_the_terminal_can_be_left_out(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("probe", terminal=False)
    log.info("marks written")
    assert capsys.readouterr().err == ""
    assert len(lines()) == 1


def test_an_unknown_level_is_refused(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDELAKE_LOG_LEVEL", "LOUD")
    settings.cache_clear()
    with pytest.raises(Permanent, match="LOUD"):
        logs.configure("probe")


def test_the_terminal_can_get_what_is_severe_alone(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("probe", terminal_level="WARNING")
    log.info("marks written")
    log.warning("marks late")
    assert "written" not in capsys.readouterr().err
    assert len(lines()) == 2


@pytest.mark.parametrize("terminal", [True, False])
def test_the_last_words_of_a_process_are_logged_and_shown_once(tmp_path: Path, terminal: bool) -> None:
    program = f"""
from observe import logs
logs.configure('dying', terminal={terminal})
raise RuntimeError('out of luck: http://u:s3cret@h')
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], env={"TIDELAKE_HOME": str(tmp_path)}, capture_output=True, check=False
    )
    assert answer.stderr.count(b"RuntimeError: out of luck: http://u:***@h") == 1
    line = json.loads((tmp_path / "logs" / "dying.json").read_text())
    assert answer.returncode == 1
    assert (line["log.level"], line["error"]["message"]) == ("critical", "out of luck: http://u:***@h")
