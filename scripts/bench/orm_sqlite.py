"""Compare the ORM on SQLite with the same statements through `sqlite3` called directly.

    python3 scripts/bench/orm_sqlite.py [--rounds 15] [--rows 10000]

Every figure is the median of several rounds; raw and ORM take turns within a round, on files of their own with the same
settings. The raw side reads into, and writes from, a class with a plain ``__init__`` and the same conversions by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from openviper.db.connection import close_db, configure_db, get_connection
from openviper.db.fields import BooleanField, CharField, DateTimeField, FloatField, IntegerField, TextField
from openviper.db.models import Model

TABLE = """
CREATE TABLE bench_item (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title VARCHAR(200) NOT NULL,
    body TEXT NOT NULL,
    views INTEGER NOT NULL,
    price REAL NOT NULL,
    active INTEGER NOT NULL,
    created DATETIME
)
"""
COLUMNS = "id, title, body, views, price, active, created"
INSERT = "INSERT INTO bench_item (title, body, views, price, active, created) VALUES (?, ?, ?, ?, ?, ?)"
FILTER = f"SELECT {COLUMNS} FROM bench_item WHERE views >= ? AND active = ? ORDER BY title LIMIT 20"
SINGLE = 200
"""Calls per round of the statements that take microseconds."""
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
TEXT = MOMENT.replace(tzinfo=None).isoformat(" ", "microseconds")

Measure = Callable[[], Awaitable[float]]


class Item(Model):
    """A row of the benchmark, as a model."""

    _app_name = "bench"

    title = CharField(max_length=200)
    body = TextField()
    views = IntegerField()
    price = FloatField()
    active = BooleanField()
    created = DateTimeField()


class Plain:
    """A row of the benchmark, built by hand."""

    def __init__(
        self, id: int, title: str, body: str, views: int, price: float, active: int, created: str
    ) -> None:
        self.id = id
        self.title = title
        self.body = body
        self.views = views
        self.price = price
        self.active = bool(active)
        self.created = datetime.fromisoformat(f"{created}+00:00")

    def as_row(self) -> tuple[str, str, int, float, int, str]:
        """Return what the driver takes, without the key."""
        created = self.created.replace(tzinfo=None).isoformat(" ", "microseconds")
        return self.title, self.body, self.views, self.price, int(self.active), created


def plain(number: int) -> Plain:
    """Return the row of a number as an instance built by hand."""
    return Plain(0, *values(number))


def values(number: int) -> tuple[str, str, int, float, int, str]:
    """Return the row of a number, as the driver takes it."""
    return f"title {number:06d}", "some text " * 3, number % 100, number / 7, number % 2, TEXT


def item(number: int) -> Item:
    """Return the same row as an instance."""
    title, body, views, price, active, _ = values(number)
    return Item(title=title, body=body, views=views, price=price, active=bool(active), created=MOMENT)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the garbage of one measurement out of the next one."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def open_raw(path: Path) -> sqlite3.Connection:
    """Open a database with the settings the ORM's connections have."""
    raw = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "wal_autocheckpoint=0"):
        raw.execute(f"PRAGMA {pragma}")
    return raw


class Bench:
    """The measurements; each returns seconds."""

    def __init__(self, raw: sqlite3.Connection, rows: int) -> None:
        self.raw = raw
        self.rows = rows
        self.keys = [1 + number * 7 % rows for number in range(SINGLE)]

    async def raw_get(self) -> float:
        """Read rows by primary key."""
        sql = f"SELECT {COLUMNS} FROM bench_item WHERE id = ?"
        start = perf_counter()
        for key in self.keys:
            self.raw.execute(sql, (key,)).fetchone()
        return (perf_counter() - start) / SINGLE

    async def orm_get(self) -> float:
        """Read rows by primary key."""
        start = perf_counter()
        for key in self.keys:
            await Item.objects.get(pk=key)
        return (perf_counter() - start) / SINGLE

    async def raw_filter(self) -> float:
        """Filter, sort and take 20 rows, as instances."""
        start = perf_counter()
        for key in self.keys[:20]:
            [Plain(*row) for row in self.raw.execute(FILTER, (key % 90, 1)).fetchall()]
        return (perf_counter() - start) / 20

    async def orm_filter(self) -> float:
        """Filter, sort and take 20 rows, as instances."""
        start = perf_counter()
        for key in self.keys[:20]:
            await Item.objects.filter(views__gte=key % 90, active=True).order_by("title").limit(20)
        return (perf_counter() - start) / 20

    async def raw_select(self) -> float:
        """Read all rows as instances."""
        start = perf_counter()
        found = [Plain(*row) for row in self.raw.execute(f"SELECT {COLUMNS} FROM bench_item").fetchall()]
        elapsed = perf_counter() - start
        assert len(found) == self.rows
        return elapsed

    async def orm_select(self) -> float:
        """Read all rows as instances."""
        start = perf_counter()
        found = await Item.objects.all()
        elapsed = perf_counter() - start
        assert len(found) == self.rows
        return elapsed

    async def raw_insert(self) -> float:
        """Insert single rows, each with its commit, from instances."""
        items = [plain(number) for number in range(SINGLE)]
        start = perf_counter()
        for one in items:
            self.raw.execute(INSERT, one.as_row())
        elapsed = (perf_counter() - start) / SINGLE
        self.raw.execute("DELETE FROM bench_item WHERE id > ?", (self.rows,))
        return elapsed

    async def orm_insert(self) -> float:
        """Insert single rows, each with its commit, from instances."""
        items = [item(number) for number in range(SINGLE)]
        start = perf_counter()
        for one in items:
            await one.save()
        elapsed = (perf_counter() - start) / SINGLE
        await Item.objects.filter(id__gt=self.rows).delete()
        return elapsed

    async def raw_bulk(self) -> float:
        """Insert many rows in one transaction, from instances."""
        items = [plain(number) for number in range(self.rows)]
        start = perf_counter()
        self.raw.execute("BEGIN IMMEDIATE")
        self.raw.executemany(INSERT, [one.as_row() for one in items])
        self.raw.execute("COMMIT")
        elapsed = perf_counter() - start
        self.raw.execute("DELETE FROM bench_item WHERE id > ?", (self.rows,))
        return elapsed

    async def orm_bulk(self) -> float:
        """Insert many rows in one transaction, from instances."""
        items = [item(number) for number in range(self.rows)]
        start = perf_counter()
        await Item.objects.bulk_create(items)
        elapsed = perf_counter() - start
        await Item.objects.filter(id__gt=self.rows).delete()
        return elapsed


async def compare(label: str, unit: float, raw: Measure, orm: Measure, rounds: int) -> None:
    """Print one line: both medians and their ratio."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for measure, into in zip((raw, orm), times, strict=True):
            with quiet():
                into.append(await measure())
            await asyncio.sleep(0)  # The loop's own work belongs to neither.
    direct, ours = median(times[0]), median(times[1])
    name = {1e6: "us", 1e3: "ms"}[unit]
    print(f"{label:<34}{direct * unit:>10.2f} {name}{ours * unit:>10.2f} {name}{ours / direct:>8.2f}")


async def run(rounds: int, rows: int) -> None:
    """Run every comparison in a temporary directory."""
    with tempfile.TemporaryDirectory() as folder:
        raw = open_raw(Path(folder) / "raw.db")
        raw.execute(TABLE)
        await configure_db(f"sqlite:///{Path(folder) / 'orm.db'}")
        async with get_connection() as connection:
            await connection.execute(TABLE)
        raw.executemany(INSERT, [values(number) for number in range(rows)])
        await Item.objects.bulk_create([item(number) for number in range(rows)])
        bench = Bench(raw, rows)
        print(f"SQLite {sqlite3.sqlite_version}, Python {sys.version.split()[0]}, medians of {rounds} rounds\n")
        print(f"{'':<34}{'sqlite3':>13}{'ORM':>13}{'ratio':>8}")
        await compare("get by primary key", 1e6, bench.raw_get, bench.orm_get, rounds)
        await compare("filter, order, limit 20", 1e6, bench.raw_filter, bench.orm_filter, rounds)
        await compare(f"select {rows:,} rows to instances", 1e3, bench.raw_select, bench.orm_select, rounds)
        await compare("insert one row, with commit", 1e6, bench.raw_insert, bench.orm_insert, rounds)
        await compare(f"bulk insert of {rows:,} rows", 1e3, bench.raw_bulk, bench.orm_bulk, rounds)
        await close_db()
        raw.close()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Compare the ORM on SQLite with sqlite3 called directly.")
    parser.add_argument("--rounds", type=int, default=15, help="rounds per comparison (default: 15)")
    parser.add_argument("--rows", type=int, default=10_000, help="rows in the table (default: 10000)")
    options = parser.parse_args()
    asyncio.run(run(options.rounds, options.rows))


if __name__ == "__main__":
    main()
