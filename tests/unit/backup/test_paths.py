"""What may come in from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openviper.backup.paths import (
    MAX_NAME_LENGTH,
    ValidationError,
    validate_archive_member,
    validate_backup_file,
    validate_backup_name,
    validate_backup_path,
)
from openviper.exceptions import OpenViperException


def test_its_error_is_ours_and_a_value_error() -> None:
    assert issubclass(ValidationError, OpenViperException) and issubclass(
        ValidationError, ValueError
    )


@pytest.mark.parametrize("path", ["../x", "a/../b", "..", "/srv/../etc"])
def test_directories_and_files_with_dots_are_refused(path: str) -> None:
    for validate in (validate_backup_path, validate_backup_file):
        with pytest.raises(ValidationError, match="^Path traversal detected"):
            validate(path)


def test_a_null_byte_is_refused() -> None:
    for validate in (validate_backup_path, validate_backup_file, validate_backup_name):
        with pytest.raises(ValidationError, match="^Null byte detected"):
            validate("a\0b")


def test_the_root_of_the_file_system_is_no_backup_directory(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")
    for path in ("/", tmp_path / "link"):
        with pytest.raises(ValidationError, match="root"):
            validate_backup_path(path)


def test_a_missing_backup_directory_is_fine_and_a_file_is_not(tmp_path: Path) -> None:
    assert validate_backup_path(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "file").touch()
    with pytest.raises(ValidationError, match="not a directory"):
        validate_backup_path(tmp_path / "file")


def test_a_relative_path_is_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert validate_backup_path("./backup") == tmp_path / "backup"


def test_a_backup_file_must_exist_and_be_regular(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="^Backup file not found"):
        validate_backup_file(tmp_path / "missing.tar.gz")
    with pytest.raises(ValidationError, match="not a regular file"):
        validate_backup_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValidationError, match="not a regular file"):
        validate_backup_file(tmp_path / "pipe")
    with pytest.raises(ValidationError, match="empty"):
        validate_backup_file("")


def test_an_unreadable_backup_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.tar.gz").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ValidationError, match="not readable"):
        validate_backup_file(tmp_path / "a.tar.gz")


@pytest.mark.parametrize("name", ["nightly", "a.b-c_d", "2025", "_x"])
def test_ordinary_names_pass(name: str) -> None:
    assert validate_backup_name(name) == name


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "a\\b", "x..y"])
def test_a_name_cannot_leave_the_directory(name: str) -> None:
    with pytest.raises(ValidationError, match="^Path traversal detected"):
        validate_backup_name(name)


@pytest.mark.parametrize(
    "name", ["", ".hidden", "-option", "a b", "ä", "a\n", "x" * (MAX_NAME_LENGTH + 1)]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="^Invalid backup name"):
        validate_backup_name(name)


def test_archive_members_stay_inside(tmp_path: Path) -> None:
    assert validate_archive_member("./a/b", tmp_path) == tmp_path / "a" / "b"
    for name in ("../a", "a/../../b", "/etc/passwd", ".", "a/../b"):
        with pytest.raises(ValidationError, match="^Path traversal detected"):
            validate_archive_member(name, tmp_path)
    with pytest.raises(ValidationError, match="^Null byte detected"):
        validate_archive_member("a\0", tmp_path)
