"""Names of stored files."""

from __future__ import annotations

import re

import pytest

from openviper.storage import clean_name, generate_unique_name
from openviper.storage.names import MAX_COMPONENT, check_name


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [("a-b_c.1+2.txt", "a-b_c.1+2.txt"), ("naïve file.txt", "na_ve_file.txt"), ("C:\\docs\\a.txt", "docs/a.txt"),
     ("./a/./b", "a/b"), (".env", "_env"), ("a/.ssh/key", "a/_ssh/key"), ("<x>", "_x_"), ("a\nb", "a_b")],
)  # fmt: skip
def test_only_harmless_characters_are_left(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned


def test_parts_that_are_too_long_keep_their_suffix() -> None:
    folder, last = clean_name("d" * 300 + "/" + "x" * 300 + ".jpeg").split("/")
    assert (len(folder), len(last), last[-5:]) == (255, 255, ".jpeg")
    unique = generate_unique_name(last)
    assert len(unique) == 255 and unique.endswith(".jpeg")


def test_a_unique_name_differs_each_time_and_keeps_folder_and_suffix() -> None:
    names = {generate_unique_name("a.b/c.txt") for _ in range(50)}
    assert len(names) == 50
    assert all(re.fullmatch(r"a\.b/c_[0-9a-f]{8}\.txt", name) for name in names)


NAMES = [
    "a.txt",
    "ä/ö.txt",
    "C:\\x\\y.png",
    "/etc/passwd",
    "../../x",
    "a//b/./c",
    ".hidden/.x",
    "...",
    "a" * 300 + ".jpeg",
    "." + "a" * 300,
    "x." + "e" * 300,
    "a/" * 50 + "b",
    " a b ",
    "a\nb",
    "\u202egpj.exe",
    "CON",
    "+-_.~",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_clean_name_is_clean_for_good_and_a_name_of_a_stored_file(name: str) -> None:
    clean = clean_name(name)
    assert clean_name(clean) == clean == check_name(clean)
    unique = generate_unique_name(clean)
    assert clean_name(unique) == unique == check_name(unique) != clean
    for part in (*clean.split("/"), *unique.split("/")):
        assert 0 < len(part) <= MAX_COMPONENT and not part.startswith(".")


@pytest.mark.parametrize("name", ["", "/", "..", "a\0b", "C:", "./..//", "\\"])
def test_nothing_is_no_name(name: str) -> None:
    with pytest.raises(ValueError):
        clean_name(name)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a\0"])
def test_a_name_that_was_never_given_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a stored file"):
        check_name(name)
