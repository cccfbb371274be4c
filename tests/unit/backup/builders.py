"""Databases and archives that tests make."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path


def make_database(
    path: Path, names: tuple[str, ...] = ("Ada", "Grace"), *, journal_mode: str = "delete"
) -> Path:
    """Make a database with one table of names."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal_mode}")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        connection.executemany("INSERT INTO person (name) VALUES (?)", [(name,) for name in names])
        connection.execute("COMMIT")
    return path


def names_in(path: Path) -> list[str]:
    """Return the names in a database, after checking its integrity."""
    with open_database(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in connection.execute("SELECT name FROM person ORDER BY id")]


@contextlib.contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database in autocommit mode and close it at the end."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0.1)) as connection:
        yield connection


def url_of(path: Path) -> str:
    """Return the URL of a database file."""
    return f"sqlite:///{path}"


def make_tar_gz(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """Make an archive with the standard library, of any members."""
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def regular(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """Return a regular file for `make_tar_gz`."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def special(name: str, kind: bytes, linkname: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """Return a link, device or directory for `make_tar_gz`."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = linkname
    return info, b""


def gzip_member_borders(data: bytes) -> list[int]:
    """Return the offsets at which a gzip member of `data` ends."""
    borders = []
    rest = data
    while rest:
        decoder = zlib.decompressobj(31)
        decoder.decompress(rest)
        rest = decoder.unused_data
        borders.append(len(data) - len(rest))
    return borders
