"""Files that are no dump of ours, told by how they begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.backup.engines.foreign import refusal, refuse_foreign
from openviper.backup.exceptions import BackupError


@pytest.mark.parametrize(
    ("head", "advice"),
    [
        (b"PGDMP\x01", "pg_restore -f FILE.sql"),
        (b"\x1f\x8b\x08", "gunzip"),
        (b"PK\x03\x04", "unzip"),
        (b"BZh9", "bunzip2"),
        (b"\xfd7zXZ\x00", "unxz"),
        (b"\x28\xb5\x2f\xfd", "unzstd"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"SQLite format 3\x00", "an SQLite database"),
        ("SELECT 1;".encode("utf-16-le").join([b"\xff\xfe", b""]), "save it in UTF-8"),
        (b"\xfe\xff\x00S", "save it in UTF-8"),
        (b"a.sql".ljust(257, b"\0") + b"ustar\x0000", "tar -xf"),
    ],
)
def test_a_foreign_file_is_refused_with_what_to_do(
    tmp_path: Path, head: bytes, advice: str
) -> None:
    file = tmp_path / "x.sql"
    file.write_bytes(head)
    with pytest.raises(BackupError, match="^'x.sql' is ") as caught:
        refuse_foreign(file)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"-- a dump",
        b"PGDM",
        b"SQLite format 3",
        b" \x1f\x8b",
        b"ustar",
        b"x" * 256 + b"ustar",
        b"\xef\xbb\xbfSELECT",
    ],
)
def test_anything_else_may_be_sql(tmp_path: Path, head: bytes) -> None:
    file = tmp_path / "x.sql"
    file.write_bytes(head)
    refuse_foreign(file)


def test_one_beginning_may_be_welcome_and_only_that(tmp_path: Path) -> None:
    file = tmp_path / "x.sql"
    file.write_bytes(b"SQLite format 3\x00")
    refuse_foreign(file, but=b"SQLite format 3\x00")
    with pytest.raises(BackupError):
        refuse_foreign(file, but=b"PGDMP")


def test_a_refusal_names_dump_line_and_reason() -> None:
    assert str(refusal("a.sql", 7, "USE", "it leaves the target")) == (
        "the SQL text 'a.sql' holds USE in line 7, which a restore refuses: it leaves the target"
    )
