"""Directories of static files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.staticfiles import finders, serving
from openviper.testing import override_openviper_settings
from tests.projects import write


@pytest.fixture(autouse=True)
def no_apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have no installed apps, an empty working directory, and nothing opted in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.delenv("OPENVIPER_ENV", raising=False)
    monkeypatch.setattr(serving, "_enabled", set())
    monkeypatch.setattr(finders, "_locators", [])
    with override_openviper_settings(INSTALLED_APPS=()):
        yield


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a directory with three files."""
    return write(
        tmp_path / "source",
        {"css/site.css": "body {}\n" * 400, "js/app.js": "run()", "robots.txt": "all"},
    )


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Return where to collect; it does not exist."""
    return tmp_path / "collected"
