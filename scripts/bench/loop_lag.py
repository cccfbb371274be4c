"""Measure how late the event loop is while the ORM works hard on SQLite.

    python3 scripts/bench/loop_lag.py [--seconds 15] [--tasks 50] [--rows 300000]

A task sleeps 1 ms in a loop and notes how late it wakes up, while others mix point queries, full scans, a writer of another
process that holds the lock for 2 s, bulk inserts of 50,000 rows, and `update()` and `delete()` of none to many rows. The same loop
on its own shows what the machine adds; the last column is the processor time of the longest callback on the loop, which does not
depend on what else the machine does.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import gc
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter, thread_time

from openviper.db.connection import atomic, close_db, configure_db
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Count, F, Model, Sum
from openviper.db.schemas import create_tables

INTERVAL = 0.001
HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
time.sleep(2)
connection.execute("ROLLBACK")
"""


class Point(Model):
    """A row that is read by key and scanned."""

    _app_name = "lag"

    name = CharField(max_length=40)
    value = IntegerField(default=0)


class Log(Model):
    """A row that is inserted in bulk."""

    _app_name = "lag"

    text = CharField(max_length=60)


async def watch(lags: list[float], until: float) -> None:
    """Note how late each short sleep ends, in seconds."""
    while (start := perf_counter()) < until:
        await asyncio.sleep(INTERVAL)
        lags.append(perf_counter() - start - INTERVAL)


async def point_queries(number: int, rows: int, until: float) -> None:
    """Read and now and then write single rows."""
    key = number
    while perf_counter() < until:
        key = key * 7919 % rows + 1
        point = await Point.objects.get(pk=key)
        if key % 10 == 0:
            point.value += 1
            await point.save()
        await asyncio.sleep(0.005)


async def scans(until: float) -> None:
    """Read the whole table again and again."""
    while perf_counter() < until:
        await Point.objects.filter(name__contains="no such thing").count()
        await Point.objects.all().aggregate(total=Sum("value"), count=Count("*"))


async def many_rows(rows: int, until: float) -> None:
    """Update and delete none, few and many rows, as one statement each and within a transaction."""
    while perf_counter() < until:
        await Point.objects.filter(name="no such name").update(value=1)
        await Point.objects.filter(pk__lt=200).update(value=F("value") + 1)
        await Point.objects.filter(pk__lt=rows // 10).update(value=F("value") + 1)
        async with atomic():
            await Point.objects.filter(pk__lt=100).update(value=2)
            await Point.objects.filter(pk__lt=rows // 20).update(value=3)
        await Log.objects.filter(pk__lt=100).delete()
        await Log.objects.all().delete()
        await asyncio.sleep(0.01)


async def bulk(until: float) -> None:
    """Insert many rows at once."""
    while perf_counter() < until:
        # Building and dropping the instances is the benchmark's own work, and is done bit by bit.
        logs = []
        for number in range(50_000):
            logs.append(Log(text=f"entry {number}"))
            if number % 200 == 0:
                await asyncio.sleep(0)
        await Log.objects.bulk_create(logs)
        while logs:
            del logs[-200:]
            await asyncio.sleep(0)
        await asyncio.sleep(1)


async def locked_out(path: Path, until: float) -> None:
    """Have another process hold the write lock for 2 s, now and then."""
    while perf_counter() < until:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, str(path))
        await process.wait()
        await asyncio.sleep(1)


@asynccontextmanager
async def filled(path: Path, rows: int) -> AsyncIterator[None]:
    """Make the tables and fill the one that is read."""
    await configure_db(f"sqlite:///{path}")
    await create_tables([Point, Log])
    raw = sqlite3.connect(path)
    with raw:
        raw.executemany(
            "INSERT INTO lag_point (name, value) VALUES (?, ?)",
            ((f"point {n}", n) for n in range(rows)),
        )
    raw.close()
    try:
        yield
    finally:
        await close_db()


class Callbacks:
    """The processor time that the callbacks of the running event loop take, in seconds."""

    longest = 0.0

    def __init__(self) -> None:
        plain = asyncio.Handle._run

        def run(handle: asyncio.Handle) -> None:
            started = thread_time()
            plain(handle)
            self.longest = max(self.longest, thread_time() - started)

        asyncio.Handle._run = run  # type: ignore[method-assign,assignment]  # asyncio has no other place to look at


def show(label: str, lags: list[float], callbacks: Callbacks) -> None:
    """Print one line, and begin anew with the longest callback."""
    lags.sort()
    p50, p99, p999 = (
        lags[min(len(lags) - 1, int(len(lags) * share))] for share in (0.5, 0.99, 0.999)
    )
    print(
        f"{label:<22}{len(lags):>8}{p50 * 1e3:>9.2f}{p99 * 1e3:>9.2f}{p999 * 1e3:>9.2f}{lags[-1] * 1e3:>9.2f}"
        f"{callbacks.longest * 1e3:>12.2f}"
    )
    callbacks.longest = 0.0


async def run(seconds: float, tasks: int, rows: int) -> None:
    """Measure an idle loop, then one with everything at once."""
    print(
        f"{'':<22}{'sleeps':>8}{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>9}{'max ms':>9}{'callback ms':>12}"
        "    goal: p99.9 and callback <= 5 ms"
    )
    idle: list[float] = []
    await watch(idle, perf_counter() + min(seconds, 5))
    callbacks = Callbacks()
    show("nothing else", idle, callbacks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lag.db"
        async with filled(path, rows):
            lags: list[float] = []
            gc.disable()  # Its pauses over the benchmark's own 50,000 instances would hide what is measured.
            until = perf_counter() + seconds
            # The first query of a kind imports what it takes, which a server does before it serves.
            await Point.objects.filter(name="").aggregate(total=Sum("value"), count=Count("*"))
            await many_rows(0, perf_counter() + INTERVAL)
            first = await Point.objects.get(pk=1)
            first.value += 1
            await first.save()
            await Log.objects.bulk_create([Log(text="first")])
            await asyncio.sleep(0)
            callbacks.longest = 0.0
            async with asyncio.TaskGroup() as group:
                group.create_task(watch(lags, until))
                group.create_task(scans(until))
                group.create_task(scans(until))
                group.create_task(bulk(until))
                group.create_task(locked_out(path, until))
                group.create_task(many_rows(rows, until))
                for number in range(tasks - 5):
                    group.create_task(point_queries(number, rows, until))
            show(f"{tasks} tasks", lags, callbacks)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description="Measure how late the event loop is while the ORM works on SQLite."
    )
    parser.add_argument("--seconds", type=float, default=15, help="how long (default: 15)")
    parser.add_argument("--tasks", type=int, default=50, help="tasks at once (default: 50)")
    parser.add_argument(
        "--rows", type=int, default=300_000, help="rows of the table (default: 300000)"
    )
    options = parser.parse_args()
    asyncio.run(run(options.seconds, options.tasks, options.rows))


if __name__ == "__main__":
    main()
