"""What `create_command` writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.core.management.scaffolds import command
from openviper.core.management.scaffolds.command import create_command
from openviper.core.management.scaffolds.names import ScaffoldError
from tests.unit.core.management.scaffolds.test_project import files_below, unused_imports


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a directory with the apps `blog` and `shop.books`."""
    for package in ("blog", "shop", "shop/books"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text('"""Mine."""\n')
    return tmp_path


def test_the_command_and_its_packages_are_made(project: Path) -> None:
    path = create_command("send-reminders", "blog", project)
    assert path == project.resolve() / "blog/management/commands/send_reminders.py"
    assert files_below(project / "blog") == [
        "__init__.py",
        "management/__init__.py",
        "management/commands/__init__.py",
        "management/commands/send_reminders.py",
    ]
    text = path.read_text()
    assert unused_imports(text) == set()
    assert '"""The management command `send-reminders`."""' in text


@pytest.mark.parametrize("name", ["shop/books", "shop.books", "./shop/books", "shop/books/"])
def test_an_app_is_found_by_path_and_by_dotted_name(project: Path, name: str) -> None:
    assert create_command("count", name, project).is_relative_to(project.resolve() / "shop/books")


def test_existing_packages_are_kept(project: Path) -> None:
    create_command("first", "blog", project)
    marker = project / "blog/management/__init__.py"
    marker.write_text("# mine\n")
    create_command("second", "blog", project)
    assert marker.read_text() == "# mine\n"


def test_an_existing_command_is_refused_before_anything_is_made(project: Path) -> None:
    commands = project / "blog/management/commands"
    commands.mkdir(parents=True)
    (commands / "count.py").write_text("# mine\n")
    with pytest.raises(ScaffoldError, match="already exists"):
        create_command("count", "blog", project)
    assert files_below(project / "blog") == ["__init__.py", "management/commands/count.py"]


@pytest.mark.parametrize("name", ["../blog", "/etc", "blog/../../x", "", ".", "a\\b"])
def test_a_path_that_could_lead_elsewhere_is_refused(project: Path, name: str) -> None:
    with pytest.raises(ScaffoldError, match="not a safe app path"):
        create_command("count", name, project)


def test_a_link_that_leads_out_is_refused(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "__init__.py").touch()
    (project / "linked").symlink_to(outside)
    with pytest.raises(ScaffoldError, match="outside the base directory"):
        create_command("count", "linked", project)
    assert files_below(outside) == ["__init__.py"]


def test_an_app_that_is_no_package_is_refused(project: Path) -> None:
    (project / "notes").mkdir()
    for name in ("notes", "nowhere"):
        with pytest.raises(ScaffoldError, match="is not a package"):
            create_command("count", name, project)


@pytest.mark.parametrize("name", ["migrate", "backup_db", "backup-db"])
def test_a_built_in_name_is_refused(project: Path, name: str) -> None:
    with pytest.raises(ScaffoldError, match="command of OpenViper"):
        create_command(name, "blog", project, built_in={"migrate", "backup-db"})


def test_a_name_that_is_no_identifier_is_refused(project: Path) -> None:
    for name in ("2fast", "a b", "class", "../x"):
        with pytest.raises(ScaffoldError, match="not a valid Python identifier"):
            create_command(name, "blog", project)


def test_a_failure_leaves_only_what_was_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(template: str, values: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "render", fail)
    with pytest.raises(OSError, match="No space"):
        create_command("count", "blog", project)
    assert [path.name for path in (project / "blog").iterdir()] == ["__init__.py"]


@pytest.mark.parametrize("name", ["help", "_x", "-x", "__init__"])
def test_a_command_that_could_never_run_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "blog").mkdir()
    (tmp_path / "blog/__init__.py").touch()
    with pytest.raises(ScaffoldError):
        create_command(name, "blog", tmp_path)
    assert sorted(path.name for path in (tmp_path / "blog").iterdir()) == ["__init__.py"]
