"""Damage is told from what is only unusual."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from openviper.backup.background import StopFlag, Stopped
from openviper.backup.engines.sqlite_check import check_integrity, needs_application
from openviper.backup.exceptions import BackupError


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as theirs:
        theirs.create_collation("THEIRS", lambda a, b: (a > b) - (a < b))
        theirs.create_function("slug", -1, lambda *_: "x", deterministic=True)
        theirs.executescript(
            "CREATE TABLE plain (a); CREATE TABLE named (a TEXT COLLATE THEIRS);\n"
            "CREATE INDEX by_name ON named (a); CREATE TABLE made (a TEXT, CHECK (slug(a) = 'x'));\n"
            "CREATE INDEX by_slug ON made (slug(a)); INSERT INTO named VALUES ('b'), ('a');\n"
            "INSERT INTO made VALUES ('q');"
        )
    with closing(sqlite3.connect(path)) as ours:
        yield ours


def test_what_only_the_application_has_is_named(connection: sqlite3.Connection) -> None:
    (warning,) = check_integrity(connection, "it", StopFlag())
    assert "the collation 'THEIRS'" in warning and "the function 'slug'" in warning
    connection.rollback()


def test_whoever_would_build_the_indexes_anew_is_told(connection: sqlite3.Connection) -> None:
    assert needs_application(connection) in ("THEIRS", "slug")
    with closing(sqlite3.connect(":memory:")) as plain:
        plain.execute("CREATE TABLE t (a)")
        assert needs_application(plain) is None
        assert check_integrity(plain, "it", StopFlag()) == []


def test_a_module_that_is_missing_leaves_the_other_tables_checked(
    connection: sqlite3.Connection,
) -> None:
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(
        "INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING nosuch(a)')"
    )
    connection.commit()
    connection.execute("PRAGMA writable_schema = RESET")
    warnings = check_integrity(connection, "it", StopFlag())
    assert warnings and "THEIRS" in warnings[0]


def test_a_row_that_is_missing_in_an_index_is_damage(connection: sqlite3.Connection) -> None:
    connection.executescript(
        "CREATE TABLE t (a, b); CREATE INDEX by_a ON t (a); CREATE INDEX by_b ON t (b);\n"
        "INSERT INTO t VALUES (1, 2); DROP TABLE named; DROP TABLE made; PRAGMA writable_schema = ON;\n"
        "UPDATE sqlite_master SET sql = 'CREATE INDEX by_a ON t (b)' WHERE name = 'by_a';"
    )
    connection.commit()
    connection.execute("PRAGMA writable_schema = RESET")
    with pytest.raises(BackupError, match="it is damaged: integrity check says"):
        check_integrity(connection, "it", StopFlag())


def test_a_stop_ends_the_check(connection: sqlite3.Connection) -> None:
    stop = StopFlag()
    stop.set()
    with pytest.raises(Stopped):
        check_integrity(connection, "it", stop)
