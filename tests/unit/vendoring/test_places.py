from __future__ import annotations

import os
import struct
import warnings
import zipimport
import zlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from openviper.vendoring import places
from openviper.vendoring.checking import check_tree
from openviper.vendoring.exceptions import DamagedFileError, VendorError
from openviper.vendoring.places import Place, manifest_of, open_place
from openviper.vendoring.writing import write_archive, write_folder
from tests.unit.vendoring.trees import SOURCE, small_tree


@pytest.fixture(params=["folder", "archive"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """One tree in each kind of place; both keep the same promises."""
    target = tmp_path / "tree"
    if request.param == "folder":
        write_folder(small_tree(), target)
    else:
        write_archive(small_tree(), target)
    return open_place(target)


def test_all_files_are_named_and_read(place: Place) -> None:
    assert set(place.names()) == set(small_tree())
    assert place.read("parrot/__init__.py") == SOURCE


@pytest.mark.parametrize("name", ["gone", "parrot", "parrot/__init__.py/deeper", "../tree"])
def test_what_is_no_file_is_none(place: Place, name: str) -> None:
    assert place.read(name) is None


def test_the_manifest_is_found(place: Place) -> None:
    assert (
        manifest_of(place)[0] == small_tree().manifest
        or manifest_of(place)[1] == small_tree()["VENDOR.json"]
    )
    assert check_tree(place).is_intact


def test_a_file_larger_than_a_tree_may_hold_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MAX_FILE", 10)
    with pytest.raises(VendorError, match="more than the 10 that a tree may hold"):
        place.read("parrot/__init__.py")


def test_what_is_not_there_or_neither_folder_nor_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VendorError, match="there is no folder or archive"):
        open_place(tmp_path / "gone")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(VendorError, match="is neither a folder nor an archive"):
        open_place(tmp_path / "text")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(VendorError, match="there is no folder or archive"):
        open_place(tmp_path / "pipe")


def test_a_damaged_file_in_an_archive_is_told_by_name(tmp_path: Path) -> None:
    write_archive(small_tree(), tmp_path / "a.pyz")
    content = bytearray((tmp_path / "a.pyz").read_bytes())
    with ZipFile(tmp_path / "a.pyz") as archive:
        offset = archive.getinfo("parrot/__init__.py").header_offset + 60
    content[offset : offset + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "a.pyz").write_bytes(content)
    place = open_place(tmp_path / "a.pyz")
    with pytest.raises(DamagedFileError, match="cannot unpack 'parrot/__init__.py'"):
        place.read("parrot/__init__.py")
    # It is named like any other change, and the others are looked at too.
    assert check_tree(place).changed == ["parrot/__init__.py"]


GOOD, EVIL = b"x = 1\n", b"x = 2\n"


def packed(path: Path, entries: list[tuple[str, bytes]]) -> bytearray:
    """Write an archive and return its bytes, to be forged."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # About names that are there twice.
        for name, content in entries:
            archive.writestr(name, content)
    return bytearray(path.read_bytes())


@pytest.mark.parametrize(
    ("second", "problem"),
    [("a.py", "'a.py' is in it twice"), ("a.py\0", r"'a.py\\x00' passes for 'a.py'")],
)
def test_an_archive_with_two_files_of_one_name_is_refused(
    tmp_path: Path, second: str, problem: str
) -> None:
    path = tmp_path / "a.pyz"
    content = packed(path, [("a.py", EVIL), (second.replace("\0", "!"), GOOD)])
    path.write_bytes(content.replace(b"a.py!", b"a.py\0"))
    with pytest.raises(VendorError, match=rf"is not packed as .* packs: {problem}"):
        list(open_place(path).names())


def test_an_archive_with_a_second_directory_is_refused(tmp_path: Path) -> None:
    """`zipfile` would read the one that a zip64 locator points to, `zipimport` the plain one."""
    path = tmp_path / "a.pyz"
    content = packed(path, [("a.py", GOOD)])
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, end - start, start
    ) + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    path.write_bytes(content[:end] + record + content[end:])
    with pytest.raises(VendorError, match="the directory is not the plain one at its end"):
        list(open_place(path).names())


def test_an_archive_with_something_behind_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pyz"
    path.write_bytes(packed(path, [("a.py", GOOD)]) + b"more")
    with pytest.raises(VendorError, match="the directory is not the plain one at its end"):
        list(open_place(path).names())


def test_a_file_that_goes_on_behind_its_noted_length_is_a_change(tmp_path: Path) -> None:
    """`zipfile` stops at the length that the directory tells, `zipimport` at the end of what is packed."""
    path = tmp_path / "a.pyz"
    content = packed(path, [("a.py", GOOD + EVIL)])
    entry = content.index(b"PK\1\2")
    struct.pack_into("<L", content, entry + 16, zlib.crc32(GOOD))
    struct.pack_into("<L", content, entry + 24, len(GOOD))
    path.write_bytes(content)
    with ZipFile(path) as archive:
        assert archive.read("a.py") == GOOD
    assert zipimport.zipimporter(str(path)).get_data("a.py") == GOOD + EVIL
    with pytest.raises(DamagedFileError, match=r"Python would import something else as 'a\.py'"):
        open_place(path).read("a.py")


def test_an_archive_is_opened_once_for_all_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(small_tree(), tmp_path / "a.pyz")
    opened: list[str] = []

    def open_once(path: str) -> ZipFile:
        opened.append(path)
        return ZipFile(path)

    monkeypatch.setattr(places, "ZipFile", open_once)
    assert check_tree(open_place(tmp_path / "a.pyz")).is_intact
    assert len(opened) == 1


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(small_tree(), tmp_path / "vendor")

    def refuse(_path: object, **_options: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(VendorError, match=r"cannot read '.*VENDOR.json': Permission denied"):
        check_tree(open_place(tmp_path / "vendor"))
