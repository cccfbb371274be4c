"""Files that a reader sees all of, or nothing."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from openviper.utils.atomic_files import atomic_write, naming, sync_directory


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_appears_whole_and_under_its_name_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic_write(path) as file:
        file.write(b"first ")
        file.flush()
        assert not path.exists()
        file.write(b"second")
    assert path.read_bytes() == b"first second"
    assert names(tmp_path) == ["a.txt"]


def test_an_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    before = path.stat().st_ino
    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_ino != before


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)), atomic_write(path) as file:
        file.write(b"half")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666])
def test_the_permissions_are_those_asked_for_from_the_beginning(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.txt"
    before = os.umask(0o077)
    try:
        with atomic_write(path, mode=mode) as file:
            assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_what_was_written_can_be_read_back_before_the_end(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a") as file:
        file.write(b"abc")
        file.seek(1)
        assert file.read() == b"bc"


def test_two_writers_do_not_get_into_each_others_way(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic_write(path) as one:
        one.write(b"one")
        with atomic_write(path) as other:
            other.write(b"other")
        assert path.read_bytes() == b"other"
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a.txt"]


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "a.txt").symlink_to("target")
    with atomic_write(tmp_path / "a.txt") as file:
        file.write(b"new")
    assert (tmp_path / "target").read_text() == "kept"
    assert not (tmp_path / "a.txt").is_symlink()


def test_a_place_that_cannot_be_written_to_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "no" / "a.txt"):
        raise AssertionError("opened")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError), atomic_write(tmp_path / "folder") as file:
        file.write(b"x")
    assert names(tmp_path) == ["folder"]


def test_a_directory_can_be_flushed_and_one_that_is_not_there_cannot(tmp_path: Path) -> None:
    sync_directory(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_directory(tmp_path / "no")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_reported_with_the_name_of_the_file(tmp_path: Path, code: int) -> None:
    with pytest.raises(OSError) as caught, atomic_write(tmp_path / "a.txt"):
        raise OSError(code, os.strerror(code))
    assert str(caught.value).endswith(f": {str(tmp_path / 'a.txt')!r}")


def test_a_hidden_name_is_not_what_an_error_has(tmp_path: Path) -> None:
    path = tmp_path / "nowhere/a.txt"
    with pytest.raises(FileNotFoundError) as caught, atomic_write(path):
        pass
    assert caught.value.filename == str(path) and "None" not in str(caught.value)
    (tmp_path / "taken/deep").mkdir(parents=True)
    with pytest.raises(OSError) as other, atomic_write(tmp_path / "taken") as file:
        file.write(b"x")
    # A rename has two names.
    assert (other.value.filename, other.value.filename2) == (str(tmp_path / "taken"), None)
    assert str(other.value).endswith(f": {str(tmp_path / 'taken')!r}")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(errno.ECONNRESET, "reset"),
        OSError(errno.EIO, "reading failed"),
        FileNotFoundError(errno.ENOENT, "gone", "other.txt"),
        OSError("in words"),
    ],
)
def test_what_has_nothing_to_do_with_the_file_keeps_its_name(
    tmp_path: Path, error: OSError
) -> None:
    name = error.filename
    with pytest.raises(OSError), naming(tmp_path / "a.txt", tmp_path / "hidden"):
        raise error
    assert error.filename == name
