"""Opening files below a directory: no link leads out of it, and nothing stays open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from openviper.utils.opened_files import find_below, find_file, open_below
from tests.projects import write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with files, beside a secret."""
    write(tmp_path, {"secret.txt": "secret", "root/a.txt": "a", "root/x/y/deep.txt": "deep"})
    return tmp_path / "root"


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def content(root: Path, name: str) -> str | None:
    """Return what a file below holds; `None` if it is not opened."""
    opened = find_below(root, name)
    if opened is None:
        return None
    file, status = opened
    with file:
        text = file.read().decode()
    assert status.st_size == len(text)
    return text


@pytest.mark.parametrize(("name", "text"), [("a.txt", "a"), ("x/y/deep.txt", "deep")])
def test_a_file_below_is_opened(root: Path, name: str, text: str) -> None:
    before = open_descriptors()
    assert content(root, name) == text
    assert open_descriptors() == before


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/", "/a.txt", "a.txt/", "x//y/deep.txt", "./a.txt", "x/../a.txt", "../secret.txt", "x/..",
     "x", "x/y", "missing", "x/missing/deep.txt", "a.txt/b", "a\0.txt", "\udc80", "n" * 300],
)  # fmt: skip
def test_what_is_no_file_below_is_not_opened_and_leaves_nothing_open(root: Path, name: str) -> None:
    before = open_descriptors()
    assert find_below(root, name) is None
    assert open_descriptors() == before
    with pytest.raises((OSError, ValueError)):
        open_below(root, name)
    assert open_descriptors() == before


LINKS: list[Callable[[Path], object]] = [
    lambda root: (root / "link").symlink_to("../secret.txt"),
    lambda root: (root / "link").symlink_to("a.txt"),
    lambda root: (root / "link").symlink_to("/etc/passwd"),
    lambda root: (root / "link").symlink_to("nowhere"),
    lambda root: os.mkfifo(root / "link"),
    lambda root: (root / "link").mkdir(),
]


@pytest.mark.parametrize("make", LINKS)
def test_neither_links_nor_pipes_are_opened(root: Path, make: Callable[[Path], object]) -> None:
    make(root)
    before = open_descriptors()
    assert find_below(root, "link") is None
    assert open_descriptors() == before


def test_a_folder_on_the_way_must_be_no_link_either(root: Path) -> None:
    (root / "out").symlink_to("..")
    (root / "z").symlink_to("x")
    assert content(root, "out/secret.txt") is None
    assert content(root, "z/y/deep.txt") is None
    assert content(root, "x/y/deep.txt") == "deep"


def test_the_directory_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(root)
    assert content(tmp_path / "here", "a.txt") == "a"


def test_a_directory_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert find_below(tmp_path / "no", "a.txt") is None
    assert find_below(tmp_path / "secret.txt", "a.txt") is None


# By its path


def test_by_its_path_a_file_is_opened_wherever_links_lead(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to("../secret.txt")
    opened = find_file(root / "link")
    assert opened is not None
    with opened[0] as file:
        assert file.read() == b"secret"


@pytest.mark.parametrize("name", ["missing", "x", "dangling", "pipe", "a\0b"])
def test_by_its_path_only_a_regular_file_is_opened(root: Path, name: str) -> None:
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    before = open_descriptors()
    assert find_file(root / name) is None
    assert open_descriptors() == before
