"""Where the `.env` of a project is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from openviper.project.dotenv_file import find_dotenv


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder outside any project, started by something that is not a `viperctl.py`."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "project")])
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a `.env`."""
    root = tmp_path / "project"
    for package in ("shop", "shop/deep", "shop/deep/settings"):
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").touch()
    (root / "shop/settings.py").touch()
    (root / "viperctl.py").touch()
    (root / ".env").write_text("A=1")
    return root


def test_outside_any_project_there_is_none(project: Path) -> None:
    assert find_dotenv() is None


def test_it_is_found_beside_the_running_script(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(project / "viperctl.py"), "migrate"])
    assert find_dotenv() == str(project / ".env")


def test_a_link_to_the_script_leads_to_its_project(
    project: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "viperctl.py").symlink_to(project / "viperctl.py")
    monkeypatch.setattr(sys, "argv", ["viperctl.py"])
    assert find_dotenv() == str(project / ".env")


@pytest.mark.parametrize("module", ["shop.settings", "shop.deep.settings"])
def test_it_is_found_beside_the_package_of_the_settings_module(
    project: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", module)
    assert find_dotenv() == str(project / ".env")
    assert "shop" not in sys.modules


def test_a_bare_settings_module_lies_in_the_project_itself(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "settings.py").touch()
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "settings")
    assert find_dotenv() == str(project / ".env")


def test_the_way_up_ends_at_the_project(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / ".env").write_text("A=1")
    assert find_dotenv(inner) == str(tmp_path / ".env")
    (tmp_path / "outer" / "viperctl.py").touch()
    assert find_dotenv(inner) is None


def test_the_way_up_ends_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    (tmp_path / ".env").write_text("A=1")
    monkeypatch.setenv("HOME", str(home))
    assert find_dotenv(home / "work") is None
    (home / ".env").write_text("A=1")
    assert find_dotenv(home / "work") == str(home / ".env")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_way_up_ends_at_a_folder_of_another_owner(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    mine = theirs / "mine"
    mine.mkdir(parents=True)
    (theirs / ".env").write_text("A=1")
    assert find_dotenv(mine) == str(theirs / ".env")
    os.chown(theirs, 12345, -1)
    assert find_dotenv(mine) is None


def test_a_working_directory_that_has_been_removed_has_none(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = elsewhere / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find_dotenv() is None
