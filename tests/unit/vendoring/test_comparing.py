from __future__ import annotations

from openviper.vendoring.comparing import compare
from tests.unit.vendoring.trees import small_tree


def test_equal_trees_do_not_differ() -> None:
    difference = compare(small_tree().manifest, small_tree().manifest)
    assert not difference and list(difference.lines()) == []


def test_packages_and_files_that_came_went_or_changed_are_told() -> None:
    old = small_tree("1.0", cage=b"1").manifest
    new = small_tree("1.1", source=b"2", perch=b"3").manifest
    difference = compare(old, new)
    assert difference.packages == ["cage 1.0 removed", "parrot 1.0 -> 1.1", "perch 1.1 added"]
    assert difference.added == ["perch/__init__.py"]
    assert difference.removed == ["cage/__init__.py"]
    assert difference.changed == ["parrot/__init__.py"]
    assert list(difference.lines())[-1] == "1 files added, 1 removed, 1 changed"


def test_a_file_that_changed_under_the_same_version_is_told_too() -> None:
    difference = compare(small_tree().manifest, small_tree(source=b"other").manifest)
    assert difference and difference.packages == []
    assert list(difference.lines()) == ["0 files added, 0 removed, 1 changed"]
