"""The command `tidelake` over a world of these tests, as a person or a program calls it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from pydantic import SecretStr

from runtime.settings import Settings, settings


@contextmanager
def told_to(chosen: Settings) -> Iterator[None]:
    """Lets commands of this process find their settings in the environment; what they do to its log is undone."""
    handlers, hook = logging.root.handlers[:], sys.excepthook
    with pytest.MonkeyPatch.context() as patched:
        for name in chosen.model_fields_set:
            value = getattr(chosen, name)
            told = value.get_secret_value() if isinstance(value, SecretStr) else value
            if told is not None:
                patched.setenv(f"TIDELAKE_{name.upper()}", str(told))
        settings.cache_clear()
        yield
    for each in set(logging.root.handlers) - set(handlers):
        each.close()
    logging.root.handlers, sys.excepthook = handlers, hook
    logging.captureWarnings(False)
    structlog.reset_defaults()
    settings.cache_clear()
