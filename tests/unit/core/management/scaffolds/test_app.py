"""What `create_app` writes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from openviper.core.management.scaffolds.app import create_app, dotted_name
from openviper.core.management.scaffolds.names import ScaffoldError
from tests.unit.core.management.scaffolds.test_project import files_below, unused_imports

FILES = [
    "__init__.py",
    "events.py",
    "lifecycle.py",
    "models.py",
    "patches/__init__.py",
    "routes.py",
    "serializers.py",
    "tasks.py",
    "tests.py",
    "views.py",
]


def uncomment(source: str) -> str:
    """Turn the examples of a generated module into code."""
    lines = [
        line[2:] if line.startswith("# ") else "" if line == "#" else line
        for line in source.splitlines()
    ]
    return "\n".join(lines) + "\n"


def test_the_tree_is_the_documented_one(tmp_path: Path) -> None:
    assert create_app("blog", tmp_path) == tmp_path.resolve() / "blog"
    assert files_below(tmp_path / "blog") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["blog"]


def test_texts_are_clean_with_and_without_their_examples(tmp_path: Path) -> None:
    app = create_app("blog", tmp_path)
    for name in FILES:
        text = (app / name).read_text()
        assert "\r" not in text and "\t" not in text and "$" not in text, name
        assert not text or (text.endswith("\n") and not text.endswith("\n\n")), name
        for source in (text, uncomment(text)):
            ast.parse(source)
            assert unused_imports(source) == set(), name


def test_nothing_that_does_not_exist_yet_is_named(tmp_path: Path) -> None:
    app = create_app("blog", tmp_path)
    text = "".join((app / name).read_text() for name in FILES)
    assert "admin" not in text


def test_an_app_below_a_package_imports_itself_by_its_dotted_name(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    app = create_app("blog", tmp_path / "shop")
    assert dotted_name(app) == "shop.blog"
    assert "from shop.blog.views import" in (app / "routes.py").read_text()


def test_the_dotted_name_counts_from_the_project(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    assert dotted_name(tmp_path / "apps/blog") == "blog"
    (tmp_path / "viperctl.py").touch()
    assert dotted_name(tmp_path / "apps/blog") == "apps.blog"


def test_taken_names_existing_targets_and_missing_directories_are_refused(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(ScaffoldError, match="taken by the installed app"):
        create_app("blog", tmp_path, taken=("blog",))
    with pytest.raises(ScaffoldError, match="already exists"):
        create_app("there", tmp_path)
    with pytest.raises(ScaffoldError, match="does not exist"):
        create_app("blog", tmp_path / "nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
