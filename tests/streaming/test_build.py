"""The kernel is compiled once for its sources and its contract, and anew when either changes."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from rankings.contract import as_data
from runtime.errors import Permanent
from stack.java import java
from streaming.kernel import build
from streaming.kernel.build import kernel_jar


def test_the_jar_holds_the_functions_and_the_contract(kernel: Path) -> None:
    with zipfile.ZipFile(kernel) as archive:
        assert {f"tidelake/{name}.class" for name in ("ParseRecord", "SaleSteps", "EpochMillis")} <= set(
            archive.namelist()
        )
        assert json.loads(archive.read("contract.json")) == json.loads(json.dumps(as_data()))


def test_what_is_compiled_is_not_compiled_again(kernel: Path) -> None:
    before = kernel.stat().st_mtime_ns
    assert kernel_jar("no such java", Path("no such compiler"), "", kernel.parent) == kernel
    assert kernel.stat().st_mtime_ns == before
    assert list(kernel.parent.iterdir()) == [kernel]


def test_another_contract_is_another_jar(
    kernel: Path, compiler: Path, flink_classes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "as_data", lambda: as_data() | {"longest_shown": 10})
    assert kernel_jar(java(), compiler, flink_classes, tmp_path).name != kernel.name


def test_sources_that_do_not_compile_are_told(
    compiler: Path, flink_classes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(build.SOURCES, tmp_path / "java")
    (tmp_path / "java" / "tidelake" / "Broken.java").write_text("package tidelake; class Broken { int x = ; }")
    monkeypatch.setattr(build, "SOURCES", tmp_path / "java")
    with pytest.raises(Permanent, match="Java does not compile"):
        kernel_jar(java(), compiler, flink_classes, tmp_path / "jars")
    assert not list((tmp_path / "jars").iterdir())
