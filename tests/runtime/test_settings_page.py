"""Every setting stands in docs/settings.md, as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime import settings_page
from runtime.settings import Settings


def test_the_page_is_current() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page(), "run `python -m runtime.settings_page`"


def test_every_setting_is_there_with_its_meaning() -> None:
    page = settings_page.page()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"| `TIDELAKE_{name.upper()}` | " in page
        assert field.description in page


def test_the_page_is_the_same_wherever_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = settings_page.page()
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert settings_page.page() == here
    assert str(tmp_path) not in here


def test_a_page_that_is_not_current_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_page, "PAGE", tmp_path / "docs" / "settings.md")
    assert settings_page.main(["--check"]) == 1
    assert settings_page.main([]) == 0
    assert settings_page.main(["--check"]) == 0


def test_the_check_is_a_command() -> None:
    assert subprocess.run([sys.executable, "-m", "runtime.settings_page", "--check"], check=False).returncode == 0
