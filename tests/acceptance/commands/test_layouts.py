"""`openviper viperctl` on projects of every shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.commands.runner import openviper
from tests.projects import app, command, settings, write

SHOW = command(
    "import os, sys; from openviper.conf import settings; "
    'print(settings.PROJECT_NAME, ",".join(settings.INSTALLED_APPS) or "-", os.getcwd(), '
    'os.environ["OPENVIPER_SETTINGS_MODULE"])'
)


def show(directory: Path, *arguments: str, **more: str) -> list[str]:
    done = openviper(directory, "viperctl", *arguments, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_root_layout_is_the_package_of_its_directory(tmp_path: Path) -> None:
    root = write(
        tmp_path / "blog",
        {
            "models.py": "class Post: pass\n",
            "settings.py": settings(),
            "management/__init__.py": "",
            "management/commands/__init__.py": "",
            "management/commands/show.py": SHOW.replace(
                "print(", "import models, blog.models; assert models is blog.models; print("
            ),
        },
    )
    before = sorted(root.rglob("*.py"))
    assert show(root, "show") == ["OpenViper", "Application", "blog", str(root), "blog.settings"]
    assert sorted(root.rglob("*.py")) == before


def test_a_module_layout_is_found_from_its_parent(tmp_path: Path) -> None:
    root = write(
        tmp_path, app("site_", show=SHOW) | {"site_/settings.py": settings(), "site_/routes.py": ""}
    )
    for target in ([], ["."], ["site_"]):
        assert show(root, "show", *target)[2:] == ["site_", str(root), "site_.settings"]


def test_a_dotted_target_uses_the_settings_of_the_package_around_it(tmp_path: Path) -> None:
    files = {
        "shop/settings.py": settings(),
        "shop/__init__.py": "",
        "shop/cart/models.py": "",
    } | app("shop/cart", show=SHOW)
    assert show(write(tmp_path, files), "show", "shop.cart")[2:] == [
        "shop.cart,shop",
        str(tmp_path),
        "shop.settings",
    ]


def test_without_settings_development_settings_in_memory_are_used_with_a_warning(
    tmp_path: Path,
) -> None:
    root = write(tmp_path / "blog", app(".", show=SHOW) | {"models.py": ""})
    (root / "__init__.py").unlink()
    done = openviper(root, "viperctl", "show")
    assert done.stdout.split() == ["viperctl-project", "blog", str(root), "_viperctl_settings"]
    assert "Warning: No settings.py found" in done.stderr


def test_production_without_settings_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path / "blog", {"models.py": ""})
    done = openviper(root, "viperctl", "console", "-c", "1", OPENVIPER_ENV="production")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No settings.py found")


def test_two_packages_with_settings_are_not_chosen_from(tmp_path: Path) -> None:
    files = {
        f"{name}/{file}": ""
        for name in ("one", "two")
        for file in ("__init__.py", "settings.py", "models.py")
    }
    done = openviper(write(tmp_path, files), "viperctl", "migrate")
    assert done.returncode == 1
    assert "multiple app packages" in done.stderr and "one, two" in done.stderr
    assert "migrate one" in done.stderr


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("../x", "Invalid target"),
        ("a/b", "not a valid dotted Python module path"),
        ("nowhere", "not found at"),
        (".", "no project in"),
    ],
)
def test_a_target_that_is_none_is_one_line_and_touches_nothing(
    tmp_path: Path, target: str, message: str
) -> None:
    done = openviper(tmp_path, "viperctl", "migrate", target)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr.startswith("Error: ")
        and message in done.stderr
        and done.stderr.count("\n") == 1
    )
    assert list(tmp_path.iterdir()) == []


def test_models_that_cannot_be_imported_stop_the_command(tmp_path: Path) -> None:
    root = write(
        tmp_path / "blog", {"models.py": "import not_there_at_all\n", "settings.py": settings()}
    )
    done = openviper(root, "viperctl", "console", "-c", "1")
    assert done.returncode == 1
    assert "Error: cannot import 'blog.models'" in done.stderr and "not_there_at_all" in done.stderr


def test_arguments_after_the_target_reach_the_command(tmp_path: Path) -> None:
    text = command("self.stdout(str(sorted(options.items())))").replace(
        "    def handle",
        "    def add_arguments(self, parser):\n        parser.add_argument('word', nargs='?')\n"
        "        parser.add_argument('-n', type=int)\n\n    def handle",
    )
    root = write(
        tmp_path, app("site_", echo=text) | {"site_/settings.py": settings(), "site_/routes.py": ""}
    )
    for arguments, word in (
        (["-n", "3"], None),
        ([".", "x", "-n", "3"], "x"),
        (["site_", "x", "-n3"], "x"),
    ):
        done = openviper(root, "viperctl", "echo", *arguments)
        assert done.stdout == f"[('n', 3), ('word', {word!r})]\n", done.stderr


def test_scaffolding_needs_no_project(tmp_path: Path) -> None:
    done = openviper(tmp_path, "viperctl", "create-app", "blog")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "blog" / "models.py").is_file()


def test_an_unknown_command_outside_a_project_is_unknown(tmp_path: Path) -> None:
    done = openviper(tmp_path, "viperctl", "nope")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Unknown command: 'nope'") and "migrate" in done.stderr


def test_the_list_of_commands_has_those_of_the_project(tmp_path: Path) -> None:
    site = app("site_", show=SHOW) | {"site_/settings.py": settings(), "site_/routes.py": ""}
    assert "[site_]\n  show" in openviper(write(tmp_path / "a", site), "viperctl", "--help").stdout
    files = app("shop", show=SHOW)
    root = (
        write(tmp_path, files | {"shop/models.py": "1 / 0\n", "shop/settings.py": settings()})
        / "shop"
    )
    done = openviper(root, "viperctl", "--help")
    assert done.returncode == 0 and "[shop]\n  show" in done.stdout, done.stderr


def test_the_list_of_commands_is_shown_where_the_settings_are_wrong(tmp_path: Path) -> None:
    root = write(tmp_path, {"settings.py": "1 / 0\n", "models.py": ""})
    done = openviper(root, "viperctl", "--help")
    assert done.returncode == 0 and "migrate" in done.stdout
    assert "Warning: the project's commands are not shown" in done.stderr


def test_tests_of_a_root_layout_see_the_modules_as_the_commands_do(tmp_path: Path) -> None:
    test = (
        "import blog.models, models, settings\n\ndef test_it():\n    assert models is blog.models\n"
        "    from openviper.conf import settings as live\n    assert live.INSTALLED_APPS == ('blog',)\n"
    )
    root = write(
        tmp_path / "blog", {"models.py": "", "settings.py": settings(), "tests/test_it.py": test}
    )
    done = openviper(root, "viperctl", "test", "-x", ".", PYTHONWARNINGS="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Running: ") and "1 passed" in done.stdout
