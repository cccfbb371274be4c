"""From a target to an app, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.project.target import TargetError, resolve_target
from openviper.utils.failures import CommandError


def write(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_a_directory_with_models_is_a_root_layout(tmp_path: Path) -> None:
    root = write(tmp_path / "blog", "models.py")
    found = resolve_target(".", root)
    assert (found.app_label, found.app_path, found.is_root, found.models_module) == (
        "blog",
        root,
        True,
        "blog.models",
    )


def test_the_only_package_with_settings_and_routes_is_the_project(tmp_path: Path) -> None:
    write(tmp_path, "site/__init__.py", "site/settings.py", "site/routes.py", "docs/__init__.py")
    found = resolve_target(".", tmp_path)
    assert (found.app_label, found.app_path, found.is_root) == ("site", tmp_path / "site", False)


def test_a_dotted_target_is_a_directory_below(tmp_path: Path) -> None:
    write(tmp_path, "shop/cart/models.py")
    found = resolve_target("shop.cart", tmp_path)
    assert (found.app_label, found.app_path) == ("shop.cart", tmp_path / "shop" / "cart")
    assert found.models_module == "shop.cart.models"


def test_a_package_with_settings_alone_is_accepted(tmp_path: Path) -> None:
    write(tmp_path, "site/__init__.py", "site/settings.py")
    assert resolve_target("site", tmp_path).app_label == "site"


@pytest.mark.parametrize(
    ("files", "target", "message"),
    [
        ([], "../x", "Invalid target"),
        ([], "/etc", "Invalid target"),
        ([], "a/b", "not a valid dotted Python module path"),
        ([], "a-b", "not a valid dotted Python module path"),
        ([], "class", "not a valid dotted Python module path"),
        ([], "blog", "not found at '"),
        (["blog/views.py"], "blog", "neither models.py nor routes.py"),
        ([], ".", "no project in"),
        (["a/__init__.py", "a/settings.py", "a/models.py", "b/__init__.py", "b/settings.py", "b/routes.py"], ".",
         "multiple app packages"),
    ],
)  # fmt: skip
def test_a_target_that_names_nothing_is_refused(
    tmp_path: Path, files: list[str], target: str, message: str
) -> None:
    with pytest.raises(TargetError, match=message):
        resolve_target(target, write(tmp_path, *files))


def test_a_directory_name_that_is_no_identifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="not a valid Python identifier"):
        resolve_target(".", write(tmp_path / "my-blog", "models.py"))


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "outside/models.py", "project/x.py")
    (tmp_path / "project" / "blog").symlink_to(tmp_path / "outside")
    with pytest.raises(TargetError, match="outside the project directory"):
        resolve_target("blog", tmp_path / "project")


def test_a_target_error_ends_a_command_with_code_1() -> None:
    assert issubclass(TargetError, CommandError)
    assert TargetError("x").returncode == 1
