from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from openviper.utils import resources
from openviper.utils.resources import is_directory, is_file, list_names, on_disk, read_bytes

FILES = {
    "app/__init__.py": "",
    "app/schemas/A.json": "{}",
    "app/static/css/a.css": "a",
    "top.txt": "t",
}


@pytest.fixture(params=["disk", "archive"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same files on the disk and in an archive; both are read alike."""
    if request.param == "disk":
        for name, text in FILES.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path
    with ZipFile(tmp_path / "all.pyz", "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    return tmp_path / "all.pyz"


def test_names_are_listed(place: Path) -> None:
    assert sorted(list_names(place / "app")) == ["__init__.py", "schemas", "static"]
    with pytest.raises(FileNotFoundError):
        list_names(place / "gone")


def test_files_are_read(place: Path) -> None:
    assert read_bytes(place / "app/schemas/A.json") == b"{}"
    with pytest.raises(FileNotFoundError):
        read_bytes(place / "app/gone.json")


def test_files_and_folders_are_told_apart(place: Path) -> None:
    assert is_file(place / "app/schemas/A.json") and not is_directory(place / "app/schemas/A.json")
    assert is_directory(place / "app/schemas") and not is_file(place / "app/schemas")
    assert not is_file(place / "gone") and not is_directory(place / "gone")


def test_a_folder_can_be_had_on_the_disk(place: Path) -> None:
    assert (on_disk(place / "app/static") / "css/a.css").read_text() == "a"
    assert on_disk(place / "app/static") == on_disk(place / "app/static")


def test_below_an_ordinary_file_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("hello")
    assert not is_file(tmp_path / "plain.txt/inner")
    with pytest.raises(NotADirectoryError):
        read_bytes(tmp_path / "plain.txt/inner")
    with pytest.raises(NotADirectoryError):
        list_names(tmp_path / "plain.txt/inner")


def test_an_entry_that_leads_outside_is_not_unpacked(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "bad.pyz", "w") as archive:
        archive.writestr("static/../../evil.txt", "x")
        archive.writestr("static/good.txt", "x")
    folder = on_disk(tmp_path / "bad.pyz/static")
    assert [path.name for path in folder.rglob("*")] == ["good.txt"]
    assert not (folder.parent / "evil.txt").exists()


def test_what_was_unpacked_is_gone_at_the_end_and_a_child_leaves_it_alone(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.pyz", "w") as archive:
        archive.writestr("static/a.txt", "x")
    code = (
        "import os, sys; from openviper.utils.resources import on_disk; folder = on_disk(sys.argv[1])\n"
        "child = os.fork()\nif child == 0: sys.exit(0)\nos.waitpid(child, 0)\n"
        "print(folder, (folder / 'a.txt').exists())"
    )
    root = str(Path(resources.PACKAGE_PLACE).parent)
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.pyz/static")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": root, "TMPDIR": str(tmp_path)},
    )
    folder, there = result.stdout.split()
    assert there == "True"
    assert not Path(folder).exists()


def test_the_library_is_the_package_alone_unless_it_is_vendored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resources.library_place() == resources.PACKAGE_PLACE
    monkeypatch.setattr(resources, "PACKAGE_PLACE", str(tmp_path / "vendor/openviper"))
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/VENDOR.json").touch()
    assert resources.library_place() == str(tmp_path / "vendor")
