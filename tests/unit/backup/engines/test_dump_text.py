"""A dump as a text that lies in its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.backup.engines.dump_text import WINDOW, blank_out, open_text, private_copy
from openviper.backup.engines.foreign import refuse_foreign
from openviper.backup.exceptions import BackupError


def test_what_was_let_go_of_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.sql"
    path.write_bytes(b"x" * (3 * WINDOW) + b"\nend")
    with open_text(path) as text:
        text.forget(2 * WINDOW + 5)
        assert text.text[:3] == b"xxx" and text.text[-3:] == b"end"
        assert text.line_of(len(text.text) - 1) == 2


@pytest.mark.parametrize(("position", "line"), [(0, 1), (1, 1), (2, 2), (5, 4)])
def test_lines_are_counted_from_one(tmp_path: Path, position: int, line: int) -> None:
    path = tmp_path / "a.sql"
    path.write_bytes(b"a\nb\n\nc")
    with open_text(path) as text:
        assert text.line_of(position) == line


def test_parts_are_taken_out_and_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.sql"
    path.write_bytes(b"keep\nCOMMENT 'a\r\nb';\nkeep")
    blank_out(path, [(5, 20)])
    assert path.read_bytes() == b"keep\n" + b" " * 10 + b"\r\n" + b" " * 3 + b"\nkeep"


def test_a_dump_of_somebody_else_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    theirs, ours = tmp_path / "a.sql", tmp_path / "work" / "b.sql"
    for path in (theirs, ours):
        path.write_text("SELECT 1;")
    copy = private_copy(theirs, tmp_path / "work")
    assert copy.parent == tmp_path / "work" and copy.stat().st_mode & 0o777 == 0o600
    assert private_copy(ours, tmp_path / "work") == ours


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"PGDMP\x01\x0e", "pg_restore -f"),
        (b"\x1f\x8b\x08", "gunzip"),
        (b"PK\x03\x04", "unzip"),
        (b"BZh9", "bunzip2"),
        (b"\xfd7zXZ\x00", "unxz"),
        (b"\x28\xb5\x2f\xfd", "unzstd"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\xff\xfeS\x00", "UTF-16"),
        (b"x" * 257 + b"ustar", "tar -xf"),
    ],
)
def test_a_file_of_another_form_is_named_for_what_it_is(
    tmp_path: Path, head: bytes, message: str
) -> None:
    path = tmp_path / "a.sql"
    path.write_bytes(head + b"rest")
    with pytest.raises(BackupError, match=message):
        refuse_foreign(path)


def test_a_text_is_welcome(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- a dump\n")
    refuse_foreign(tmp_path / "a.sql")
