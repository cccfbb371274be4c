"""`find-static`: which file answers for a static path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.commands.find_static import Command, find
from openviper.testing import override_openviper_settings
from tests.projects import KEY, write
from tests.unit.core.management.speaking import run


def test_all_files_of_a_path_are_found_in_the_order_in_which_they_win(tmp_path: Path) -> None:
    write(tmp_path, {"a/css/x.css": "", "b/css/x.css": "", "b/y.css": ""})
    directories = [tmp_path / "a", tmp_path / "b"]
    assert find("css/x.css", directories) == [tmp_path / "a/css/x.css", tmp_path / "b/css/x.css"]
    assert find("y.css", directories) == [tmp_path / "b/y.css"]
    assert find("css", directories) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a\0b"])
def test_a_path_that_leads_outside_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a path below"):
        find(path, [tmp_path])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with two directories, looked at from another working directory."""
    write(
        tmp_path / "shop",
        {
            "viperctl.py": "",
            "first/a.css": "",
            "second/a.css": "",
            "second/b.css": "",
            "elsewhere/x": "",
        },
    )
    monkeypatch.setattr("sys.argv", [str(tmp_path / "shop" / "viperctl.py")])
    monkeypatch.chdir(tmp_path / "shop" / "elsewhere")
    with override_openviper_settings(
        SECRET_KEY=KEY, INSTALLED_APPS=(), STATICFILES_DIRS=("first", "second")
    ):
        yield tmp_path / "shop"


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["a.css"], ["first/a.css", "second/a.css"]),
        (["a.css", "--first"], ["first/a.css"]),
        (["b.css", "a.css", "--first"], ["second/b.css", "first/a.css"]),
    ],
)
def test_directories_are_meant_from_the_project_as_the_server_does(
    project: Path, arguments: list[str], files: list[str]
) -> None:
    assert run(Command, *arguments).lines == [str(project / file) for file in files]


def test_what_no_directory_has_is_named_with_where_was_looked(project: Path) -> None:
    with pytest.raises(CommandError, match=r"no static file 'c\.css' \(searched .*first"):
        run(Command, "a.css", "c.css")
