"""The public members of `openviper.core.flexible_adapter`, in processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.commands.forks import Forks
from tests.acceptance.commands.runner import VIPERCTL, openviper, python
from tests.projects import app, command, settings, write

HEAD = """
import os, sys
from openviper.core.flexible_adapter import *
from openviper.core.flexible_adapter import (
    FlexibleAdapter, bootstrap_and_run, ensure_models_imported, ensure_sys_path, inject_app_into_settings,
    prepare_root_layout, synthesize_settings_module,
)
from openviper.conf import settings
from openviper.project.target import resolve_target
"""
SHOW = command(
    'from openviper.conf import settings; print(*settings.INSTALLED_APPS, sorted(options["words"]))'
).replace(
    "    def handle",
    "    def add_arguments(self, parser):\n        parser.add_argument('words', nargs='*')\n\n    def handle",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one package, whose settings tell when they are loaded."""
    files = app("site_", show=SHOW) | {
        "site_/settings.py": settings()
        + '\n\nimport sys\n\nprint("settings loaded", file=sys.stderr)\n',
        "site_/models.py": 'import sys\n\nprint("models imported", file=sys.stderr)\n',
    }
    return write(tmp_path / "project", files)


def run(directory: Path, code: str, expected: int = 0) -> list[str]:
    """Run a program and return the lines it printed, those on standard error first."""
    done = python(directory, "-c", HEAD + code)
    assert done.returncode == expected, done.stderr
    return [*done.stderr.splitlines(), *done.stdout.splitlines()]


def test_an_adapter_bootstraps_once(project: Path) -> None:
    lines = run(
        project,
        'adapter = FlexibleAdapter(resolve_target("."), "site_.settings")\n'
        "adapter.bootstrap(); adapter.bootstrap()\n"
        'print(settings.INSTALLED_APPS, os.environ["OPENVIPER_SETTINGS_MODULE"], os.getcwd())\n',
    )
    assert lines == ["settings loaded", "models imported", f"('site_',) site_.settings {project}"]


def test_run_bootstraps_dispatches_and_exits(project: Path) -> None:
    code = 'FlexibleAdapter(resolve_target("."), "site_.settings").run("show", ["b", "a"])\nprint("not reached")\n'
    assert run(project, code)[2:] == ["site_ ['a', 'b']"]
    failing = 'FlexibleAdapter(resolve_target("."), "site_.settings").run("nope")\n'
    assert run(project, failing, 1)[-1].startswith("Error: Unknown command: 'nope'")


def test_bootstrap_and_run_takes_names(project: Path) -> None:
    code = (
        'bootstrap_and_run(resolved=resolve_target("."), settings_module="site_.settings", command="show", '
        'command_args=["a"])\nprint("not reached")\n'
    )
    assert run(project, code)[2:] == ["site_ ['a']"]


def test_the_settings_in_memory_are_those_of_development(project: Path) -> None:
    code = (
        "name = synthesize_settings_module()\nassert synthesize_settings_module() == name and name in sys.modules\n"
        'FlexibleAdapter(resolve_target("site_"), None).bootstrap()\n'
        "print(name, settings.PROJECT_NAME, settings.DEBUG, settings.INSTALLED_APPS, settings.DATABASES)\n"
    )
    lines = run(project, code)
    assert lines[0].startswith("Warning: No settings.py found")
    assert lines[-1] == (
        "_viperctl_settings viperctl-project True ('site_',) {'default': {'OPTIONS': {'URL': 'sqlite:///db.sqlite3'}}}"
    )


def test_an_app_is_put_first_unless_exactly_it_is_there(project: Path) -> None:
    code = (
        "from openviper.conf import Settings\nimport dataclasses\n"
        'settings.configure(Settings(INSTALLED_APPS=("shop.cart", "blog")))\n'
        'for label in ("shop", "blog", "shop"):\n    inject_app_into_settings(label)\nprint(settings.INSTALLED_APPS)\n'
    )
    assert run(project, code)[-1] == "('shop', 'shop.cart', 'blog')"


def test_models_are_imported_and_a_missing_module_is_fine(project: Path) -> None:
    write(project, {"plain/__init__.py": "", "plain/routes.py": ""})
    code = "ensure_sys_path(os.getcwd())\n"
    code += 'for name in ("plain", "site_"):\n    ensure_models_imported(resolve_target(name))\n'
    assert run(project, code) == ["models imported"]


def test_a_root_layout_is_a_package_of_its_directory(tmp_path: Path) -> None:
    root = write(tmp_path / "blog", {"models.py": "", "views.py": "import models\n"})
    code = 'prepare_root_layout(".")\nimport blog.views, blog.models, models\n'
    code += "print(blog.views.models is blog.models is models)\n"
    assert run(root, code) == ["True"]


def test_settings_are_loaded_once_by_either_front_end(
    project: Path, forks: Forks, front: str
) -> None:
    write(project, {"viperctl.py": VIPERCTL})
    done = forks.run(front, project, "show", "a")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("settings loaded") == 1


def test_a_target_chooses_the_project_and_is_no_app_label(tmp_path: Path, forks: Forks) -> None:
    model = "from openviper.db import Model\nfrom openviper.db.fields import CharField\n\n\n"
    model += "class Thing(Model):\n    name = CharField(max_length=10)\n"
    files = {
        "site_/__init__.py": "",
        "site_/settings.py": settings("site_", "shop"),
        "site_/models.py": model,
    }
    root = write(tmp_path, files | {"shop/__init__.py": "", "shop/models.py": model})
    everything = forks.run(
        "openviper", root, "viperctl", "makemigrations", "shop", "--settings", "site_.settings"
    )
    assert "Created site_/schemas/Thing.json" in everything.stdout, everything.stderr
    assert "Created shop/schemas/Thing.json" in everything.stdout
    one = forks.run("openviper", root, "viperctl", "makemigrations", ".", "shop", "--check")
    assert one.stdout == "shop -> shop\nNo changes detected for shop\nNo changes detected.\n"


def test_a_root_layout_beside_several_packages_with_settings_is_not_guessed(
    tmp_path: Path, forks: Forks
) -> None:
    files = {
        f"{name}/{file}": "" for name in ("one", "two") for file in ("__init__.py", "settings.py")
    }
    done = forks.run("openviper", write(tmp_path, files | {"models.py": ""}), "viperctl", "migrate")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: several packages have settings: one, two; ")
    assert "--settings one.settings" in done.stderr


def test_the_schemas_of_a_root_layout_are_made_in_it_and_its_database_below_it(
    tmp_path: Path,
) -> None:
    model = "from openviper.db import Model\nfrom openviper.db.fields import CharField\n\n\n"
    files = {
        "models.py": model + "class Thing(Model):\n    name = CharField(max_length=10)\n",
        "views.py": "import models\n",
    }
    root = write(tmp_path / "blog", files)
    for words in (["makemigrations"], ["migrate"]):
        assert openviper(root, "viperctl", *words).returncode == 0
    made = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if "__pycache__" not in path.parts
    }
    made = {
        name for name in made if not name.startswith("db.sqlite3.")
    }  # The lock of `migrate` lies beside it.
    assert made == {"models.py", "views.py", "schemas", "schemas/Thing.json", "db.sqlite3"}
    code = "import views, models; print(views.models.Thing is Thing is models.Thing, await Thing.objects.count())"
    assert openviper(root, "viperctl", "console", "-c", code).stdout == "True 0\n"


def test_a_backup_of_a_named_database_needs_no_project(tmp_path: Path, forks: Forks) -> None:
    import sqlite3

    connection = sqlite3.connect(tmp_path / "x.sqlite3")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    done = forks.run(
        "openviper", tmp_path, "viperctl", "backup-db", "--db", f"sqlite:///{tmp_path}/x.sqlite3"
    )
    assert done.returncode == 0, done.stderr


def test_an_app_is_created_where_the_models_of_the_project_are_broken(
    project: Path, forks: Forks
) -> None:
    write(project, {"site_/models.py": "1 / 0\n"})
    assert forks.run("openviper", project, "viperctl", "create-app", "blog").returncode == 0
    assert (project / "blog/models.py").is_file()


def test_no_public_name_of_the_dispatchers_is_missing() -> None:
    import openviper.core.flexible_adapter as adapter
    import openviper.core.management as management
    from openviper.core.management import base, running

    wanted = {
        adapter: "FlexibleAdapter bootstrap_and_run ensure_sys_path prepare_root_layout inject_app_into_settings "
        "ensure_models_imported synthesize_settings_module",
        management: "execute_from_command_line extract_settings_flag auto_discover_settings",
        base: "CommandError NoModelsModule BaseCommand",
        running: "run_async_command",
    }
    assert [
        (module.__name__, name)
        for module in wanted
        for name in wanted[module].split()
        if not hasattr(module, name)
    ] == []
