"""One writer at a time, and order after those that were killed."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from openviper.vendoring.checking import check_tree
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.places import open_place
from openviper.vendoring.turns import turn
from openviper.vendoring.writing import replace_folder, write_archive, write_folder
from tests.unit.vendoring.trees import small_tree

ROOT = Path(__file__).resolve().parents[3]
KILLED = """
import os, sys
from pathlib import Path
from openviper.vendoring import writing
from tests.unit.vendoring.trees import small_tree

target, place, name, can_exchange = Path(sys.argv[1]), *sys.argv[2:]
writing.prove = lambda _place, _modules: None
if not can_exchange:
    writing._exchange = lambda _first, _second: False
real, calls = Path.rename, []


def second(path, to):
    calls.append(path)
    return os._exit(9) if len(calls) == 2 else real(path, to)


owner = {"writing": writing, "Path": Path, "shutil": writing.shutil, "os": os}[place]
setattr(owner, name, second if name == "rename" else lambda *_arguments, **_options: os._exit(9))
if target.suffix:
    writing.write_archive(small_tree("2.0", perch=b"x = 1"), target, replace=True)
else:
    writing.replace_folder(small_tree("2.0", perch=b"x = 1"), target)
"""
"""A writer that is killed where it calls a function: at the second call of `Path.rename`, else at the first."""


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def version(place: Path) -> str:
    """Return the version of a tree that is proven intact."""
    assert check_tree(open_place(place)).is_intact
    return "2.0" if open_place(place).read("perch/__init__.py") is not None else "1.0"


def kill(target: Path, place: str, name: str, *, can_exchange: bool = True) -> None:
    """Run a writer that ends, as if by ``kill -9``, where it calls a function."""
    flag = "1" if can_exchange else ""
    command = [sys.executable, "-c", KILLED, str(target), place, name, flag]
    assert subprocess.run(command, cwd=ROOT).returncode == 9


@pytest.mark.one_version
@pytest.mark.parametrize(
    ("place", "name", "can_exchange", "left"),
    [
        ("writing", "prove", True, "1.0"),
        ("writing", "_exchange", True, "1.0"),
        ("shutil", "rmtree", True, "2.0"),
        ("Path", "rename", False, None),
        ("shutil", "rmtree", False, "2.0"),
    ],
    ids=["written", "proven", "exchanged", "between two steps", "after two steps"],
)
def test_a_folder_whose_writer_was_killed_is_old_or_new_and_the_next_run_makes_order(
    tmp_path: Path, place: str, name: str, can_exchange: bool, left: str | None
) -> None:
    target = tmp_path / "vendor"
    write_folder(small_tree(), target)
    kill(target, place, name, can_exchange=can_exchange)
    assert (version(target) if target.exists() else None) == left
    assert len(names(tmp_path)) == 2
    replace_folder(small_tree("2.0", perch=b"x = 1"), target)
    assert version(target) == "2.0"
    assert names(tmp_path) == ["vendor"]


@pytest.mark.one_version
@pytest.mark.parametrize(("place", "name"), [("writing", "prove"), ("os", "replace")])
def test_an_archive_whose_writer_was_killed_is_the_old_one(
    tmp_path: Path, place: str, name: str
) -> None:
    target = tmp_path / "one.pyz"
    write_archive(small_tree(), target)
    kill(target, place, name)
    assert version(target) == "1.0" and len(names(tmp_path)) == 2
    write_archive(small_tree("2.0", perch=b"x = 1"), target, replace=True)
    assert version(target) == "2.0" and names(tmp_path) == ["one.pyz"]


def test_of_two_that_write_the_same_folder_one_is_told_that_it_exists(tmp_path: Path) -> None:
    told: list[str] = []

    def write() -> None:
        try:
            write_folder(small_tree(), tmp_path / "vendor")
        except VendorError as error:
            told.append(str(error))

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 2 and all("exists and is not empty; --update" in text for text in told)
    assert names(tmp_path) == ["vendor"] and version(tmp_path / "vendor") == "1.0"


def test_only_what_has_the_name_of_a_killed_writer_is_cleared_away(tmp_path: Path) -> None:
    kept = [".vendor.partial", ".vendor.12345678.partial~", ".vendor2.12345678.partial", "notes"]
    for name in [*kept, ".vendor.12345678.partial", ".vendor.12345678.proof.pyz"]:
        (tmp_path / name).touch()
    (tmp_path / ".vendor.00000000.partial").symlink_to(tmp_path / "notes")
    with turn(tmp_path / "vendor"):
        assert names(tmp_path) == sorted(kept)


def test_of_several_old_trees_none_is_chosen_or_deleted(tmp_path: Path) -> None:
    for number in ("00000001", "00000002"):
        write_folder(small_tree(), tmp_path / f".vendor.{number}.partial.old")
    with turn(tmp_path / "vendor"):
        assert len(names(tmp_path)) == 2
    with pytest.raises(VendorError, match="there is no folder or archive"):
        replace_folder(small_tree(), tmp_path / "vendor")


def test_without_locks_nothing_is_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".vendor.12345678.partial").mkdir()
    write_folder(small_tree(), tmp_path / "vendor")
    assert names(tmp_path) == [".vendor.12345678.partial", "vendor"]
