"""Compare the ORM on PostgreSQL with the same statements through psycopg's asynchronous interface.

    python3 scripts/bench/orm_postgres.py [--url postgresql://postgres@127.0.0.1/test] [--rounds 15] [--rows 10000]

Both write into tables of their own in two schemas, which are made for the run and dropped after it. What they have written is
compared through a third connection.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import os
from collections.abc import Sequence
from typing import Any

import psycopg

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

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

GOALS = Goals(insert_bulk=1.0, get=1.1, filter_many=1.1)
SCHEMAS = [f"openviper_bench_{os.getpid()}_{side}" for side in ("raw", "orm")]
TABLES = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL, email VARCHAR(100) NOT NULL);
CREATE TABLE book (
    id SERIAL PRIMARY KEY, title VARCHAR(200) NOT NULL, author_id INTEGER NOT NULL REFERENCES author(id),
    pages INTEGER NOT NULL, price DOUBLE PRECISION NOT NULL, published TIMESTAMPTZ NOT NULL, active BOOLEAN NOT NULL
);
CREATE INDEX ON book (author_id);
CREATE INDEX ON book (pages);
"""
INSERT = "INSERT INTO book (title, author_id, pages, price, published, active) VALUES (%s, %s, %s, %s, %s, %s)"
WRITTEN = "SELECT count(*), sum(pages), sum(price), count(*) FILTER (WHERE active), min(published) FROM {}.book WHERE id > %s"


class RawSide:
    """The statements by hand.

    Args:
        raw: The connection.
    """

    def __init__(self, raw: Connection) -> None:
        self.raw = raw

    async def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return await (await self.raw.execute(sql, parameters)).fetchall()

    async def insert_committed(self, rows: Sequence[Row]) -> None:
        """Insert rows one by one, each with its commit; the database tells the key."""
        for row in rows:
            await (await self.raw.execute(f"{INSERT} RETURNING id", row)).fetchone()

    async def insert_together(self, rows: Sequence[Row]) -> None:
        """Insert rows one by one in one transaction."""
        async with self.raw.transaction():
            await self.insert_committed(rows)

    async def insert_bulk(self, rows: Sequence[Row]) -> None:
        """Insert all rows at once."""
        async with self.raw.transaction(), self.raw.cursor() as cursor:
            await cursor.executemany(INSERT, rows)

    async def select(self) -> int:
        """Read all books, and return their number."""
        return len([PlainBook(*row) for row in await self._rows(f"SELECT {COLUMNS} FROM book")])

    async def get(self, keys: Sequence[int]) -> int:
        """Read one book by each key, and return their number."""
        sql = f"SELECT {COLUMNS} FROM book WHERE id = %s"
        return len([PlainBook(*(await self._rows(sql, (key,)))[0]) for key in keys])

    async def filter(self, pages: Sequence[int]) -> int:
        """Read the first 20 books by a condition, in an order, for each value, and return their number."""
        sql = f"SELECT {COLUMNS} FROM book WHERE pages >= %s ORDER BY pages DESC LIMIT 20"
        found = [[PlainBook(*row) for row in await self._rows(sql, (least,))] for least in pages]
        return sum(map(len, found))

    async def update(self, pages: Sequence[int], price: float) -> int:
        """Update the books of each value, and return their number."""
        sql = "UPDATE book SET price = %s WHERE pages = %s"
        counts = [(await self.raw.execute(sql, (price, number))).rowcount for number in pages]
        return sum(counts)

    async def join(self) -> int:
        """Read 5,000 books with their authors, and return their number."""
        found = []
        for row in await self._rows(f"SELECT {BOTH}"):
            book = PlainBook(*row[:7])
            book.author = PlainAuthor(*row[7:])
            found.append(book)
        return len(found)

    async def filter_many(self, pages: Sequence[int]) -> int:
        """Read the authors who have a book of so many pages, for each value, and return their number."""
        sql = OF_LONG_BOOKS.format("%s")
        found = [[PlainAuthor(*row) for row in await self._rows(sql, (least,))] for least in pages]
        return sum(map(len, found))


def connect(url: str, schema: str) -> Any:
    """Return an awaitable for a connection to one of the schemas."""
    options = f"-c search_path={schema} -c TimeZone=UTC"
    return psycopg.AsyncConnection.connect(url, autocommit=True, options=options)


async def run(url: str, rounds: int, rows: int) -> None:
    """Run every comparison in two schemas."""
    async with await connect(url, SCHEMAS[0]) as raw, await connect(url, "public") as other:
        for schema in SCHEMAS:
            await other.execute(f"CREATE SCHEMA {schema}")
        try:
            await configure_db(f"{url}?options=-c%20search_path%3D{SCHEMAS[1]}")
            await measure(raw, other, rounds, rows)
        finally:
            await close_db()
            for schema in SCHEMAS:
                await other.execute(f"DROP SCHEMA {schema} CASCADE")


async def measure(raw: Connection, other: Connection, rounds: int, rows: int) -> None:
    """Fill both tables and print the table of figures."""
    await raw.execute(TABLES)
    async with raw.cursor() as cursor:
        await cursor.executemany("INSERT INTO author VALUES (%s, %s, %s)", AUTHORS)
    await create_tables([Author, Book])
    await Author.objects.bulk_create(
        [Author(id=key, name=name, email=email) for key, name, email in AUTHORS]
    )

    async def clean() -> None:
        written = [
            await (await other.execute(WRITTEN.format(schema), (rows,))).fetchone()
            for schema in SCHEMAS
        ]
        assert written[0] == written[1] and written[0] and written[0][0], written
        for schema in SCHEMAS:
            await other.execute(f"DELETE FROM {schema}.book WHERE id > %s", (rows,))

    by_hand, orm = RawSide(raw), OrmSide()
    table = works(rows, GOALS)
    for side in (by_hand, orm):
        await table[2].run(side)
    await other.execute("ANALYZE")
    version = raw.info.server_version // 10000
    print(f"PostgreSQL {version}, psycopg {psycopg.__version__}, {rounds} rounds\n")
    print(HEAD)
    for work in table:
        await compare(by_hand, orm, work, rounds, clean)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description="Compare the ORM on PostgreSQL with psycopg called directly."
    )
    parser.add_argument(
        "--url", default="postgresql://postgres@127.0.0.1/test", help="where to make the schemas"
    )
    parser.add_argument(
        "--rounds", type=int, default=15, help="rounds per comparison (default: 15)"
    )
    parser.add_argument(
        "--rows", type=int, default=10_000, help="rows in the table (default: 10000)"
    )
    options = parser.parse_args()
    asyncio.run(run(options.url, options.rounds, options.rows))


if __name__ == "__main__":
    main()
