"""What keeps a stack from starting is said before anything starts, with what to do about it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.errors import Permanent
from runtime.settings import settings
from stack import java, lock, preflight
from stack.control import start


def fake_java(folder: Path, version: str) -> Path:
    """A JAVA_HOME whose `java -version` prints what the real one would."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    program.chmod(0o755)
    return folder


def test_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match=r"no Java was found.*install Java 17"):
        java.check_java()


def test_a_java_home_without_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(Permanent, match="JAVA_HOME holds no bin/java"):
        java.check_java()


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_412"])
def test_a_too_old_java(version: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "old", version)))
    with pytest.raises(Permanent, match=r"too old.*Java 17 or later"):
        java.check_java()


@pytest.mark.parametrize("version", ["17.0.15", "21", "25-ea"])
def test_a_java_that_is_new_enough(version: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "new", version)))
    java.check_java()


def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage("/")._replace(free=1_400_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(Permanent, match=r"nearly full.*1\.4 GB free.*2 GB or more"):
        preflight.check_disk()


def test_a_home_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path / "file" / "home"))
    settings.cache_clear()
    with pytest.raises(Permanent, match=r"cannot be written to.*Not a directory"):
        preflight.check_home()


@pytest.mark.parametrize("name", ["my home", "höme", "100%"])
def test_a_home_that_engines_would_name_differently(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path / name))
    settings.cache_clear()
    with pytest.raises(Permanent, match="holds a character"):
        preflight.check_home()


def test_a_stack_that_is_already_up() -> None:
    with lock.stack_lock(), pytest.raises(Permanent, match=r"already up.*tidelake down"):
        start()


def test_a_second_holder_is_told_who_the_first_is() -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", "from stack.lock import stack_lock\nwith stack_lock(): print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout
    other.stdout.readline()
    assert lock.holder() == other.pid
    with pytest.raises(Permanent, match=f"process {other.pid}"), lock.stack_lock():
        pass
    other.kill()
    other.wait()


def test_the_lock_of_a_dead_process_is_taken_over() -> None:
    test_a_second_holder_is_told_who_the_first_is()
    assert lock.holder() is None
    with lock.stack_lock():
        assert lock.holder() is not None
