"""The jars that the servers need: fetched once from a Maven repository, verified, and kept in a cache.

`jars.lock` names every jar with its SHA-256 sum, so what runs is what was tested.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from runtime.errors import Permanent, Retryable
from runtime.settings import settings

LOCK_FILE = Path(__file__).with_name("jars.lock")
PARALLEL_DOWNLOADS = 8
ATTEMPTS = 5


@dataclass(frozen=True)
class LockedJar:
    """One archive: Maven coordinates (`group:artifact:version[:classifier][@ext]`), SHA-256 in hex, size in bytes."""

    coordinates: str
    sha256: str
    size: int

    @property
    def path(self) -> Path:
        """Its place in the cache."""
        return settings().jar_cache / coordinates_path(self.coordinates)


@dataclass(frozen=True)
class JarSet:
    """The jars of one server; `closure` says whether the dependencies of `roots` are among `jars`."""

    name: str
    roots: tuple[str, ...]
    closure: bool
    jars: tuple[LockedJar, ...]


def coordinates_path(coordinates: str) -> str:
    """Where a Maven repository keeps an artifact.

    >>> coordinates_path("org.postgresql:postgresql:42.7.13")
    'org/postgresql/postgresql/42.7.13/postgresql-42.7.13.jar'
    >>> coordinates_path("io.debezium:debezium-connector-postgres:3.7.0.Final:plugin@tar.gz")
    'io/debezium/debezium-connector-postgres/3.7.0.Final/debezium-connector-postgres-3.7.0.Final-plugin.tar.gz'
    """
    plain, _, kind = coordinates.partition("@")
    group, artifact, version, *classifier = plain.split(":")
    file = "-".join([artifact, version, *classifier])
    return f"{group.replace('.', '/')}/{artifact}/{version}/{file}.{kind or 'jar'}"


@cache
def locked_sets() -> dict[str, JarSet]:
    """Every set of the lock file by its name."""
    content = tomllib.loads(LOCK_FILE.read_text())
    return {name: _jar_set(name, table) for name, table in content.items()}


def _jar_set(name: str, table: dict[str, object]) -> JarSet:
    rows = table["jars"]
    roots = table["roots"]
    assert isinstance(rows, list) and isinstance(roots, list)
    locked = tuple(LockedJar(row["at"], row["sha256"], row["bytes"]) for row in rows)
    return JarSet(name, tuple(roots), bool(table["closure"]), locked)


def version_of(set_name: str) -> str:
    """The version of a set's first root: of the server that the set is for."""
    return locked_sets()[set_name].roots[0].split(":")[2]


def jars(set_name: str) -> list[Path]:
    """The files of one set, in the order of the lock file; those that are missing are fetched.

    Raises:
        Permanent: no such set, or a download is not what the lock file says.
        Retryable: the repository did not answer.
    """
    sets = locked_sets()
    if set_name not in sets:
        raise Permanent("no such set of jars", received=set_name, valid=", ".join(sets))
    fetch(sets[set_name].jars)
    return [jar.path for jar in sets[set_name].jars]


OPTIONAL = ("s3", "s3-flink", "rest-catalogue", "clickhouse-jdbc")
"""Sets that are fetched when something asks for them."""


def all_jars() -> tuple[LockedJar, ...]:
    """Every jar that a stack of the default settings needs, once."""
    sets = (each for name, each in locked_sets().items() if name not in OPTIONAL)
    return tuple({jar.coordinates: jar for each in sets for jar in each.jars}.values())


def class_path(*set_names: str) -> str:
    """The files of some sets as a Java class path, each file once."""
    return ":".join(dict.fromkeys(str(path) for name in set_names for path in jars(name)))


def unpacked_plugin() -> Path:
    """The folder that Kafka Connect's `plugin.path` takes: it holds the unpacked Debezium connector."""
    (archive,) = jars("debezium")
    folder = archive.with_name("unpacked")
    if not folder.exists():
        _unpack(archive, folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Unpacks beside and renames, so that `folder` is whole whenever it exists."""
    fresh = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    with tarfile.open(archive) as content:
        content.extractall(fresh, filter="data")
    fresh.chmod(0o755)
    try:
        fresh.rename(folder)
    except OSError:
        # Another process was first; its folder is as good as ours.
        if not folder.exists():
            raise


def missing(wanted: Iterable[LockedJar]) -> list[LockedJar]:
    """Those of `wanted` that the cache lacks or holds in another size."""
    return [jar for jar in wanted if not (jar.path.exists() and jar.path.stat().st_size == jar.size)]


def fetch(wanted: Iterable[LockedJar], progress: Progress | None = None) -> int:
    """Downloads what is missing of `wanted`, in parallel; returns how many jars were downloaded.

    Raises:
        Permanent: a download is not what the lock file says, or the repository does not have it.
        Retryable: the repository did not answer, after several attempts.
    """
    todo = missing(wanted)
    if not todo:
        return 0
    task = progress.add_task("jars", total=sum(jar.size for jar in todo)) if progress else None
    with httpx.Client(follow_redirects=True, timeout=60) as client, ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        for _ in pool.map(lambda jar: _download(client, jar, progress, task), todo):
            pass
    return len(todo)


def progress_bar() -> Progress:
    """The bar that a terminal shows while jars come."""
    return Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())


def _download(client: httpx.Client, jar: LockedJar, progress: Progress | None, task: TaskID | None) -> None:
    """Downloads one jar, with attempts that wait longer and longer while the repository is away."""
    for attempt in Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential_jitter(multiplier=0.5, max=10),
        retry=retry_if_exception_type(Retryable),
        reraise=True,
    ):
        with attempt:
            _download_once(client, jar)
    if progress and task is not None:
        progress.advance(task, jar.size)


def _download_once(client: httpx.Client, jar: LockedJar) -> None:
    """Downloads beside the final place, verifies, then renames: a jar in the cache is always whole."""
    jar.path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=jar.path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            found = _stream(client, jar, file.write)
        _verify(jar, found)
        Path(name).replace(jar.path)
    finally:
        Path(name).unlink(missing_ok=True)


def _stream(client: httpx.Client, jar: LockedJar, write: object) -> str:
    """Passes the jar's bytes to `write`; returns their SHA-256 sum in hex."""
    assert callable(write)
    url = f"{settings().maven.rstrip('/')}/{coordinates_path(jar.coordinates)}"
    digest = hashlib.sha256()
    try:
        with client.stream("GET", url) as answer:
            _check_status(answer, url)
            for block in answer.iter_bytes(1 << 18):
                digest.update(block)
                write(block)
    except httpx.TransportError as error:
        raise Retryable("the Maven repository did not answer", received=f"{url}: {error}", todo=_MIRROR) from error
    return digest.hexdigest()


_MIRROR = "check the network, or name another repository in TIDELAKE_MAVEN"


def _check_status(answer: httpx.Response, url: str) -> None:
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Retryable("the Maven repository is busy", received=f"{url}: {answer.status_code}", todo=_MIRROR)
    if answer.status_code != 200:
        raise Permanent("the Maven repository refused a jar", received=f"{url}: {answer.status_code}", todo=_MIRROR)


def _verify(jar: LockedJar, found: str) -> None:
    if found != jar.sha256:
        raise Permanent(
            f"the download of {jar.coordinates} is not the jar that was tested",
            received=f"SHA-256 {found}",
            valid=f"SHA-256 {jar.sha256}",
            todo=f"name a trustworthy repository in TIDELAKE_MAVEN (now {settings().maven})",
        )
