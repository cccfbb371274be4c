"""Names of stored files."""

from __future__ import annotations

import re

import pytest

from openviper.storage import clean_name, generate_unique_name


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
