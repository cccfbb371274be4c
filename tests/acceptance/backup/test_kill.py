"""`kill -9` at random moments: the database is old or new, and what bears a final name is complete."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.acceptance.backup.project import command, make_project, run

pytestmark = pytest.mark.one_version

ROUNDS = 30
ROWS = 8_000


class Moment(NamedTuple):
    """When a run is killed: `delay` seconds after a file matching `after` exists below the project."""

    after: str
    delay: float


def make_large_database(path: Path, label: str) -> None:
    """Make a database of some 10 MB, half of it incompressible, whose every row carries the label."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=wal")
        connection.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, label TEXT, noise BLOB)")
        connection.executemany(
            "INSERT INTO item (label, noise) VALUES (?, ?)",
            ((label, os.urandom(600) + bytes(500)) for _ in range(ROWS)),
        )
        connection.execute("CREATE INDEX item_label ON item (label, id)")
        connection.commit()


def label_of(database: Path) -> str:
    """Return the label of a database that is whole: integrity, all rows, one label."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        ((count, first, last),) = connection.execute(
            "SELECT count(*), min(label), max(label) FROM item"
        ).fetchall()
        assert (count, first) == (ROWS, last)
        return str(first)


def kill_at(directory: Path, moment: Moment, *arguments: str) -> bool:
    """Start a command, kill it at the given moment, and tell whether it was still running then."""
    child = subprocess.Popen(
        command(*arguments), cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not any(directory.glob(moment.after)) and child.poll() is None:
        time.sleep(0.0005)
    try:
        child.wait(timeout=moment.delay)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
    return child.wait() == -signal.SIGKILL


def duration_of(directory: Path, *arguments: str) -> float:
    started = time.monotonic()
    done = run(directory, *arguments)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - started


def check_results(directory: Path, label: str, scratch: Path) -> int:
    """Check everything with a final name in a backup directory, then remove it; return the number of archives."""
    archives = [path for path in directory.glob("*.tar.gz") if not path.name.startswith(".")]
    for archive in archives:
        with tarfile.open(archive) as tar:
            content = tar.extractfile("backup.sql")
            assert content is not None
            scratch.write_bytes(content.read())
        assert label_of(scratch) == label
        sidecar = archive.with_name(archive.name + ".meta.json")
        if sidecar.exists():
            assert (
                json.loads(sidecar.read_text())["checksum"]
                == hashlib.sha256(archive.read_bytes()).hexdigest()
            )
            sidecar.unlink()
        archive.unlink()
    assert [path.name for path in directory.iterdir() if not path.name.startswith(".")] == []
    return len(archives)


def moments(duration: float, late_sign: str) -> Iterator[Moment]:
    """Yield the moments of the kills: half of them all over the run, half in its last steps, alternating."""
    for _ in range(ROUNDS // 2):
        yield Moment("viperctl.py", duration * random.uniform(0.1, 1.1))
        yield Moment(late_sign, duration * random.uniform(0.0, 0.4))


def test_a_killed_backup_leaves_nothing_with_a_final_name_and_the_database_alone(
    tmp_path: Path,
) -> None:
    make_project(tmp_path)
    make_large_database(tmp_path / "db.sqlite3", "old")
    directory = tmp_path / "backup"
    duration = min(duration_of(tmp_path, "backup-db") for _ in range(2))
    assert check_results(directory, "old", tmp_path / "scratch") == 2
    killed = 0
    for moment in moments(duration, late_sign="backup/.*.partial"):
        killed += kill_at(tmp_path, moment, "backup-db")
        check_results(directory, "old", tmp_path / "scratch")
    assert killed >= ROUNDS // 4
    assert label_of(tmp_path / "db.sqlite3") == "old"
    # The next complete run clears away what the dead ones left.
    assert run(tmp_path, "backup-db").returncode == 0
    check_results(directory, "old", tmp_path / "scratch")
    assert list(directory.iterdir()) == []


def test_a_killed_restore_leaves_the_old_or_the_new_content(tmp_path: Path) -> None:
    make_project(tmp_path)
    target = tmp_path / "db.sqlite3"
    for label in ("one", "two"):
        make_large_database(target, label)
        (tmp_path / label).mkdir()
        assert run(tmp_path, "backup-db", "--path", label, "--filename", "n").returncode == 0
        target.rename(tmp_path / f"{label}.sqlite3")
    (tmp_path / "two.sqlite3").rename(target)
    for label in ("one", "two"):
        # Safety copies appear beside the backup; here they can be checked and removed.
        (tmp_path / label / "safe").mkdir()
        for name in ("n.tar.gz", "n.tar.gz.meta.json"):
            os.link(tmp_path / label / name, tmp_path / label / "safe" / name)
    other = {"one": "two", "two": "one"}

    def restore_command(label: str) -> list[str]:
        return ["restore-db", f"{label}/safe/n.tar.gz", "--force"]

    def clear(label: str, before: str) -> None:
        safe = tmp_path / label / "safe"
        kept = [safe / "n.tar.gz", safe / "n.tar.gz.meta.json"]
        hidden = [path.rename(path.with_name(f".{path.name}")) for path in kept]
        check_results(safe, before, tmp_path / "scratch")
        for path, name in zip(hidden, kept, strict=True):
            path.rename(name)

    duration = duration_of(tmp_path, *restore_command("one"))
    clear("one", "two")
    current, killed = "one", 0
    # What the safety copy's sidecar announces is the writing of the target.
    for number, moment in enumerate(moments(duration, late_sign="*/safe/db_*.meta.json")):
        wanted = other[current]
        with closing(sqlite3.connect(target)) as connection:
            connection.execute(f"PRAGMA journal_mode={'wal' if number % 2 else 'delete'}")
        killed += kill_at(tmp_path, moment, *restore_command(wanted))
        found = label_of(target)
        assert found in (current, wanted)
        clear(wanted, current)
        current = found
    assert killed >= ROUNDS // 4
    assert run(tmp_path, *restore_command(other[current])).returncode == 0
    assert label_of(target) == other[current]
    assert [path.name for path in tmp_path.glob(".*")] == []
