"""Refusing files that are not dumps of ours, told by how they begin, and statements that a dump does not need."""

from __future__ import annotations

from pathlib import Path

from openviper.backup.exceptions import BackupError

_BEGINNINGS = (
    (b"PGDMP", "a custom-format dump of pg_dump; turn it into SQL with pg_restore -f FILE.sql"),
    (b"\x1f\x8b", "a gzip file; unpack it with gunzip"),
    (b"PK\x03\x04", "a zip file; unpack it with unzip"),
    (b"BZh", "a bzip2 file; unpack it with bunzip2"),
    (b"\xfd7zXZ\x00", "an xz file; unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it with unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file; unpack it"),
    (b"SQLite format 3\x00", "an SQLite database, not an SQL text"),
    (b"\xff\xfe", "a text in UTF-16; save it in UTF-8"),
    (b"\xfe\xff", "a text in UTF-16; save it in UTF-8"),
)
_TAR_MAGIC_AT = 257


def refuse_foreign(dump: Path, *, but: bytes = b"") -> None:
    """Refuse a file that is not SQL text, with a word on what it is and what to do.

    Args:
        dump: The file.
        but: A beginning that is welcome here.

    Raises:
        BackupError: If it is something else.
    """
    with open(dump, "rb") as file:
        head = file.read(512)
    for beginning, what in _BEGINNINGS:
        if head.startswith(beginning) and beginning != but:
            raise BackupError(f"{dump.name!r} is {what}")
    if head[_TAR_MAGIC_AT:].startswith(b"ustar"):
        raise BackupError(f"{dump.name!r} is a tar archive; take the dump out of it with tar -xf")


def refusal(dump: str, line: int, what: str, why: str) -> BackupError:
    """Return the error for something in a dump that a restore refuses.

    Args:
        dump: The dump's name.
        line: The line.
        what: What it is.
        why: What it could do.
    """
    return BackupError(
        f"the SQL text {dump!r} holds {what} in line {line}, which a restore refuses: {why}"
    )
