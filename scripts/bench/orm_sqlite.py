"""Compare the ORM on SQLite with the same statements through `sqlite3` called directly.

    python3 scripts/bench/orm_sqlite.py [--rounds 15] [--rows 10000]

Both write into files of their own with the settings that the ORM's connections have. What they have written is compared
through a third connection.
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
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from openviper.db import close_db, configure_db, create_tables
from scripts.bench.orm_rows import (
    AUTHORS,
    BOTH,
    COLUMNS,
    HEAD,
    OF_LONG_BOOKS,
    Author,
    Book,
    Goals,
    OrmSide,
    PlainAuthor,
    PlainBook,
    Row,
    compare,
    works,
)

GOALS = Goals(1.4, 2.0, 1.5, 1.4, 1.7, 1.3, 1.6, 1.5, 1.1)
TABLES = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL, email VARCHAR(100) NOT NULL);
CREATE TABLE book (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title VARCHAR(200) NOT NULL, author_id INTEGER NOT NULL REFERENCES author(id),
    pages INTEGER NOT NULL, price REAL NOT NULL, published TIMESTAMP NOT NULL, active BOOLEAN NOT NULL
);
CREATE INDEX book_author ON book (author_id);
CREATE INDEX book_pages ON book (pages);
"""
INSERT = (
    "INSERT INTO book (title, author_id, pages, price, published, active) VALUES (?, ?, ?, ?, ?, ?)"
)
WRITTEN = "SELECT count(*), sum(pages), sum(price), sum(active), min(substr(published, 1, 19)) FROM book WHERE id > ?"


class RawSide:
    """The statements by hand.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.raw = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self.raw.execute(f"PRAGMA {pragma}")
        self.raw.executescript(TABLES)
        self.raw.executemany("INSERT INTO author VALUES (?, ?, ?)", AUTHORS)

    def _insert(self, rows: Iterable[Row]) -> list[int | None]:
        adapted = ((*row[:4], row[4].isoformat(" "), row[5]) for row in rows)
        return [self.raw.execute(INSERT, values).lastrowid for values in adapted]

    async def insert_committed(self, rows: Sequence[Row]) -> None:
        """Insert rows one by one, each with its commit."""
        self._insert(rows)

    async def insert_together(self, rows: Sequence[Row]) -> None:
        """Insert rows one by one in one transaction."""
        self.raw.execute("BEGIN")
        self._insert(rows)
        self.raw.execute("COMMIT")

    async def insert_bulk(self, rows: Sequence[Row]) -> None:
        """Insert all rows at once."""
        self.raw.execute("BEGIN")
        adapted = [(*row[:4], row[4].isoformat(" "), row[5]) for row in rows]
        self.raw.executemany(INSERT, adapted)
        self.raw.execute("COMMIT")

    @staticmethod
    def _book(row: tuple[Any, ...]) -> PlainBook:
        published = datetime.fromisoformat(row[5])
        return PlainBook(row[0], row[1], row[2], row[3], row[4], published, bool(row[6]))

    async def select(self) -> int:
        """Read all books, and return their number."""
        make = self._book
        return len([make(row) for row in self.raw.execute(f"SELECT {COLUMNS} FROM book")])

    async def get(self, keys: Sequence[int]) -> int:
        """Read one book by each key, and return their number."""
        sql = f"SELECT {COLUMNS} FROM book WHERE id = ?"
        return len([self._book(self.raw.execute(sql, (key,)).fetchone()) for key in keys])

    async def filter(self, pages: Sequence[int]) -> int:
        """Read the first 20 books by a condition, in an order, for each value, and return their number."""
        sql = f"SELECT {COLUMNS} FROM book WHERE pages >= ? ORDER BY pages DESC LIMIT 20"
        make = self._book
        found = [[make(row) for row in self.raw.execute(sql, (least,))] for least in pages]
        return sum(map(len, found))

    async def update(self, pages: Sequence[int], price: float) -> int:
        """Update the books of each value, and return their number."""
        sql = "UPDATE book SET price = ? WHERE pages = ?"
        return sum(self.raw.execute(sql, (price, number)).rowcount for number in pages)

    async def join(self) -> int:
        """Read 5,000 books with their authors, and return their number."""
        found = []
        for row in self.raw.execute(f"SELECT {BOTH}"):
            book = self._book(row[:7])
            book.author = PlainAuthor(*row[7:])
            found.append(book)
        return len(found)

    async def filter_many(self, pages: Sequence[int]) -> int:
        """Read the authors who have a book of so many pages, for each value, and return their number."""
        sql = OF_LONG_BOOKS.format("?")
        found = [
            [PlainAuthor(*row) for row in self.raw.execute(sql, (least,)).fetchall()]
            for least in pages
        ]
        return sum(map(len, found))


async def run(rounds: int, rows: int) -> None:
    """Run every comparison in a temporary directory."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "raw.db", Path(folder) / "orm.db"]
        raw, orm = RawSide(paths[0]), OrmSide()
        await configure_db(f"sqlite:///{paths[1]}")
        await create_tables([Author, Book])
        await Author.objects.bulk_create(
            [Author(id=key, name=name, email=email) for key, name, email in AUTHORS]
        )
        *inserts, bulk, select, get, few, update, join, many = works(rows, GOALS)

        async def clean(above: int = 0) -> None:
            written = []
            for path in paths:
                with closing(sqlite3.connect(path)) as other:
                    written.append(other.execute(WRITTEN, (above,)).fetchone())
            assert written[0] == written[1] and written[0][0], written
            raw.raw.execute("DELETE FROM book WHERE id > ?", (above,))
            await Book.objects.filter(pk__gt=above).delete()

        print(
            f"SQLite {sqlite3.sqlite_version}, Python {sys.version.split()[0]}, {rounds} rounds\n"
        )
        print(HEAD)
        for side in (raw, orm):
            await bulk.run(side)

        async def clean_new() -> None:
            await clean(rows)

        for work in (*inserts, bulk, select, get, few, update, join, many):
            await compare(raw, orm, work, rounds, clean_new)
        await close_db()
        raw.raw.close()


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
