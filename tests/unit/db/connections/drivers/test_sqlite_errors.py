"""What an error of SQLite becomes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from openviper.db.connections.drivers.sqlite_errors import translate
from openviper.db.exceptions import DatabaseError, OperationalError


def caught(path: Path, sql: str) -> sqlite3.Error:
    """Return the error of a statement on a database that may only be read."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        with pytest.raises(sqlite3.Error) as raised:
            connection.execute(sql)
        return raised.value


def test_what_is_wrong_with_a_file_names_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")
    error = translate(caught(path, "INSERT INTO t VALUES (1)"), "INSERT", str(path))
    assert type(error) is OperationalError
    assert str(error) == f"database file {str(path)!r}: attempt to write a readonly database"


def test_a_file_that_is_no_database_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite3"
    path.write_bytes(b"not a database" * 100)
    error = translate(caught(path, "SELECT 1 FROM t"), "SELECT", str(path))
    assert type(error) is DatabaseError
    assert str(error) == f"database file {str(path)!r}: file is not a database"


def test_what_is_wrong_with_a_statement_does_not_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite3"
    path.touch()
    error = translate(caught(path, "SELECT 1 FROM t"), "SELECT", str(path))
    assert str(error) == "no such table: t"
