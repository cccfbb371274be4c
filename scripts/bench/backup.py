#!/usr/bin/env python3
"""Measure backup and restore against what the standard library and the usual tools take for the same bytes.

SQLite: `backup-db` (copy, integrity check, archive, reading back) against
`tarfile.open(..., "w:gz", compresslevel=6)` of the same file; `restore-db` against
`gzip -dc` into a file and `PRAGMA quick_check`. PostgreSQL: `backup-db` against
`pg_dump | gzip -6`, `restore-db` into an empty database against `gzip -dc | psql` in one transaction. MariaDB: the same with
`mariadb-dump` and `mariadb`. Both sides take turns in every round; the figure is the median of the rounds' ratios. Each of ours
runs in a process of its own, so the peak of its memory is its own.

    python3 scripts/bench/backup.py                            3 rounds; PostgreSQL is left out without a URL
    python3 scripts/bench/backup.py --postgres postgresql://postgres@127.0.0.1:5432 --mariadb mysql://root@127.0.0.1:3306
    python3 scripts/bench/backup.py --rounds 5 --megabytes 200
    python3 scripts/bench/backup.py --check                    exit with 1 when a goal is missed
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import json
import random
import shutil
import sqlite3
import statistics
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[2]
MEMORY_GOAL = 64.0
"""Highest good peak of memory, in megabytes."""
WORDS = (
    "archive backup copy database engine field gateway header index journal kernel ledger member network order page "
    "query record schema table update value writer yield zone with from into over under before after while until"
).split()
# The library is called as the command does. `getrusage` would report the peak of the process that started this one.
CHILD = """
import asyncio, json, re, sys, time
sys.path.insert(0, sys.argv[1])
action, url, path, level = sys.argv[2:]
if action == "backup":
    from openviper.backup.create import create_backup
    work = create_backup(url, path, level=int(level))
else:
    from openviper.backup.restore import restore_backup
    work = restore_backup(path, url, force=True)
started = time.perf_counter()
result = asyncio.run(work)
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "megabytes": int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1000,
    "path": str(getattr(result, "path", "")),
}))
"""


@dataclass
class Figure:
    """One comparison.

    Attributes:
        name: What is compared.
        goal: The highest good ratio; `None` where there is none.
        ours: Our times, in seconds, and `theirs`.
        memory: Our peaks, in megabytes.
    """

    name: str
    goal: float | None
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(
            ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)
        )

    @property
    def is_good(self) -> bool:
        """Whether ratio and memory meet their goals."""
        return (self.goal is None or self.ratio <= self.goal) and max(self.memory) <= MEMORY_GOAL


def main() -> int:
    """Run the comparisons and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure backup and restore.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--megabytes",
        type=int,
        default=200,
        help="size of the SQLite file; the servers' databases have half of it",
    )
    parser.add_argument(
        "--postgres", metavar="URL", help="a server, as its administrator; a database is made on it"
    )
    parser.add_argument("--mariadb", metavar="URL", help="likewise")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    parser.add_argument(
        "--directory",
        type=Path,
        help="where the files go (default: the system's temporary directory)",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        figures = bench_sqlite(Path(name), options.megabytes, options.rounds)
        for server in (
            options.postgres and Postgres(options.postgres),
            options.mariadb and MariaDB(options.mariadb),
        ):
            if server:
                figures += bench_server(Path(name), server, options.megabytes // 2, options.rounds)
    print(f"{'':46} {'ours':>8} {'theirs':>8} {'ratio':>6} {'goal':>5} {'memory':>7}")
    for figure in figures:
        goal = "-" if figure.goal is None else f"{figure.goal:.2f}"
        print(
            f"{figure.name:46} {statistics.median(figure.ours):7.2f}s {statistics.median(figure.theirs):7.2f}s "
            f"{figure.ratio:6.2f} {goal:>5} {max(figure.memory):5.0f}MB {'' if figure.is_good else 'MISSED'}"
        )
    return 1 if options.check and not all(figure.is_good for figure in figures) else 0


def bench_sqlite(directory: Path, megabytes: int, rounds: int) -> list[Figure]:
    """Compare backup and restore of an SQLite file."""
    database = directory / "bench.db"
    fill_sqlite(database, megabytes)
    url = f"sqlite:///{database}"
    backup = Figure(f"SQLite backup, {megabytes} MB", 0.75)
    quick = Figure("SQLite backup, level 1", 0.40)
    restore = Figure("SQLite restore into a new file", 1.6)
    existing = Figure("SQLite restore over the old file, saved first", None)
    target = directory / "target.db"
    for _ in range(rounds):
        theirs = timed(lambda: pack(database, directory / "theirs.tar.gz"))
        path = measure(backup, theirs, "backup", url, directory / "b")
        measure(quick, theirs, "backup", url, directory / "q", level=1)
        theirs = timed(lambda: unpack_and_check(directory))
        target.unlink(missing_ok=True)
        measure(restore, theirs, "restore", f"sqlite:///{target}", path)
        measure(existing, theirs, "restore", f"sqlite:///{target}", path)
        shutil.rmtree(directory / "b")
        shutil.rmtree(directory / "q")
    return [backup, quick, restore, existing]


class Postgres:
    """The usual tools of PostgreSQL.

    Args:
        url: The server, as its administrator.
    """

    name = "PostgreSQL"
    goal = 0.60

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, database: str) -> str:
        """Return the command line of the client."""
        return f"psql -X -q -v ON_ERROR_STOP=1 '{self.url}/{database or 'postgres'}'"

    def dump(self, database: str) -> str:
        """Return the command line of the dump tool."""
        return f"pg_dump '{self.url}/{database}'"

    def load(self, database: str) -> str:
        """Return the command line that takes a dump."""
        return f"{self.client(database)} --single-transaction"


class MariaDB:
    """The usual tools of MariaDB.

    Args:
        url: The server, as its administrator.
    """

    name = "MariaDB"
    goal = None

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._place = f"--host={parts.hostname} --port={parts.port or 3306} --user={parts.username}"

    def client(self, database: str) -> str:
        """Return the command line of the client."""
        return f"mysql {self._place} {database}"

    def dump(self, database: str) -> str:
        """Return the command line of the dump tool."""
        return f"mysqldump {self._place} --single-transaction --quick {database}"

    def load(self, database: str) -> str:
        """Return the command line that takes a dump."""
        return self.client(database)


def bench_server(
    directory: Path, server: Postgres | MariaDB, megabytes: int, rounds: int
) -> list[Figure]:
    """Compare backup and restore of a server's database; two are made for this and dropped."""
    source, target = (f"openviper_bench_{uuid4().hex[:8]}" for _ in range(2))
    backup = Figure(f"{server.name} backup, {megabytes} MB", server.goal)
    restore = Figure(f"{server.name} restore into an empty database", None)
    packed = directory / "theirs.sql.gz"

    def shell(command: str, text: str = "") -> None:
        subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"], input=text.encode(), check=True
        )

    def fresh(database: str) -> None:
        shell(
            server.client(""), f"DROP DATABASE IF EXISTS {database};\nCREATE DATABASE {database};\n"
        )

    try:
        fresh(source)
        shell(server.client(source), "".join(make_statements(megabytes)))
        for _ in range(rounds):
            theirs = timed(partial(shell, f"{server.dump(source)} | gzip -6 > '{packed}'"))
            path = measure(backup, theirs, "backup", f"{server.url}/{source}", directory / "s")
            fresh(target)
            theirs = timed(partial(shell, f"gzip -dc '{packed}' | {server.load(target)}"))
            fresh(target)
            measure(restore, theirs, "restore", f"{server.url}/{target}", path)
    finally:
        for database in (source, target):
            shell(server.client(""), f"DROP DATABASE IF EXISTS {database};\n")
        shutil.rmtree(directory / "s", ignore_errors=True)
    return [backup, restore]


def make_statements(megabytes: int) -> Iterator[str]:
    """Yield the statements that make and fill a table, in any SQL."""
    yield "CREATE TABLE item (id int PRIMARY KEY, label varchar(100), body text);\n"
    rows = make_rows(megabytes)
    for start in range(0, len(rows), 1000):
        values = ",".join(
            f"({number},'{label}','{body}')" for number, label, body in rows[start : start + 1000]
        )
        yield f"INSERT INTO item VALUES {values};\n"


def measure(
    figure: Figure, theirs: float, action: str, url: str, path: Path | str, *, level: int = 6
) -> str:
    """Run ours once, note its time beside theirs, and return the path of what it made."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(ROOT), action, url, str(path), str(level)],
        check=True,
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout)
    figure.ours.append(result["seconds"])
    figure.theirs.append(theirs)
    figure.memory.append(result["megabytes"])
    return str(result["path"])


def pack(database: Path, archive: Path) -> None:
    """Do what the standard library offers for a backup."""
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        tar.add(database, "backup.sql")


def unpack_and_check(directory: Path) -> None:
    """Do what a careful person does with `gzip` and `sqlite3`; the file is packed outside of the measured time."""
    packed, plain = directory / "plain.gz", directory / "plain.db"
    subprocess.run(f"gzip -dc '{packed}' > '{plain}'", shell=True, check=True)
    with closing(sqlite3.connect(plain)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)


def timed(work: Callable[[], object]) -> float:
    """Return how long some work takes, in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def make_rows(megabytes: int) -> list[tuple[int, str, str]]:
    """Return rows of text and random hexadecimal digits that make up so many megabytes."""
    source = random.Random(7)
    rows: list[tuple[int, str, str]] = []
    size = 0
    while size < megabytes * 1_000_000:
        words = " ".join(source.choices(WORDS, k=40))
        row = (len(rows), source.choice(WORDS), f"{words} {source.randbytes(40).hex()}")
        size += len(row[2]) + 24
        rows.append(row)
    return rows


def fill_sqlite(path: Path, megabytes: int) -> None:
    """Make a database with one index of about this size, and its compressed copy for the comparison."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=wal")
        connection.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, label TEXT, body TEXT)")
        connection.executemany("INSERT INTO item VALUES (?, ?, ?)", make_rows(megabytes))
        connection.execute("CREATE INDEX item_label ON item (label)")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    subprocess.run(f"gzip -6 -c '{path}' > '{path.parent / 'plain.gz'}'", shell=True, check=True)


if __name__ == "__main__":
    sys.exit(main())
