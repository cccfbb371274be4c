"""Finding the actors of the installed apps: what is not there is passed over, what fails is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.tasks.actors import Registry
from openviper.tasks.discovery import TaskImportError, discover_tasks, import_tasks
from openviper.testing import override_openviper_settings
from tests.projects import forget_modules, write

ACTOR = "from openviper.tasks import actor\n@actor\ndef work() -> None: ...\n"


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory on the import path; what is imported from it is forgotten."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    forget_modules(tmp_path)


def test_apps_with_actors_are_named_once_in_their_order(apps: Path) -> None:
    write(apps, {"zoo/__init__.py": "", "zoo/tasks.py": ACTOR, "bar/__init__.py": "",
                 "ant/__init__.py": "", "ant/tasks/__init__.py": ACTOR})  # fmt: skip
    assert discover_tasks(["zoo", "bar", "ant", "zoo"]) == ["zoo.tasks", "ant.tasks"]
    assert Registry.find_actor("zoo.tasks.work") and Registry.find_actor("ant.tasks.work")


def test_the_apps_of_the_settings_are_looked_at_unless_others_are_given(apps: Path) -> None:
    write(apps, {"zoo/__init__.py": "", "zoo/tasks.py": ACTOR})
    with override_openviper_settings(INSTALLED_APPS=("zoo", "openviper.tasks")):
        assert discover_tasks() == ["zoo.tasks"]
        assert discover_tasks([]) == []


@pytest.mark.parametrize("app", ["nowhere", "nowhere.at.all", "zoo.nowhere"])
def test_an_app_that_is_not_there_has_no_actors(apps: Path, app: str) -> None:
    write(apps, {"zoo/__init__.py": ""})
    assert discover_tasks([app]) == []


def test_a_plain_module_as_an_app_has_no_actors(apps: Path) -> None:
    write(apps, {"plain.py": ""})
    assert discover_tasks(["plain"]) == []


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import not_installed_here", "ModuleNotFoundError: No module named 'not_installed_here'"),
        ("def (", "SyntaxError: "),
        ("raise ValueError('no')", "ValueError: no"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
@pytest.mark.parametrize("broken", ["tasks.py", "__init__.py"])
def test_what_exists_and_fails_is_named_wherever_in_the_app_it_is(
    apps: Path, source: str, cause: str, broken: str
) -> None:
    write(apps, {"zoo/__init__.py": "", "zoo/tasks.py": ACTOR, f"zoo/{broken}": source})
    with pytest.raises(TaskImportError) as caught:
        discover_tasks(["zoo"])
    assert caught.value.module == "zoo.tasks"
    assert str(caught.value).startswith(f"cannot import 'zoo.tasks': {cause}")


def test_a_module_of_the_apps_own_that_is_missing_is_named_too(apps: Path) -> None:
    write(apps, {"zoo/__init__.py": "import zoo.gone", "zoo/tasks.py": ACTOR})
    with pytest.raises(TaskImportError, match=r"No module named 'zoo\.gone'"):
        discover_tasks(["zoo"])


def test_a_module_with_actors_may_be_imported_by_its_name(apps: Path) -> None:
    write(apps, {"jobs.py": ACTOR})
    import_tasks("jobs")
    import_tasks("jobs")
    assert Registry.find_actor("jobs.work")
    with pytest.raises(TaskImportError, match="cannot import 'gone': ModuleNotFoundError"):
        import_tasks("gone")
    assert isinstance(pytest.raises(ImportError, import_tasks, "gone").value, TaskImportError)
