"""Where apps are found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import openviper.utils
from openviper.core.app_resolver import AppResolver
from openviper.testing import override_openviper_settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def app(root: Path, path: str, marker: str = "models.py") -> Path:
    directory = root / path
    directory.mkdir(parents=True)
    (directory / "__init__.py").touch()
    (directory / marker).touch()
    return directory


def test_a_package_of_the_project_is_found(root: Path) -> None:
    directory = app(root, "res_blog")
    assert AppResolver(str(root)).resolve_app("res_blog") == (str(directory), True)


def test_a_dotted_name_is_a_path_below_the_root(root: Path) -> None:
    directory = app(root, "res_shop/cart")
    assert AppResolver(str(root)).resolve_app("res_shop.cart") == (str(directory), True)


def test_an_installed_package_is_found_by_import() -> None:
    found, ok = AppResolver("/").resolve_app("openviper.utils")
    assert ok and found == str(Path(openviper.utils.__file__).parent)


def test_a_single_file_module_stands_for_its_directory(root: Path) -> None:
    (root / "res_flat.py").touch()
    assert AppResolver(str(root)).resolve_app("res_flat") == (str(root), True)


@pytest.mark.parametrize("folder", ["apps", "src", "modules", "services", "api", "core"])
def test_common_folders_are_searched_for_plain_names(root: Path, folder: str) -> None:
    directory = app(root, f"{folder}/res_blog")
    assert AppResolver(str(root)).resolve_app("res_blog") == (str(directory), True)


def test_the_walk_finds_an_app_deeper_down_and_skips_what_is_not_source(root: Path) -> None:
    app(root, "node_modules/res_blog")
    app(root, ".hidden/res_blog")
    directory = app(root, "company/res_blog")
    assert AppResolver(str(root)).resolve_app("res_blog") == (str(directory), True)


def test_of_two_candidates_none_is_taken_and_both_are_told(root: Path) -> None:
    first, second = app(root, "one/res_blog"), app(root, "two/res_blog")
    resolver = AppResolver(str(root))
    assert resolver.resolve_app("res_blog") == (None, False)
    assert resolver.candidates["res_blog"] == [str(first), str(second)]


@pytest.mark.parametrize(
    "name", ["", "..", "a..b", "/etc", "\\share", "res_nowhere", "res_nowhere.blog"]
)
def test_a_name_that_is_no_app_is_not_found(root: Path, name: str) -> None:
    assert AppResolver(str(root)).resolve_app(name) == (None, False)


def test_a_link_out_of_the_project_is_not_an_app(tmp_path: Path) -> None:
    outside = app(tmp_path, "outside/real")
    (tmp_path / "project" / "apps").mkdir(parents=True)
    (tmp_path / "project" / "apps" / "res_blog").symlink_to(outside)
    assert AppResolver(str(tmp_path / "project")).resolve_app("res_blog") == (None, False)


def test_a_result_is_remembered_until_the_cache_is_cleared(root: Path) -> None:
    resolver = AppResolver(str(root))
    assert resolver.resolve_app("res_late") == (None, False)
    directory = app(root, "apps/res_late")
    assert resolver.resolve_app("res_late") == (None, False)
    resolver.clear_cache()
    assert resolver.resolve_app("res_late") == (str(directory), True)


def test_all_apps_are_sorted_into_found_and_not_found(root: Path) -> None:
    directory = app(root, "res_blog")
    resolver = AppResolver(str(root))
    apps = ["res_blog", "openviper.utils", "res_nope"]
    assert resolver.resolve_all_apps(apps) == {
        "found": {"res_blog": str(directory)},
        "not_found": ["res_nope"],
    }
    assert "openviper.utils" in resolver.resolve_all_apps(apps, include_builtin=True)["found"]


@pytest.mark.parametrize(
    "marker",
    [
        "models.py",
        "routes.py",
        "migrations",
        "schemas",
        "lifecycle.py",
        "tasks.py",
        "admin.py",
        "management",
    ],
)
def test_an_app_is_a_package_with_one_of_the_usual_modules(root: Path, marker: str) -> None:
    directory = app(root, "blog", marker)
    assert AppResolver.is_valid_app_directory(str(directory))
    (directory / "__init__.py").unlink()
    assert not AppResolver.is_valid_app_directory(str(directory))


def test_nothing_is_imported_to_find_a_plain_name(root: Path) -> None:
    directory = app(root, "res_unimported")
    (directory / "__init__.py").write_text("raise RuntimeError")
    assert AppResolver(str(root)).resolve_app("res_unimported")[1]
    assert "res_unimported" not in sys.modules


def test_the_directories_of_the_installed_apps_come_in_order_and_once(root: Path) -> None:
    first, second = app(root, "res_first"), app(root, "apps/res_second")
    names = ("res_second", "res_first", "res_nope", "apps.res_second")
    with override_openviper_settings(INSTALLED_APPS=names):
        assert AppResolver(str(root)).get_app_dirs() == [second, first]


def test_each_way_of_looking_can_be_asked_for_alone(root: Path) -> None:
    plain, nested, common = (
        app(root, "res_plain"),
        app(root, "res_outer/res_inner"),
        app(root, "src/res_common"),
    )
    resolver = AppResolver(str(root))
    assert resolver.try_direct_path("res_plain") == str(plain)
    assert resolver.try_direct_path("res_common") is None
    assert resolver.try_relative_path("res_outer.res_inner") == str(nested)
    assert resolver.try_relative_path("res_inner") is None
    assert resolver.try_search_patterns("res_common") == str(common)
    assert resolver.try_search_patterns("x.res_common") is None


def test_without_a_root_the_working_directory_is_searched(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert AppResolver().project_root == AppResolver.get_project_root() == str(root)
    assert AppResolver().app_cache == {}
