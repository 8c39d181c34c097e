"""A jar in the cache is whole and is the one that the lock file names, whatever the repository sends."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runtime.errors import Permanent, Retryable
from runtime.settings import settings
from stack import jars
from stack.jars import LockedJar

CONTENT = b"the bytes of a jar" * 1000
COORDINATES = "org.example:thing:1.0"
GOOD = LockedJar(COORDINATES, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class Repository:
    """A Maven repository on this machine that answers what it is told to."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.paths: list[str] = []
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                repository.paths.append(self.path)
                status, body = repository.answers.pop(0) if repository.answers else (200, CONTENT)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """A test's output is not the place for requests."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    made = Repository()
    monkeypatch.setenv("TIDELAKE_MAVEN", made.url)
    monkeypatch.setenv("TIDELAKE_JAR_CACHE", str(tmp_path / "cache"))
    settings.cache_clear()
    yield made
    made.server.shutdown()
    made.server.server_close()


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_downloads_once_and_then_takes_it_from_the_cache(repository: Repository) -> None:
    assert jars.fetch([GOOD]) == 1
    assert GOOD.path.read_bytes() == CONTENT
    assert jars.fetch([GOOD]) == 0
    assert repository.paths == ["/org/example/thing/1.0/thing-1.0.jar"]


def test_another_content_is_refused_and_not_kept(repository: Repository) -> None:
    repository.answers = [(200, CONTENT[:-1] + b"!")]
    with pytest.raises(Permanent, match="not the jar that was tested") as error:
        jars.fetch([GOOD])
    assert GOOD.sha256 in str(error.value)
    assert files(settings().jar_cache) == []


def test_a_damaged_file_in_the_cache_is_fetched_anew(repository: Repository) -> None:
    GOOD.path.parent.mkdir(parents=True)
    GOOD.path.write_bytes(CONTENT[:100])
    assert jars.fetch([GOOD]) == 1
    assert GOOD.path.read_bytes() == CONTENT


def test_a_busy_repository_is_asked_again(repository: Repository) -> None:
    repository.answers = [(503, b""), (200, CONTENT)]
    assert jars.fetch([GOOD]) == 1
    assert len(repository.paths) == 2


def test_what_the_repository_does_not_have_is_not_asked_for_again(repository: Repository) -> None:
    repository.answers = [(404, b"")]
    with pytest.raises(Permanent, match="404") as error:
        jars.fetch([GOOD])
    assert "TIDELAKE_MAVEN" in str(error.value)
    assert len(repository.paths) == 1


def test_an_unreachable_repository_can_be_tried_later(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.server.shutdown()
    repository.server.server_close()
    monkeypatch.setattr(jars, "ATTEMPTS", 1)
    with pytest.raises(Retryable, match="did not answer"):
        jars.fetch([GOOD])


def test_an_unknown_set_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Permanent, match="kafka, connect, debezium, flink, hadoop, spark, s3, s3-flink, compiler"):
        jars.jars("kafkaesque")


def test_every_set_of_the_lock_file_holds_its_roots() -> None:
    for each in jars.locked_sets().values():
        names = {jar.coordinates for jar in each.jars}
        assert set(each.roots) <= names
        assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in each.jars)
