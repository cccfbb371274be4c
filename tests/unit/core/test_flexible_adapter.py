"""Projects without a scaffold: a directory as a package, one module per file."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.core.flexible_adapter import (
    ensure_models_imported,
    ensure_sys_path,
    prepare_root_layout,
)
from openviper.project.target import resolve_target
from openviper.utils.failures import CommandError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory on the path, whose modules are forgotten afterwards."""
    directory = tmp_path / "flex_blog"
    directory.mkdir()
    monkeypatch.chdir(directory)
    monkeypatch.setattr(sys, "path", [str(directory), *sys.path])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = set(sys.modules)
    yield directory
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_module_is_the_same_by_either_name(root: Path) -> None:
    (root / "flex_models.py").write_text("class Post: pass\n")
    prepare_root_layout(root)
    plain = importlib.import_module("flex_models")
    assert plain is importlib.import_module("flex_blog.flex_models")
    assert plain.Post.__module__ == "flex_blog.flex_models"
    assert plain.__spec__ is not None and plain.__spec__.name == "flex_blog.flex_models"


def test_a_sub_module_is_the_same_by_either_name(root: Path) -> None:
    (root / "flex_models").mkdir()
    (root / "flex_models" / "__init__.py").touch()
    (root / "flex_models" / "post.py").write_text("class Post: pass\n")
    prepare_root_layout(root)
    assert importlib.import_module("flex_models.post") is importlib.import_module(
        "flex_blog.flex_models.post"
    )
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module("flex_models.nope")
    assert caught.value.name == "flex_models.nope"


def test_modules_may_import_each_other_in_a_circle_by_both_names(root: Path) -> None:
    (root / "flex_a.py").write_text("import flex_b\nvalue = 1\n")
    (root / "flex_b.py").write_text(
        "import flex_blog.flex_a as other\nimport flex_a\nassert flex_a is other\n"
    )
    prepare_root_layout(root)
    assert importlib.import_module("flex_a").value == 1


def test_a_package_marker_in_the_directory_is_run(root: Path) -> None:
    (root / "__init__.py").write_text("value = 2\n")
    prepare_root_layout(root)
    assert importlib.import_module("flex_blog").value == 2


def test_folders_that_are_no_packages_stay_invisible(root: Path) -> None:
    (root / "flex_static").mkdir()
    prepare_root_layout(root)
    assert getattr(importlib.import_module("flex_static"), "__file__", None) is None
    assert "flex_blog.flex_static" not in sys.modules


def test_no_file_is_created(root: Path) -> None:
    prepare_root_layout(root)
    prepare_root_layout(root)
    importlib.import_module("flex_blog")
    assert list(root.iterdir()) == []


def test_a_directory_named_like_a_module_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    with pytest.raises(CommandError, match="'json'"):
        prepare_root_layout(tmp_path / "json")


def test_an_app_without_models_is_fine(root: Path) -> None:
    (root / "routes.py").touch()
    prepare_root_layout(root)
    ensure_models_imported(resolve_target(".", root))


def test_models_that_cannot_be_imported_are_named(root: Path) -> None:
    (root / "models.py").write_text("import flex_missing\n")
    prepare_root_layout(root)
    with pytest.raises(CommandError, match="cannot import 'flex_blog.models'.*flex_missing"):
        ensure_models_imported(resolve_target(".", root))


def test_a_path_is_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/b"])
    ensure_sys_path("/a")
    ensure_sys_path("/a")
    assert sys.path == ["/a", "/b"]
