"""The kernel, compiled once for the tests; and Hypothesis's patience on a busy machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from stack.flink import flink_home
from stack.jars import jars
from stack.java import java
from streaming.kernel.build import kernel_jar

hypothesis_settings.register_profile("tidelake", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("tidelake")


@pytest.fixture(scope="session")
def flink_classes() -> str:
    """Flink's own jars as a class path."""
    return ":".join(str(path) for path in sorted((flink_home() / "lib").glob("*.jar")))


@pytest.fixture(scope="session")
def compiler() -> Path:
    """The Eclipse compiler."""
    (found,) = jars("compiler")
    return found


@pytest.fixture(scope="session")
def kernel(flink_classes: str, compiler: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel's jar."""
    return kernel_jar(java(), compiler, flink_classes, tmp_path_factory.mktemp("kernel"))
