"""Measure the memory that `iterator()` takes over a table of a million rows on SQLite.

    python3 scripts/bench/iterator_memory.py [--rows 1000000]

Peak memory (``ru_maxrss``) of this process is noted after every tenth of the rows; flat means that it does not grow.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import resource
import sqlite3
import tempfile
from time import perf_counter

from openviper.db.connection import close_db, configure_db
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Model, QuerySet
from openviper.db.schemas import create_tables


class Line(Model):
    """One of very many rows."""

    _app_name = "memory"

    text = CharField(max_length=80)
    value = IntegerField(default=0)


def peak() -> float:
    """Return the peak memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def walk(label: str, query: QuerySet[Line], rows: int) -> None:
    """Read every row and print the peak memory as it goes."""
    start, count, marks = perf_counter(), 0, []
    async for _ in query.iterator():
        count += 1
        if count % (rows // 10) == 0:
            marks.append(peak())
    assert count == rows
    seconds = perf_counter() - start
    print(
        f"{label:<16}{' '.join(f'{mark:6.1f}' for mark in marks)} MiB, {rows / seconds:,.0f} rows/s"
    )


async def run(rows: int) -> None:
    """Fill a table and walk through it, by key and in another order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.db"
        await configure_db(f"sqlite:///{path}")
        await create_tables([Line])
        raw = sqlite3.connect(path)
        with raw:
            raw.executemany(
                "INSERT INTO memory_line (text, value) VALUES (?, ?)",
                ((f"line {n}", n) for n in range(rows)),
            )
        raw.close()
        print(f"before: {peak():.1f} MiB; after each tenth of {rows:,} rows:")
        await walk("by key", Line.objects.all(), rows)
        await walk("by value", Line.objects.order_by("value"), rows)
        await close_db()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description="Measure the memory that iterator() takes over many rows."
    )
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="rows of the table (default: 1000000)"
    )
    asyncio.run(run(parser.parse_args().rows))


if __name__ == "__main__":
    main()
