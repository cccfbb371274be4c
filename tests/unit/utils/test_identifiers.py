"""Names that Python code can use."""

from __future__ import annotations

import pytest

from openviper.utils.failures import CommandError
from openviper.utils.identifiers import closest, is_dotted_path, is_identifier, shadows_module


@pytest.mark.parametrize("name", ["a", "_", "A1", "match", "type", "_a_b", "x" * 300])
def test_a_name_that_a_module_can_have(name: str) -> None:
    assert is_identifier(name) and is_dotted_path(name)


@pytest.mark.parametrize(
    "name", ["", "1a", "a-b", "a b", "a.b", "ä", "class", "None", "async", "a\n", "a/b", "\u017f"]
)
def test_a_name_that_none_can(name: str) -> None:
    assert not is_identifier(name)


@pytest.mark.parametrize(
    ("path", "is_path"),
    [("a.b.c", True), ("a", True), ("a..b", False), (".a", False), ("a.", False), ("a.class", False),
     ("", False), ("a.b-c", False)],
)  # fmt: skip
def test_every_part_of_a_path_is_a_name(path: str, is_path: bool) -> None:
    assert is_dotted_path(path) is is_path


@pytest.mark.parametrize(
    ("name", "hides"),
    [
        ("json", True),
        ("openviper", True),
        ("_thread", True),
        ("shop", False),
        ("Json", False),
        ("json2", False),
    ],
)
def test_names_of_modules_that_are_there_already(name: str, hides: bool) -> None:
    assert shadows_module(name) is hides


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("migrat", "migrate"),
        ("mirgate", "migrate"),
        ("tset", "test"),
        ("qqqq", None),
        ("", None),
        ("test", "test"),
    ],
)
def test_the_nearest_name_is_found_if_one_is_near(name: str, match: str | None) -> None:
    assert closest(name, ["test", "migrate", "makemigrations"]) == match
    assert closest(name, []) is None


def test_a_command_error_has_a_code_that_is_not_success() -> None:
    assert (CommandError("x").returncode, CommandError("x", 4).returncode) == (1, 4)
    assert str(CommandError("x", 4)) == "x"
    with pytest.raises(ValueError, match="cannot have the return code 0"):
        CommandError("x", 0)
