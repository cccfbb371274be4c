"""Compare the ORM on SQLite with the same statements through `sqlite3` called directly.

    python3 scripts/bench/orm_sqlite.py [--rounds 15] [--rows 10000]

Every figure is the median of several rounds; raw and ORM take turns within a round, on files of their own with the same
settings. The raw side reads into, and writes from, a class with a plain ``__init__`` and the same conversions by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import sqlite3
import tempfile
from time import perf_counter

from openviper.db.connection import close_db, configure_db, get_connection
from openviper.db.models import F
from scripts.bench.orm_rows import (
    COLUMNS,
    SHELVES,
    Item,
    Plain,
    PlainShelf,
    Shelf,
    compare,
    item,
    plain,
    values,
)

SHELF_TABLE = (
    "CREATE TABLE bench_shelf (id INTEGER PRIMARY KEY AUTOINCREMENT, label VARCHAR(40) NOT NULL)"
)
INDEX = "CREATE INDEX bench_item_shelf ON bench_item (shelf_id)"
TABLE = """
CREATE TABLE bench_item (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title VARCHAR(200) NOT NULL,
    body TEXT NOT NULL,
    views INTEGER NOT NULL,
    price REAL NOT NULL,
    active INTEGER NOT NULL,
    created DATETIME,
    shelf_id INTEGER REFERENCES bench_shelf ON DELETE SET NULL
)
"""
INSERT = "INSERT INTO bench_item (title, body, views, price, active, created, shelf_id) VALUES (?, ?, ?, ?, ?, ?, ?)"
JOIN = (
    "SELECT i.id, i.title, i.body, i.views, i.price, i.active, i.created, i.shelf_id, s.id, s.label FROM bench_item i "
    "LEFT JOIN bench_shelf s ON s.id = i.shelf_id LIMIT 5000"
)
UPDATE = "UPDATE bench_item SET views = views + ? WHERE views >= ?"
FILTER = f"SELECT {COLUMNS} FROM bench_item WHERE views >= ? AND active = ? ORDER BY title LIMIT 20"
SINGLE = 200
"""Calls per round of the statements that take microseconds."""


def open_raw(path: Path) -> sqlite3.Connection:
    """Open a database with the settings the ORM's connections have."""
    raw = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "wal_autocheckpoint=0",
    ):
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
        found = [
            Plain(*row) for row in self.raw.execute(f"SELECT {COLUMNS} FROM bench_item").fetchall()
        ]
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

    async def raw_join(self) -> float:
        """Read 5,000 rows together with what they refer to."""
        start = perf_counter()
        found = []
        for row in self.raw.execute(JOIN).fetchall():
            one = Plain(*row[:8])
            one.shelf = None if row[8] is None else PlainShelf(*row[8:])
            found.append(one)
        elapsed = perf_counter() - start
        assert len(found) == min(self.rows, 5000)
        return elapsed

    async def orm_join(self) -> float:
        """Read 5,000 rows together with what they refer to."""
        start = perf_counter()
        found = await Item.objects.select_related("shelf").limit(5000)
        elapsed = perf_counter() - start
        assert len(found) == min(self.rows, 5000)
        return elapsed

    async def raw_update(self) -> float:
        """Update half of the rows by one condition, with its commit."""
        start = perf_counter()
        self.raw.execute(UPDATE, (0, 50))
        return perf_counter() - start

    async def orm_update(self) -> float:
        """Update half of the rows by one condition, with its commit."""
        start = perf_counter()
        await Item.objects.filter(views__gte=50).update(views=F("views") + 0)
        return perf_counter() - start

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


async def run(rounds: int, rows: int) -> None:
    """Run every comparison in a temporary directory."""
    with tempfile.TemporaryDirectory() as folder:
        raw = open_raw(Path(folder) / "raw.db")
        await configure_db(f"sqlite:///{Path(folder) / 'orm.db'}")
        async with get_connection() as connection:
            for statement in (SHELF_TABLE, TABLE, INDEX):
                raw.execute(statement)
                await connection.execute(statement)
        raw.executemany(
            "INSERT INTO bench_shelf (label) VALUES (?)", [(f"shelf {n}",) for n in range(SHELVES)]
        )
        await Shelf.objects.bulk_create(
            [Shelf(label=f"shelf {number}") for number in range(SHELVES)]
        )
        raw.executemany(INSERT, [values(number) for number in range(rows)])
        await Item.objects.bulk_create([item(number) for number in range(rows)])
        bench = Bench(raw, rows)
        print(
            f"SQLite {sqlite3.sqlite_version}, Python {sys.version.split()[0]}, medians of {rounds} rounds\n"
        )
        print(f"{'':<34}{'sqlite3':>13}{'ORM':>13}{'ratio':>8}{'goal':>8}")
        await compare("get by primary key", 1e6, bench.raw_get, bench.orm_get, rounds, 4.0)
        await compare(
            "filter, order, limit 20", 1e6, bench.raw_filter, bench.orm_filter, rounds, 1.8
        )
        await compare(
            f"select {rows:,} rows to instances",
            1e3,
            bench.raw_select,
            bench.orm_select,
            rounds,
            2.0,
        )
        await compare("foreign key join of 5,000", 1e3, bench.raw_join, bench.orm_join, rounds, 2.0)
        await compare(
            "insert one row, with commit", 1e6, bench.raw_insert, bench.orm_insert, rounds, 1.6
        )
        await compare(
            f"bulk insert of {rows:,} rows", 1e3, bench.raw_bulk, bench.orm_bulk, rounds, 1.6
        )
        await compare("update by filter", 1e3, bench.raw_update, bench.orm_update, rounds, 1.5)
        await close_db()
        raw.close()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description="Compare the ORM on SQLite with sqlite3 called directly."
    )
    parser.add_argument(
        "--rounds", type=int, default=15, help="rounds per comparison (default: 15)"
    )
    parser.add_argument(
        "--rows", type=int, default=10_000, help="rows in the table (default: 10000)"
    )
    options = parser.parse_args()
    asyncio.run(run(options.rounds, options.rows))


if __name__ == "__main__":
    main()
