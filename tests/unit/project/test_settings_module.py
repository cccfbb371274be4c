"""Which settings module belongs to a directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.project.settings_module import auto_discover_settings, discover_settings_module


@pytest.fixture(autouse=True)
def no_module_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)


def write(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_an_explicit_module_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "env.settings")
    write(tmp_path, "settings.py")
    assert discover_settings_module(".", tmp_path, "given.settings") == "given.settings"
    assert discover_settings_module(".", tmp_path) == "env.settings"


@pytest.mark.parametrize(
    ("files", "target", "expected"),
    [
        (["blog/settings.py"], "blog", "blog.settings"),
        (["blog/settings/__init__.py"], "blog", "blog.settings"),
        (["shop/settings.py", "shop/cart/models.py"], "shop.cart", "shop.settings"),
        (["settings.py", "blog/models.py"], "blog", "settings"),
        (["settings/__init__.py"], ".", "settings"),
        (["site/__init__.py", "site/settings.py"], ".", "site.settings"),
        (
            ["site/__init__.py", "site/settings/__init__.py", "blog/models.py"],
            "blog",
            "site.settings",
        ),
        (["site/settings.py"], ".", None),
        (["tests/__init__.py", "tests/settings.py"], ".", None),
        (["_site/__init__.py", "_site/settings.py"], ".", None),
        (["a/__init__.py", "a/settings.py", "b/__init__.py", "b/settings.py"], ".", None),
        (["settings.py"], "../other", None),
        ([], ".", None),
    ],
)
def test_settings_are_looked_for_at_the_target_then_here_then_below(
    tmp_path: Path, files: list[str], target: str, expected: str | None
) -> None:
    assert discover_settings_module(target, write(tmp_path, *files)) == expected


def test_a_link_that_leads_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "outside/settings.py", "project/models.py")
    (tmp_path / "project" / "blog").symlink_to(tmp_path / "outside")
    assert discover_settings_module("blog", tmp_path / "project") is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            ["project/project/__init__.py", "project/project/settings.py", "project/x/__init__.py"]
            + ["project/x/settings.py"],
            "project.settings",
        ),
        (["project/x/__init__.py", "project/x/settings/__init__.py"], "x.settings"),
        (["project/settings.py"], "settings"),
        (["project/settings/__init__.py"], "settings"),
        (["project/viperctl.py"], None),
    ],
)  # fmt: skip
def test_a_script_finds_the_settings_beside_it(
    tmp_path: Path, files: list[str], expected: str | None
) -> None:
    write(tmp_path, *files)
    assert auto_discover_settings(str(tmp_path / "project" / "viperctl.py")) == expected
