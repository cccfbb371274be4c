"""Which names are left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.staticfiles import collect_static
from openviper.staticfiles.ignored_names import IgnoredNames
from tests.projects import write
from tests.unit.staticfiles.test_collect import tree


@pytest.mark.parametrize(
    "name", [".env", ".git", ".DS_Store", "a.css~", "#a.css#", ".#a", "a.swp", "a.orig", "x.pyc", "__pycache__", "CVS", "Thumbs.db"]
)  # fmt: skip
def test_hidden_and_editor_files_are_left_out(name: str) -> None:
    assert IgnoredNames().matches(name, f"css/{name}")
    assert not IgnoredNames(with_defaults=False).matches(name, f"css/{name}")


@pytest.mark.parametrize("name", [".well-known", "a.css", "a~b.css", "env", "a.b.c", "#a", "CVSx"])
def test_others_are_not(name: str) -> None:
    assert not IgnoredNames().matches(name, name)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.scss", "css/a.scss", True),
        ("*.scss", "css/a.css", False),
        ("drafts", "css/drafts", True),
        ("drafts/", "css/drafts", True),
        ("css/*.map", "css/a.map", True),
        ("css/*.map", "js/a.map", False),
        ("[ab].css", "b.css", True),
        ("A.css", "a.css", False),
        ("a+b(c).css", "a+b(c).css", True),
    ],
)
def test_patterns_are_compared_with_names_or_paths(pattern: str, path: str, matches: bool) -> None:
    ignored = IgnoredNames([pattern], with_defaults=False)
    assert ignored.matches(path.rpartition("/")[2], path) is matches


@pytest.mark.parametrize("pattern", ["", "/", "/etc", "../x", "a/../b"])
def test_what_is_not_a_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not a pattern"):
        IgnoredNames([pattern])


def test_many_stars_take_no_time() -> None:
    assert not IgnoredNames(["*a" * 20 + "b"]).matches("a" * 200, "a" * 200)


def test_a_folder_is_left_out_with_all_in_it(source: Path, dest: Path) -> None:
    write(source, {".git/config": "x", "css/drafts/a.css": "x", ".well-known/a.txt": "x"})
    assert collect_static([source], dest, ignore=["drafts"]) == 4
    assert set(tree(dest)) == {"css/site.css", "js/app.js", "robots.txt", ".well-known/a.txt"}


def test_an_ignored_file_that_was_collected_before_is_cleared(source: Path, dest: Path) -> None:
    collect_static([source], dest)
    collect_static([source], dest, clear=True, ignore=["*.js"])
    assert set(tree(dest)) == {"css/site.css", "robots.txt"}
