"""Files that only the account of this process can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from openviper.utils.private_files import create_private, ensure_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_private_whatever_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_private(tmp_path / "one")
        ensure_private(str(tmp_path / "two"))
    finally:
        os.umask(before)
    assert (mode(tmp_path / "one"), mode(tmp_path / "two")) == (0o600, 0o600)


def test_a_file_that_is_there_keeps_its_mode_and_content(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    path.write_text("rows")
    path.chmod(0o640)
    ensure_private(path)
    assert (mode(path), path.read_text()) == (0o640, "rows")
    with pytest.raises(FileExistsError):
        create_private(path)


def test_what_cannot_be_made_is_left_to_who_opens_it(tmp_path: Path) -> None:
    ensure_private(tmp_path / "missing" / "file")
    ensure_private(tmp_path)
    assert list(tmp_path.iterdir()) == []
