"""Backups of an SQLite database that four processes write to all the time, and restores while they are connected."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.backup.create import create_backup
from openviper.backup.restore import restore_backup
from tests.unit.backup.builders import open_database, url_of

WRITERS = 4
BACKUPS = 20
ROWS_EACH = 5
# Each transaction inserts several rows of one number. What is printed is committed.
WRITER = f"""
import sqlite3, sys, time
path, writer = sys.argv[1], int(sys.argv[2])
connection = sqlite3.connect(path, timeout=60, isolation_level=None)
number = 0
while True:
    number += 1
    try:
        connection.execute("BEGIN IMMEDIATE")
        for row in range({ROWS_EACH}):
            connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", (writer, number, row, "x" * 200))
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        # The whole content was replaced under us; a table that is no longer there is a reason to end, not to crash.
        print("end", error, flush=True)
        break
    print(number, flush=True)
    # Without a pause four writers leave no moment for anybody else, and the file grows without end.
    time.sleep(0.01)
"""


class Writers:
    """Processes that write, and the number each has acknowledged last."""

    def __init__(self, path: Path) -> None:
        self._logs = [path.with_name(f"writer-{number}.log") for number in range(WRITERS)]
        self.processes = []
        for number, log in enumerate(self._logs):
            with open(log, "w") as out:
                arguments = [sys.executable, "-c", WRITER, str(path), str(number)]
                self.processes.append(subprocess.Popen(arguments, stdout=out))

    def acknowledged(self) -> list[int]:
        """Return the last transaction of each writer that is surely committed."""
        last = []
        for log in self._logs:
            # The last line may still be on its way.
            lines = [line for line in log.read_text().split("\n")[:-1] if line.isdigit()]
            last.append(int(lines[-1]) if lines else 0)
        return last

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(params=["wal", "delete"])
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "busy.db"
    with open_database(path) as connection:
        connection.execute(f"PRAGMA journal_mode={request.param}")
        connection.execute(
            "CREATE TABLE entry (writer INTEGER, number INTEGER, row INTEGER, text TEXT)"
        )
        connection.execute("CREATE INDEX entry_number ON entry (writer, number)")
    return path


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Writers]:
    writers = Writers(path)
    try:
        while min(writers.acknowledged()) < 1:
            assert all(process.poll() is None for process in writers.processes)
            time.sleep(0.01)
        yield writers
    finally:
        writers.end()


def check_copy(archive: Path, scratch: Path, acknowledged: list[int]) -> None:
    with tarfile.open(archive) as tar:
        member = tar.extractfile("backup.sql")
        assert member is not None
        scratch.write_bytes(member.read())
    with contextlib.closing(sqlite3.connect(scratch)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        torn = connection.execute(
            "SELECT writer, number FROM entry GROUP BY writer, number HAVING count(*) <> ?",
            (ROWS_EACH,),
        ).fetchall()
        assert torn == []
        for writer, number in enumerate(acknowledged):
            query = "SELECT count(DISTINCT number) FROM entry WHERE writer = ? AND number <= ?"
            assert connection.execute(query, (writer, number)).fetchone() == (number,)


async def test_every_backup_has_all_that_was_acknowledged_before_it_and_no_half_transaction(
    tmp_path: Path, database: Path
) -> None:
    with writing(database) as writers:
        for _ in range(BACKUPS):
            acknowledged = writers.acknowledged()
            result = await create_backup(url_of(database), tmp_path / "b", level=1)
            check_copy(result.path, tmp_path / "scratch.db", acknowledged)
        # The writers go on; without a write-ahead log perhaps not while the last backup reads.
        while sum(writers.acknowledged()) <= sum(acknowledged):
            assert all(process.poll() is None for process in writers.processes)
            time.sleep(0.01)


async def test_a_restore_while_readers_and_writers_are_connected_replaces_everything(
    tmp_path: Path, database: Path
) -> None:
    source = tmp_path / "source.db"
    with open_database(source) as connection:
        connection.execute(
            "CREATE TABLE entry (writer INTEGER, number INTEGER, row INTEGER, text TEXT)"
        )
        connection.execute("INSERT INTO entry VALUES (99, 0, 0, 'restored')")
    backup = (await create_backup(url_of(source), tmp_path / "s")).path
    with (
        writing(database) as writers,
        contextlib.closing(sqlite3.connect(database, timeout=30)) as reader,
    ):
        assert reader.execute("SELECT count(*) FROM entry WHERE writer = 99").fetchone() == (0,)
        acknowledged = writers.acknowledged()
        result = await restore_backup(backup, url_of(database), force=True)
        assert reader.execute("SELECT text FROM entry WHERE writer = 99").fetchall() == [
            ("restored",)
        ]
        assert all(process.poll() is None for process in writers.processes)
        # Nobody's work is lost: it is in the safety copy, and the writers go on in the new content.
        assert result.safety_copy is not None
        check_copy(result.safety_copy, tmp_path / "scratch.db", acknowledged)
        after = writers.acknowledged()
        while sum(writers.acknowledged()) <= sum(after):
            assert all(process.poll() is None for process in writers.processes)
            time.sleep(0.01)
    with open_database(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        torn = connection.execute(
            "SELECT count(*) FROM entry WHERE writer < 99 GROUP BY writer, number HAVING count(*) <> ?",
            (ROWS_EACH,),
        ).fetchall()
        assert torn == []
