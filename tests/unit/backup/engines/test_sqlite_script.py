"""Building an SQLite file from SQL text: what it may use, and how a text that is no dump is told."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from openviper.backup.background import StopFlag
from openviper.backup.engines.sqlite_script import build_from_sql
from openviper.backup.exceptions import BackupError

TABLE = "CREATE TABLE t (a);"


def build(tmp_path: Path, text: str | bytes) -> Path:
    script, path = tmp_path / "dump.sql", tmp_path / "made.db"
    script.write_bytes(text if isinstance(text, bytes) else text.encode())
    build_from_sql(script, path, StopFlag())
    return path


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        (TABLE + "INSERT INTO t VALUES (1), (2);", "SELECT sum(a) FROM t", 3),
        ("BEGIN;" + TABLE + "INSERT INTO t VALUES ('é');COMMIT;", "SELECT a FROM t", "é"),
        (b"\xef\xbb\xbfCREATE TABLE t (a);", "SELECT count(*) FROM t", 0),
        ("PRAGMA user_version = 7;" + TABLE, "PRAGMA user_version", 7),
        ("PRAGMA application_id=5;" + TABLE, "PRAGMA application_id", 5),
        ("PRAGMA foreign_keys=OFF;" + TABLE, "SELECT count(*) FROM t", 0),
        (TABLE + "CREATE VIEW v AS SELECT a FROM t;", "SELECT count(*) FROM v", 0),
        (
            TABLE + "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END;"
            "INSERT INTO t VALUES (1);",
            "SELECT count(*) FROM t",
            0,
        ),
    ],
)
def test_what_a_dump_holds_is_built(
    tmp_path: Path, text: str | bytes, query: str, expected: object
) -> None:
    path = build(tmp_path, text)
    assert rows(path, query) == [(expected,)]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("ATTACH 'x.db' AS x;", "ATTACH or VACUUM"),
        ("VACUUM INTO 'x.db';", "ATTACH or VACUUM"),
        ("DETACH main;", "DETACH"),
        ("SELECT load_extension('x');", "the function load_extension"),
        ("SELECT LOAD_EXTENSION('x');", "the function load_extension"),
        ("PRAGMA temp_store_directory = '/tmp';", "PRAGMA temp_store_directory"),
        ("PRAGMA trusted_schema = 1;", "PRAGMA trusted_schema"),
        ("PRAGMA max_page_count = 4000000;", "PRAGMA max_page_count"),
        (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n;",
            "a recursive query",
        ),
    ],
)
def test_what_reaches_outside_of_the_file_is_refused(
    tmp_path: Path, statement: str, what: str
) -> None:
    with pytest.raises(
        BackupError, match=rf"'dump\.sql' uses {what}, which a restore refuses"
    ) as caught:
        build(tmp_path, TABLE + statement)
    assert list(tmp_path.glob("x.db")) == []
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "creates nothing"),
        ("-- nothing\n", "creates nothing"),
        ("SELECT 1;", "creates nothing"),
        ("BEGIN;" + TABLE, "cut off: its transaction does not end"),
        (TABLE + "INSERT INTO t VALUES (1", "fails"),
        (TABLE + "INSERT INTO nope VALUES (1);", "no such table: nope"),
        (b"\x80\x81", "neither an SQLite database nor SQL text"),
        (b"a\nb\x00", "holds a NUL in line 2"),
        (b"\x00", "holds a NUL in line 1"),
        (b"SQLite format 3\x00", "an SQLite database, not an SQL text"),
    ],
)
def test_a_text_that_is_no_whole_dump_is_told(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(BackupError, match=message) as caught:
        build(tmp_path, text)
    assert "dump.sql" in str(caught.value)


def test_a_value_may_be_no_longer_than_a_dump_of_this_length_can_hold(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"fails.*too big"):
        build(tmp_path, TABLE + "INSERT INTO t VALUES (zeroblob(1048577));")


def test_a_text_may_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openviper.backup.engines.sqlite_script._LEAST_SIZE", 16_384)
    monkeypatch.setattr("openviper.backup.engines.sqlite_script._SIZE_PER_BYTE", 0)
    with pytest.raises(BackupError, match="needs more than 16384 bytes, which no dump"):
        build(tmp_path, TABLE + "INSERT INTO t VALUES (zeroblob(100000));")


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "made.db").write_text("mine")
    with pytest.raises(OSError):
        build(tmp_path, TABLE)
    assert (tmp_path / "made.db").read_text() == "mine"
