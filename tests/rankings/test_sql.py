"""The SQL that the renderers make is what was read and agreed to: every public function of every engine, as one file.

After a change that is meant: `pytest tests/rankings/test_sql.py --snapshot-update`, and read the difference.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation
from syrupy.types import SnapshotIndex

from rankings import render
from rankings.catalogue import RANKINGS
from rankings.ranking import LABELS
from rankings.render.clickhouse import View
from rankings.render.cluster import Cluster
from rankings.render.flink import LogOptions
from rankings.render.shapes import Shape, Step

ENGINES = [module.name for module in pkgutil.iter_modules(render.__path__)]

SAMPLES: dict[str, list[Any]] = {
    "ranking": list(RANKINGS),
    "among": [RANKINGS],
    "label": list(LABELS),
    "view": list(View),
    "by_country": [False, True],
    "cluster": [None, Cluster("main")],
    "statement": ["ALTER TABLE t DELETE WHERE a IN (SELECT a FROM u) SETTINGS mutations_sync = 2", "OPTIMIZE TABLE t"],
    "partition": ["3"],
    "shape": [
        Shape(until=True),
        Shape(View.RECONCILED, by_country=True, step=Step.DAY),
        Shape(by_subject=True, step=Step.WEEK),
        Shape(View.LIVE, step=Step.MONTH),
        Shape(compared=True),
    ],
    "base": [None, 2],
    "sale": ["source, sale_id"],
    "version": [3],
    "versions": [[], [1, 2]],
    "current": [3],
    "first": [2],
    "ttl_hours": [24],
    "options": [
        LogOptions("log:9092", "group"),
        LogOptions("log:9092", "g", bounded=True),
    ],
    "function": ["insert_sums"],
    "columns": [("a", "b")],
    "query": ["SELECT a, b FROM sums"],
    "sink": ["sums_done"],
    "table": ["silver.sales"],
    "of_days": [False, True],
    "of_sale": [False, True],
    "snapshot": [None, 5],
    "base_snapshot": [None, 6],
    "older": [1],
    "by_prefix": [False, True],
    "then": [7],
    "until": ["2026-01-01T00:00:00+00:00"],
    "now": [8],
    "column": ["occurred_at"],
    "months": [[], [671, 672, None]],
    "ranges": [0, 2],
}
"""Values for the renderers' parameters, by name; a parameter that is not here has to have a default."""


class SqlFile(SingleFileSnapshotExtension):
    """A snapshot that is a file `sql/<engine>.sql`."""

    file_extension = "sql"
    _write_mode = WriteMode.TEXT

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(Path(test_location.filepath).with_name("sql"))

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:
        return str(index)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sql_of_an_engine_is_as_agreed(engine: str, snapshot: SnapshotAssertion) -> None:
    module = import_module(f"{render.__name__}.{engine}")
    assert "\n\n".join(texts(module)) + "\n" == snapshot(extension_class=SqlFile, name=engine)


def texts(module: ModuleType) -> Iterator[str]:
    """Every text that a renderer makes, each under a comment with the call that makes it."""
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and not name.startswith("_"):
            for arguments in calls(function):
                made = function(**arguments)
                text = made if isinstance(made, str) else "\n;\n".join(made)
                yield f"-- {name}({', '.join(f'{key}={shown(value)}' for key, value in arguments.items())})\n{text}"


def calls(function: Callable[..., object]) -> list[dict[str, Any]]:
    """All combinations of the sample values for a function's parameters; None only where a parameter takes it."""
    samples: dict[str, list[Any]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in SAMPLES:
            optional = "None" in str(parameter.annotation)
            samples[name] = [value for value in SAMPLES[name] if optional or value is not None]
        else:
            assert parameter.default is not parameter.empty, f"SAMPLES has no value for {name} of {function.__name__}"
    return [dict(zip(samples, values, strict=True)) for values in product(*samples.values())]


def shown(value: object) -> str:
    """A short name of a sample."""
    return str(getattr(value, "name", value)) if not isinstance(value, tuple) else f"{len(value)} of them"
