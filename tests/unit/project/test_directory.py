"""The directory of the project does not depend on the working directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from openviper.project.directory import in_project, project_directory


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that is not the project."""
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("module", "files"),
    [
        ("dir_shop.settings", ["dir_shop/__init__.py", "dir_shop/settings.py"]),
        ("dir_shop2.settings", ["dir_shop2/__init__.py", "dir_shop2/settings/__init__.py"]),
        ("dir_shop3.conf.local", ["dir_shop3/__init__.py", "dir_shop3/conf/__init__.py", "dir_shop3/conf/local.py"]),
        ("dir_settings", ["dir_settings.py"]),
    ],
)  # fmt: skip
def test_it_is_around_the_top_package_of_the_settings(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, files: list[str]
) -> None:
    for name in files:
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    monkeypatch.syspath_prepend(tmp_path / "project")
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", module)
    assert project_directory() == str(tmp_path / "project")
    assert in_project("static") == tmp_path / "project" / "static"


def test_the_script_that_runs_tells_it_too(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "viperctl.py"), "check"])
    assert project_directory() == str(tmp_path)


def test_without_either_it_is_the_working_directory(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project_directory() == str(elsewhere)
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "no_such_module_anywhere.settings")
    assert in_project("a/b") == elsewhere / "a/b"


def test_a_working_directory_that_was_removed_harms_no_absolute_path(elsewhere: Path) -> None:
    elsewhere.rmdir()
    assert project_directory() == ""
    assert in_project("/srv/static") == Path("/srv/static")


def test_a_relative_file_of_the_settings_is_looked_for_anew(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("dir_settings5")
    module.__file__ = "dir_settings5.py"
    monkeypatch.setitem(sys.modules, "dir_settings5", module)
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "dir_settings5")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert project_directory() == str(tmp_path / name)


def test_what_every_command_loads_needs_nothing_but_the_interpreter() -> None:
    code = "import sys, openviper.project.directory; print('functools' in sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "False\n"
