"""Backups of real SQLite files, with others at work on them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest

from openviper.backup import create
from openviper.backup import result as result_module
from openviper.backup.archive.writer import TarGzWriter
from openviper.backup.create import create_backup
from openviper.backup.engines import sqlite_copy
from openviper.backup.engines.by_url import detect_engine_from_url, find_engine
from openviper.backup.exceptions import (
    BackupError,
    BackupExistsError,
    TargetBusyError,
    UnsupportedSchemeError,
)
from openviper.backup.paths import ValidationError
from openviper.backup.restore import restore_backup
from openviper.backup.sidecar import compute_checksum, read_metadata, sidecar_path
from openviper.backup.workspace import publish
from tests.unit.backup.builders import make_database, names_in, open_database, url_of


def visible(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def unpack(archive: Path, into: Path) -> Path:
    with tarfile.open(archive) as tar:
        content = tar.extractfile("backup.sql")
        assert content is not None
        into.write_bytes(content.read())
    return into


async def test_a_backup_is_a_private_archive_with_a_private_sidecar(tmp_path: Path) -> None:
    database = make_database(tmp_path / "my books.sqlite3")
    result = await create_backup(url_of(database), tmp_path / "backup")
    assert result.path.name.startswith("my_books_") and result.path.name.endswith(".tar.gz")
    assert visible(tmp_path / "backup") == [result.path.name, sidecar_path(result.path).name]
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    for path in (result.path, sidecar_path(result.path)):
        assert path.stat().st_mode & 0o777 == 0o600
    meta = read_metadata(sidecar_path(result.path))
    assert meta["checksum"] == result.checksum == compute_checksum(result.path)
    assert meta["size"] == result.size == result.path.stat().st_size
    assert (meta["database_name"], meta["db_engine"], meta["filename"], meta["content"]) == (
        "my books",
        "sqlite",
        result.path.name,
        "sqlite-file",
    )
    assert names_in(unpack(result.path, tmp_path / "copy")) == ["Ada", "Grace"]


async def test_without_compression_the_result_is_the_database_file(tmp_path: Path) -> None:
    result = await create_backup(
        url_of(make_database(tmp_path / "a.db")), tmp_path / "b", filename="n", compress=False
    )
    assert visible(tmp_path / "b") == ["n.sql", "n.sql.meta.json"]
    assert result.path.stat().st_mode & 0o777 == 0o600
    assert names_in(result.path) == ["Ada", "Grace"]


async def test_rows_that_are_still_in_the_wal_are_in_the_backup(tmp_path: Path) -> None:
    database = make_database(tmp_path / "a.db", journal_mode="wal")
    with open_database(database) as writer:
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("INSERT INTO person (name) VALUES ('Edsger')")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO person (name) VALUES ('not committed')")
        result = await create_backup(url_of(database), tmp_path / "backup")
        writer.execute("COMMIT")
    copy = unpack(result.path, tmp_path / "copy")
    assert names_in(copy) == ["Ada", "Grace", "Edsger"]
    assert not (tmp_path / "copy-wal").exists()


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
async def test_writers_go_on_during_backups_and_every_copy_is_consistent(
    tmp_path: Path, journal_mode: str
) -> None:
    database = make_database(tmp_path / "a.db", (), journal_mode=journal_mode)
    with open_database(database) as connection:
        connection.execute("CREATE TABLE filler (b BLOB)")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO filler VALUES (randomblob(?))", [(1000,)] * 5000)
        connection.execute("COMMIT")
    finished = threading.Event()
    written: list[int] = []

    def write() -> None:
        with contextlib.closing(
            sqlite3.connect(database, isolation_level=None, timeout=5)
        ) as connection:
            while not finished.is_set():
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO person (name) VALUES ('one')")
                connection.execute("INSERT INTO person (name) VALUES ('two')")
                connection.execute("COMMIT")
                written.append(1)
                # A writer that never leaves the lock alone starves every reader of a database without WAL.
                time.sleep(0.002)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(3):
            before = len(written)
            result = await create_backup(url_of(database), tmp_path / "backup")
            names = names_in(unpack(result.path, tmp_path / "copy"))
            assert len(names) % 2 == 0 and len(names) >= 2 * before
            assert len(written) > before
    finally:
        finished.set()
        thread.join()


async def test_a_hot_journal_of_a_dead_writer_is_rolled_back(tmp_path: Path) -> None:
    database = make_database(tmp_path / "a.db")
    script = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("PRAGMA cache_size=1")
c.execute("BEGIN")
c.executemany("INSERT INTO person (name) VALUES (?)", (("x" * 900,) for _ in range(2000)))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script, str(database)])
    assert (tmp_path / "a.db-journal").stat().st_size > 0
    result = await create_backup(url_of(database), tmp_path / "backup")
    assert names_in(unpack(result.path, tmp_path / "copy")) == ["Ada", "Grace"]


async def test_an_empty_database_can_be_backed_up_and_restored(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    result = await create_backup(url_of(tmp_path / "a.db"), tmp_path / "backup")
    await restore_backup(result.path, url_of(tmp_path / "b.db"))
    with open_database(tmp_path / "b.db") as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


async def test_all_byte_values_views_triggers_and_generated_columns_survive(tmp_path: Path) -> None:
    every_byte = bytes(range(256))
    with open_database(tmp_path / "a.db") as connection:
        connection.executescript(
            "PRAGMA user_version=7; PRAGMA application_id=42;"
            "CREATE TABLE t (b BLOB, s TEXT, n AS (length(b)));"
            "CREATE VIEW v AS SELECT n FROM t; CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END;"
        )
        connection.execute("INSERT INTO t VALUES (?, ?)", (every_byte, "𝄞 Bücher"))
    result = await create_backup(url_of(tmp_path / "a.db"), tmp_path / "backup")
    await restore_backup(result.path, url_of(tmp_path / "b.db"))
    with open_database(tmp_path / "b.db") as connection:
        assert connection.execute("SELECT b, s, n FROM t").fetchall() == [
            (every_byte, "𝄞 Bücher", 256)
        ]
        assert connection.execute("SELECT n FROM v").fetchall() == [(256,)]
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (3,)
        assert connection.execute("PRAGMA user_version").fetchone() == (7,)
        assert connection.execute("PRAGMA application_id").fetchone() == (42,)


async def test_backups_of_the_same_second_get_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        create, "generate_backup_filename", lambda *_, **__: "a_20250302-101530.tar.gz"
    )
    url = url_of(make_database(tmp_path / "a.db"))
    results = [await create_backup(url, tmp_path / "b") for _ in range(2)]
    results += await asyncio.gather(*(create_backup(url, tmp_path / "b") for _ in range(3)))
    stamp = "a_20250302-101530"
    assert sorted(result.path.name for result in results) == sorted(
        [f"{stamp}.tar.gz", *(f"{stamp}-{number}.tar.gz" for number in range(2, 6))]
    )
    for result in results:
        assert read_metadata(sidecar_path(result.path))["checksum"] == compute_checksum(result.path)


async def test_an_existing_result_is_kept_unless_overwriting_is_allowed(tmp_path: Path) -> None:
    url = url_of(make_database(tmp_path / "a.db"))
    first = await create_backup(url, tmp_path / "b", filename="n")
    with pytest.raises(BackupExistsError, match="^Backup already exists"):
        await create_backup(url, tmp_path / "b", filename="n")
    assert compute_checksum(first.path) == first.checksum
    with open_database(tmp_path / "a.db") as connection:
        connection.execute("DELETE FROM person")
    second = await create_backup(url, tmp_path / "b", filename="n", overwrite=True)
    assert second.checksum != first.checksum
    assert read_metadata(sidecar_path(second.path))["checksum"] == compute_checksum(second.path)
    assert visible(tmp_path / "b") == ["n.tar.gz", "n.tar.gz.meta.json"]


async def test_a_directory_in_the_place_of_the_result_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "b" / "n.tar.gz").mkdir(parents=True)
    with pytest.raises(BackupError, match="^Not a regular file"):
        await create_backup(
            url_of(make_database(tmp_path / "a.db")), tmp_path / "b", filename="n", overwrite=True
        )


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///x?mode=memory"])
async def test_a_memory_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BackupError, match="^In-memory SQLite databases cannot be backed up"):
        await create_backup(url, tmp_path / "b")


async def test_a_missing_database_is_refused_and_no_directory_made(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="^Database file not found"):
        await create_backup(url_of(tmp_path / "missing.db"), tmp_path / "b")
    assert visible(tmp_path) == []


@pytest.mark.parametrize(
    ("scheme", "name"),
    [
        ("postgresql", "postgres"),
        ("postgres+psycopg", "postgres"),
        ("mysql+pymysql", "mariadb"),
        ("MariaDB", "mariadb"),
        ("oracle", "oracle"),
        ("mssql", "mssql"),
        ("sqlserver", "mssql"),
    ],
)
def test_every_scheme_finds_its_engine(scheme: str, name: str) -> None:
    engine = detect_engine_from_url(f"{scheme}://user:secret@host/name")
    found = find_engine(name)
    assert engine.engine_name == name and found is not None and found.engine_name == name


@pytest.mark.parametrize("scheme", ["redis", "db2+ibm"])
def test_other_databases_are_named_with_what_is_supported(scheme: str) -> None:
    with pytest.raises(UnsupportedSchemeError) as caught:
        detect_engine_from_url(f"{scheme}://user:secret@host/name")
    message = str(caught.value)
    assert message.startswith(f"Unsupported database scheme '{scheme.partition('+')[0]}'")
    assert "mariadb" in message and "sqlite" in message and "secret" not in message


def test_drivers_in_the_scheme_do_not_matter() -> None:
    assert detect_engine_from_url("SQLite+aiosqlite:///a.db").engine_name == "sqlite"


@pytest.mark.parametrize(
    "content", [b"no database at all", os.urandom(10_000), b"SQLite format 3\0" + bytes(500)]
)
async def test_what_is_no_database_makes_no_backup(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(BackupError, match="cannot copy the database"):
        await create_backup(url_of(tmp_path / "a.db"), tmp_path / "b")
    assert visible(tmp_path) == ["a.db"]


async def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    database = make_database(tmp_path / "a.db", ("x" * 3000,) * 50)
    content = bytearray(database.read_bytes())
    content[4 * 4096 : 9 * 4096] = os.urandom(5 * 4096)
    database.write_bytes(content)
    (tmp_path / "b").mkdir()
    with pytest.raises(BackupError, match="is damaged"):
        await create_backup(url_of(database), tmp_path / "b")
    assert visible(tmp_path / "b") == []


async def test_a_locked_database_is_waited_for_and_then_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_copy, "BUSY_TIMEOUT", 0.2)
    database = make_database(tmp_path / "a.db")
    with open_database(database) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TargetBusyError, match="^Database is busy"):
            await create_backup(url_of(database), tmp_path / "b")
    assert visible(tmp_path) == ["a.db"]


async def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    url = url_of(make_database(tmp_path / "a.db"))
    steps: list[tuple[object, str]] = [(TarGzWriter, "add"), (TarGzWriter, "verify")]
    steps += [(result_module, "write_metadata"), (result_module, "publish")]
    for place, step in steps:
        with monkeypatch.context() as patch:
            patch.setattr(place, step, full)
            with pytest.raises(OSError, match="No space left"):
                await create_backup(url, tmp_path / "b")
        assert visible(tmp_path) == ["a.db"]


async def test_a_failure_after_the_archive_has_its_name_takes_it_away_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def fail_for_the_sidecar(partial: Path, final: Path, *, overwrite: bool) -> None:
        if final.name.endswith(".json"):
            raise OSError(5, "Input/output error")
        publish(partial, final, overwrite=overwrite)

    monkeypatch.setattr(result_module, "publish", fail_for_the_sidecar)
    with pytest.raises(OSError, match="Input/output"):
        await create_backup(url_of(make_database(tmp_path / "a.db")), tmp_path / "b")
    assert visible(tmp_path) == ["a.db"]


async def test_a_cancelled_backup_leaves_nothing(tmp_path: Path) -> None:
    database = make_database(
        tmp_path / "a.db", tuple(os.urandom(1000).hex() for _ in range(20_000))
    )
    for stage in ("b", "b/.openviper-work-*/backup.sql", "b/.*.partial"):
        task = asyncio.create_task(create_backup(url_of(database), tmp_path / "b"))
        while not list(tmp_path.glob(stage)):
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert visible(tmp_path) == ["a.db"]


async def test_the_event_loop_goes_on_during_a_backup(tmp_path: Path) -> None:
    database = make_database(tmp_path / "a.db", ("x" * 1000,) * 20_000)
    task = asyncio.create_task(create_backup(url_of(database), tmp_path / "b"))
    ticks = 0
    while not task.done():
        await asyncio.sleep(0.001)
        ticks += 1
    await task
    assert ticks > 10


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_directory_that_is_not_writable_gives_one_clear_error(open_directory: Path) -> None:
    database = make_database(open_directory / "a.db")
    directory = open_directory / "b"
    directory.mkdir(mode=0o755)
    reader, sender = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with contextlib.closing(sqlite3.connect(":memory:")):
                pass
            os.chmod(database, 0o644)
            os.setuid(65534)
            try:
                asyncio.run(create_backup(url_of(database), directory))
            except BackupError as exc:
                os.write(sender, str(exc).encode())
                status = 0
        finally:
            os._exit(status)
    os.close(sender)
    with open(reader, "rb") as answer:
        message = answer.read().decode()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert message.startswith(f"Cannot write into the directory {str(directory)!r}")
    assert visible(directory) == []


async def test_names_that_leave_the_directory_are_refused(tmp_path: Path) -> None:
    url = url_of(make_database(tmp_path / "a.db"))
    for path, name in ((tmp_path / "b", "../x"), ("../x", None), (tmp_path / "b", "a/b")):
        with pytest.raises(ValidationError, match="^Path traversal detected"):
            await create_backup(url, path, filename=name)
    assert visible(tmp_path) == ["a.db"]


async def test_the_sidecar_can_be_checked_without_the_framework(tmp_path: Path) -> None:
    result = await create_backup(url_of(make_database(tmp_path / "a.db")), tmp_path, filename="n")
    meta = json.loads(sidecar_path(result.path).read_text())
    done = subprocess.run(
        ["sha256sum", "-c", "-"],
        input=f"{meta['checksum']}  {meta['filename']}\n".encode(),
        cwd=tmp_path,
        capture_output=True,
    )
    assert done.returncode == 0


async def test_leftovers_of_a_killed_backup_are_cleared_by_the_next(tmp_path: Path) -> None:
    database = make_database(tmp_path / "a.db", ("x" * 1000,) * 20_000)
    script = (
        "import asyncio, sys; from openviper.backup.create import create_backup;"
        "asyncio.run(create_backup(sys.argv[1], sys.argv[2]))"
    )
    child = subprocess.Popen([sys.executable, "-c", script, url_of(database), str(tmp_path / "b")])
    deadline = time.monotonic() + 10
    while not list(tmp_path.glob("b/.*.partial")) and time.monotonic() < deadline:
        time.sleep(0.001)
    child.kill()
    child.wait()
    assert (
        [name for name in visible(tmp_path / "b") if name.startswith(".")]
        == visible(tmp_path / "b")
        != []
    )
    result = await create_backup(url_of(database), tmp_path / "b")
    assert visible(tmp_path / "b") == [result.path.name, sidecar_path(result.path).name]
