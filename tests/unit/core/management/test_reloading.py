"""What a reload watches."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from openviper.core.management.reloading import watched_directories, watched_files
from tests.projects import write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose `viperctl.py` runs from elsewhere."""
    files = {
        "viperctl.py": "",
        ".env": "A=1",
        "shop/views.py": "",
        "shop/data.json": "",
        "templates/home.html": "",
        "locale/de/LC_MESSAGES/shop.po": "",
        "media/upload.html": "",
        "node_modules/x/y.py": "",
        ".hidden/z.py": "",
        "shop/__pycache__/views.py": "",
    }
    root = write(tmp_path / "project", files)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "argv", [str(root / "viperctl.py"), "start-server"])
    monkeypatch.delenv("OPENVIPER_DOTENV", raising=False)
    return root


def test_the_project_is_watched_wherever_one_stands(project: Path) -> None:
    assert watched_directories()[0] == str(project.resolve())


def test_without_a_project_the_working_directory_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["uvicorn"])
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    assert watched_directories()[0] == str(tmp_path.resolve())


def test_code_templates_translations_and_the_environment_are_looked_at(project: Path) -> None:
    found = {str(path.relative_to(project)) for path in watched_files([str(project)])}
    assert found == {
        ".env",
        "viperctl.py",
        "shop/views.py",
        "templates/home.html",
        "locale/de/LC_MESSAGES/shop.po",
    }
