"""SQLite databases that are unusual but sound, SQL texts that want too much, and places that cannot be written."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from openviper.backup.create import create_backup
from openviper.backup.engines import sqlite_script
from openviper.backup.engines.base import RestoreOptions
from openviper.backup.exceptions import BackupError, TargetBusyError
from openviper.backup.paths import ValidationError
from openviper.backup.restore import restore_backup
from openviper.backup.sidecar import read_metadata, sidecar_path
from tests.acceptance.backup.project import ROOT

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def own_collation(a: str, b: str) -> int:
    return (a[::-1] > b[::-1]) - (a[::-1] < b[::-1])


def with_application(path: Path) -> Callable[[], closing[sqlite3.Connection]]:
    """Return what opens a database as its application does."""

    def connect() -> closing[sqlite3.Connection]:
        connection = sqlite3.connect(path)
        connection.create_collation("ICU_DE", own_collation)
        connection.create_function("slug", 1, str.lower, deterministic=True)
        return closing(connection)

    return connect


def make_application_database(path: Path) -> None:
    with with_application(path)() as connection:
        connection.executescript(
            "CREATE TABLE t (a TEXT COLLATE ICU_DE, b TEXT CHECK (slug(b) = b));\n"
            "CREATE INDEX by_a ON t (a);\nCREATE INDEX by_slug ON t (slug(b));\n"
            "INSERT INTO t VALUES ('ba', 'x'), ('ab', 'y'), ('zz', 'z');"
        )


@pytest.mark.parametrize("compress", [True, False])
async def test_a_database_with_its_own_collation_and_function_goes_there_and_back(
    tmp_path: Path, compress: bool
) -> None:
    path = tmp_path / "app.db"
    make_application_database(path)
    result = await create_backup(url_of(path), tmp_path / "b", compress=compress)
    (warning,) = result.warnings
    assert "'ICU_DE'" in warning and "'slug'" in warning
    assert read_metadata(sidecar_path(result.path))["warnings"] == [warning]
    with with_application(path)() as connection:
        connection.execute("DELETE FROM t")
        connection.commit()
    told: list[str] = []
    await restore_backup(result.path, url_of(path), force=True, warn=told.append)
    assert "ICU_DE" in told[0]
    with with_application(path)() as connection:
        assert connection.execute("SELECT a FROM t ORDER BY a").fetchall() == [
            ("ba",), ("ab",), ("zz",),
        ]  # fmt: skip
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_pages_are_not_rebuilt_with_an_order_that_is_not_the_applications(
    tmp_path: Path,
) -> None:
    path, other = tmp_path / "app.db", tmp_path / "other.db"
    make_application_database(path)
    with closing(sqlite3.connect(other)) as connection:
        connection.executescript("PRAGMA page_size = 8192; CREATE TABLE kept (a);")
    backup = (await create_backup(url_of(path), tmp_path / "b")).path
    with pytest.raises(BackupError, match="pages of 8192 bytes.*only its application has"):
        await restore_backup(backup, url_of(other), force=True)
    with closing(sqlite3.connect(other)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("kept",)]


async def test_rows_that_break_a_rule_are_a_warning_and_damage_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE t (a INT CHECK (a > 0), b TEXT);\nPRAGMA ignore_check_constraints = ON;\n"
            "INSERT INTO t VALUES (-1, NULL);\nPRAGMA writable_schema = ON;\n"
            "UPDATE sqlite_master SET sql = 'CREATE TABLE t (a INT CHECK (a > 0), b TEXT NOT NULL)' WHERE name = 't';"
        )
        connection.commit()
    result = await create_backup(url_of(path), tmp_path / "b")
    assert sorted(result.warnings) == [
        "a row breaks a rule of its table: CHECK constraint failed in t",
        "a row breaks a rule of its table: NULL value in t.b",
    ]
    await restore_backup(result.path, url_of(tmp_path / "new.db"))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE big (a TEXT); WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) "
            "INSERT INTO big SELECT printf('%0500d', x) FROM n;"
        )
    with open(path, "r+b") as file:
        file.seek(20 * 4096)
        file.write(os.urandom(4096))
    with pytest.raises(BackupError, match="is damaged"):
        await create_backup(url_of(path), tmp_path / "b")


def as_nobody(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code as a user who owns nothing; what it imports is imported before."""
    script = (
        f"import asyncio, os, sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "import openviper.backup.create, openviper.backup.restore, openviper.backup.engines.sqlite\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n" + code
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        timeout=180,
    )


@needs_root
@pytest.mark.parametrize("has_log", [False, True])
def test_a_wal_database_that_may_only_be_read_is_backed_up(
    open_directory: Path, has_log: bool
) -> None:
    live, still = open_directory / "live.db", open_directory / "ro" / "a.db"
    still.parent.mkdir()
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (42)")
        connection.commit()
        if has_log:
            (still.parent / "a.db-wal").write_bytes((open_directory / "live.db-wal").read_bytes())
            still.write_bytes(live.read_bytes())
    if not has_log:
        still.write_bytes(live.read_bytes())
    results = open_directory / "out"
    results.mkdir()
    os.chown(results, 65534, 65534)
    done = as_nobody(
        "from openviper.backup.create import create_backup\n"
        f"print(asyncio.run(create_backup('sqlite:///{still}', {str(results)!r}, compress=False)).path)",
    )
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(done.stdout.strip())) as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(42,)]
    assert sorted(path.name for path in still.parent.iterdir()) == (
        ["a.db", "a.db-wal"] if has_log else ["a.db"]
    )


@needs_root
def test_a_backup_that_may_only_be_read_is_restored(open_directory: Path) -> None:
    medium, home = open_directory / "ro", open_directory / "home"
    medium.mkdir()
    home.mkdir()
    with closing(sqlite3.connect(home / "a.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    asyncio.run(create_backup(url_of(home / "a.db"), medium, filename="x"))
    for path in medium.iterdir():
        path.chmod(0o644)
    for path in (home, home / "a.db"):
        os.chown(path, 65534, 65534)
    call = (
        "from openviper.backup.restore import restore_backup\n"
        "try: print(asyncio.run(restore_backup({file!r}, {url!r}, force=True{more})).safety_copy)\n"
        "except Exception as error: sys.exit(str(error))"
    )
    facts = {"file": str(medium / "x.tar.gz"), "url": url_of(home / "a.db")}
    refused = as_nobody(call.format(**facts, more=""))
    assert refused.returncode == 1 and "--safety-path" in refused.stderr, refused.stderr
    saved = as_nobody(call.format(**facts, more=f", safety_path={str(home)!r}"))
    assert saved.returncode == 0 and str(home) in saved.stdout, saved.stderr
    without = as_nobody(call.format(**facts, more=", safety_backup=False"))
    assert (without.returncode, without.stdout) == (0, "None\n"), without.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "CREATE TABLE t (a); INSERT INTO t WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
            "SELECT x FROM n;",
            "a recursive query",
        ),
        ("CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(900000000));", "too big"),
        ("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(900000000));", "too big"),
        ("CREATE TABLE t (a);\nINSERT INTO t VALUES ('x\0y');", "holds a NUL in line 2"),
        ("PGDMP\x01", "pg_restore"),
        ("PK\x03\x04", "a zip file"),
        ("BZh91AY", "a bzip2 file"),
    ],
)
async def test_a_text_that_is_no_honest_dump_is_refused_at_once(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "a.sql").write_text(text)
    started = time.monotonic()
    with pytest.raises(BackupError, match=message):
        await restore_backup(tmp_path / "a.sql", url_of(tmp_path / "new.db"))
    assert time.monotonic() - started < 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sql"]


async def test_a_text_gets_time_and_space_by_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow = "INSERT INTO u SELECT a.b FROM t a, t b, t c, t d, t e;"
    text = "CREATE TABLE t (b); CREATE TABLE u (b);" + "INSERT INTO t VALUES ('x');" * 40 + grow
    (tmp_path / "a.sql").write_text(text)
    monkeypatch.setattr(sqlite_script, "_LEAST_SIZE", 1 << 20)
    with pytest.raises(BackupError, match="no dump of its length needs"):
        await restore_backup(tmp_path / "a.sql", url_of(tmp_path / "new.db"))
    monkeypatch.undo()
    monkeypatch.setattr(sqlite_script, "_LEAST_SECONDS", 0.2)
    with pytest.raises(BackupError, match="takes longer than 0 s"):
        await restore_backup(tmp_path / "a.sql", url_of(tmp_path / "new.db"))
    assert not (tmp_path / "new.db").exists()


async def test_a_gzip_file_with_another_name_is_named_for_what_it_is(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "a.sql.gz").write_bytes(gzip.compress(b"SELECT 1;"))
    with pytest.raises(BackupError, match="is a gzip file; unpack it with gunzip"):
        await restore_backup(tmp_path / "a.sql.gz", url_of(tmp_path / "new.db"))


async def test_a_locked_target_is_found_before_anything_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    backup = (await create_backup(url_of(path), tmp_path / "b", filename="n")).path
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TargetBusyError, match="locked by another connection for 0.3 s"):
            await restore_backup(
                backup, url_of(path), force=True, options=RestoreOptions(lock_timeout=0.3)
            )
    assert sorted(path.name for path in backup.parent.iterdir()) == [
        "n.tar.gz", "n.tar.gz.meta.json",
    ]  # fmt: skip


async def test_a_changed_text_encoding_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    backup = (await create_backup(url_of(path), tmp_path / "b")).path
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        connection.execute("CREATE TABLE u (a)")
    told: list[str] = []
    await restore_backup(backup, url_of(other), force=True, warn=told.append)
    assert "the text encoding changes from UTF-16le" in told[0]


async def test_a_sidecar_that_is_a_pipe_or_nested_without_end_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    backup = (await create_backup(url_of(path), tmp_path / "b")).path
    sidecar = sidecar_path(backup)
    sidecar.write_text("[" * 200_000)
    with pytest.raises(BackupError, match="Not a readable sidecar"):
        await restore_backup(backup, url_of(tmp_path / "new.db"))
    sidecar.unlink()
    os.mkfifo(sidecar)
    with pytest.raises(BackupError, match="not a regular file"):
        await restore_backup(backup, url_of(tmp_path / "new.db"))
    sidecar.unlink()
    sidecar.write_text(json.dumps({"db_engine": "sqlite"}))
    with pytest.raises(BackupError, match="no text 'checksum'"):
        await restore_backup(backup, url_of(tmp_path / "new.db"))


async def test_a_path_that_goes_up_is_refused_with_the_one_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(ValidationError, match="give the absolute path") as caught:
        await create_backup(url_of(tmp_path / "a.db"), "../backups")
    assert str(tmp_path / "backups") in str(caught.value)


async def test_a_working_directory_that_is_gone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ValidationError, match="working directory does not exist any more"):
        await create_backup(url_of(tmp_path / "a.db"), "backup")
