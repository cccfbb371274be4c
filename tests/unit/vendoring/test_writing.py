from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from openviper.vendoring import writing
from openviper.vendoring.building import Tree
from openviper.vendoring.checking import check_tree
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.places import open_place
from openviper.vendoring.writing import (
    archive_bytes,
    prove,
    replace_folder,
    write_archive,
    write_folder,
    zip_bytes,
)
from tests.unit.vendoring.trees import small_tree


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_tree_is_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_folder(small_tree(), tmp_path / "vendor")
    assert names(tmp_path) == ["vendor"]
    assert check_tree(open_place(tmp_path / "vendor")).is_intact


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    write_folder(small_tree(), tmp_path / "vendor")
    assert (tmp_path / "vendor/VENDOR.json").is_file()


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/mine.py").touch()
    with pytest.raises(VendorError, match="exists and is not empty$"):
        write_folder(small_tree(), tmp_path / "vendor")
    write_folder(small_tree(), tmp_path / "tree")
    with pytest.raises(VendorError, match="exists and is not empty; --update replaces it"):
        write_folder(small_tree(), tmp_path / "tree")
    (tmp_path / "file").touch()
    with pytest.raises(VendorError, match="exists and is not a folder"):
        write_folder(small_tree(), tmp_path / "file")
    with pytest.raises(VendorError, match="the folder .*gone' does not exist"):
        write_folder(small_tree(), tmp_path / "gone/vendor")


def test_a_tree_that_cannot_be_imported_is_not_written(tmp_path: Path) -> None:
    broken = small_tree(source=b"import a_module_that_is_nowhere\n")
    with pytest.raises(VendorError, match="would not work on its own: .*a_module_that_is_nowhere"):
        write_folder(broken, tmp_path / "vendor")
    with pytest.raises(VendorError, match="would not work on its own"):
        write_archive(broken, tmp_path / "one.pyz")
    assert names(tmp_path) == []


def test_the_proof_sees_neither_installed_packages_nor_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "helper.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for source in (b"import helper\n", b"import pytest\n"):
        with pytest.raises(VendorError, match="would not work on its own"):
            write_folder(small_tree(source=source), tmp_path / "vendor")


def test_where_no_process_can_be_started_nothing_is_proven_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-such-python"))
    with pytest.raises(VendorError, match="cannot prove that the tree works"):
        write_folder(small_tree(), tmp_path / "vendor")
    assert names(tmp_path) == []


def test_the_proof_leaves_no_compiled_files(tmp_path: Path) -> None:
    write_folder(small_tree(), tmp_path / "vendor")
    prove(tmp_path / "vendor", ("parrot",))
    assert list(tmp_path.rglob("*.pyc")) == []


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    write_folder(small_tree(), tmp_path / "vendor")
    return tmp_path / "vendor"


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_newer_tree_takes_the_place_of_an_older(
    vendor: Path, can_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_exchange:
        monkeypatch.setattr(writing, "_exchange", lambda _first, _second: False)
    replace_folder(small_tree("2.0", perch=b"x = 1\n"), vendor)
    assert (vendor / "perch/__init__.py").is_file()
    assert check_tree(open_place(vendor)).is_intact
    assert names(vendor.parent) == ["vendor"]


def test_where_the_new_one_cannot_be_put_the_old_one_stays(
    vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_exchange", lambda _first, _second: False)
    real = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if path.name.endswith(".partial"):
            raise OSError(5, "Input/output error")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="Input/output"):
        replace_folder(small_tree("2.0"), vendor)
    assert check_tree(open_place(vendor)).is_intact
    assert names(vendor.parent) == ["vendor"]


def test_changes_by_hand_are_not_lost_unasked(vendor: Path) -> None:
    (vendor / "parrot/__init__.py").write_bytes(b"patched = True\n")
    with pytest.raises(
        VendorError, match=r"would be lost: changed: 'parrot/__init__\.py'; --force"
    ):
        replace_folder(small_tree("2.0"), vendor)
    replace_folder(small_tree("2.0"), vendor, force=True)
    assert check_tree(open_place(vendor)).is_intact


def test_caches_that_python_made_do_not_hinder(vendor: Path) -> None:
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(vendor)], check=True)
    replace_folder(small_tree("2.0"), vendor)
    assert list(vendor.rglob("*.pyc")) == []


def test_a_folder_that_is_no_tree_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/work").touch()
    with pytest.raises(VendorError, match="there is no VENDOR.json"):
        replace_folder(small_tree(), tmp_path / "home", force=True)
    assert (tmp_path / "home/work").exists()


def test_a_link_is_not_replaced(vendor: Path) -> None:
    link = vendor.with_name("link")
    link.symlink_to(vendor)
    with pytest.raises(VendorError, match="is a link"):
        replace_folder(small_tree(), link)


@pytest.mark.parametrize("target", [".", "sub/..", "/"])
def test_a_folder_without_a_name_of_its_own_is_no_target(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    for write in (write_folder, replace_folder):
        with pytest.raises(VendorError, match="has no name of its own"):
            write(small_tree(), Path(target))
    assert names(tmp_path) == ["sub"]


def test_a_link_to_an_empty_folder_is_not_filled(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(VendorError, match="is a link; name the folder"):
        write_folder(small_tree(), tmp_path / "link")


def test_of_many_changes_by_hand_a_few_are_named(vendor: Path) -> None:
    for number in range(9):
        (vendor / f"note{number}").touch()
    with pytest.raises(VendorError, match=r"'note4', and 4 more; --force replaces it$"):
        replace_folder(small_tree("2.0"), vendor)


def test_a_tree_that_does_not_work_replaces_nothing(vendor: Path) -> None:
    with pytest.raises(VendorError, match="would not work"):
        replace_folder(small_tree("2.0", source=b"1 / 0\n"), vendor)
    assert check_tree(open_place(vendor)).is_intact


def test_an_archive_runs_and_can_be_imported(tmp_path: Path) -> None:
    target = tmp_path / "one.pyz"
    write_archive(small_tree(), target)
    ran = subprocess.run([sys.executable, "-I", target], capture_output=True, text=True, check=True)
    assert ran.stdout == "ran\n"
    code = f"import sys; sys.path.insert(0, {str(target)!r}); import parrot; print(parrot.ask())"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "42\n"
    assert target.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert names(tmp_path) == ["one.pyz"]


def test_the_mode_of_an_archive_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_archive(small_tree(), tmp_path / "one.pyz")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "one.pyz").stat().st_mode) == 0o700


def test_an_archive_is_replaced_only_when_told_so(tmp_path: Path) -> None:
    target = tmp_path / "one.pyz"
    write_archive(small_tree(), target)
    with pytest.raises(VendorError, match="exists; --update replaces it"):
        write_archive(small_tree("2.0"), target)
    write_archive(small_tree("2.0"), target, replace=True)
    assert target.read_bytes() == archive_bytes(small_tree("2.0"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(VendorError, match="is a folder"):
        write_archive(small_tree(), tmp_path / "folder", replace=True)
    with pytest.raises(VendorError, match="does not exist"):
        write_archive(small_tree(), tmp_path / "gone/one.pyz")


def test_equal_trees_give_equal_archives_whatever_the_order() -> None:
    tree = small_tree()
    assert archive_bytes(tree) == archive_bytes(small_tree())
    assert zip_bytes(dict(reversed(tree.items()))) == zip_bytes(tree)


def test_the_time_in_an_archive_is_the_one_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for epoch, year in (("", 1980), ("0", 1980), ("1700000000", 2023)):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        (tmp_path / "a.zip").write_bytes(zip_bytes(small_tree()))
        with ZipFile(tmp_path / "a.zip") as archive:
            assert {info.date_time[0] for info in archive.infolist()} == {year}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "x")
    with pytest.raises(VendorError, match="SOURCE_DATE_EPOCH"):
        zip_bytes(small_tree())


@pytest.mark.parametrize("write", [write_folder, write_archive])
def test_a_full_disk_is_reported_with_what_was_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Tree, Path], None]
) -> None:
    def refuse(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError, match="No space") as caught:
        write(small_tree(), tmp_path / "it")
    assert caught.value.filename == str(tmp_path / "it")
    assert list(tmp_path.iterdir()) == []
