"""Compare the queue of background tasks with raw code that does the same inserts and claims in the same store.

    python3 scripts/bench/tasks.py [--kinds sqlite postgresql mysql redis] [--jobs 10000] [--rounds 5] [--idle 10]

Ours is a real project: one process that sends, and ``start-worker --threads 8``, as its users run it. Raw is one process with
one connection: rows stored one by one, each with its commit; then taken in batches, each batch marked as taken in one
transaction, and deleted when they are done, so that nothing is lost when it is killed: one by one on SQLite, where a commit is
a matter of microseconds, and with the next batch elsewhere. Both take turns within a round. Then, with the
worker idle, jobs are sent one at a time and tell how long it took until they began; and the worker's processor time and memory
while it has nothing to do. On servers everything lies in a database made for the run and dropped after it, on Redis below a
prefix of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, Protocol
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
BATCH = 16
"""Messages that raw code takes at a time: what a worker with 8 threads claims ahead."""
THREADS = 8
PAYLOAD = '{"args":[],"kwargs":{}}'
KEY = "bench-" * 10
SERVERS = {
    "postgresql": os.environ.get("TEST_SERVER_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432"),
    "mysql": os.environ.get("TEST_SERVER_MYSQL", "mysql://root@127.0.0.1:3306"),
    "redis": os.environ.get("TEST_SERVER_REDIS", "redis://127.0.0.1:6379/0"),
}
GOALS = {"sqlite": (0.7, 0.75), "postgresql": (0.7, 0.6), "redis": (0.75, 1.0)}
"""Least ratios to the raw rate: sending, draining."""

SETTINGS = """
import dataclasses
import os
from typing import Any
from openviper.conf import Settings

@dataclasses.dataclass(frozen=True)
class BenchSettings(Settings):
    SECRET_KEY: str = {key!r}
    INSTALLED_APPS: tuple[str, ...] = ("shop",)
    DATABASES: dict[str, Any] = dataclasses.field(default_factory=lambda: {{"default": {{"URL": {url!r}}}}})
    TASKS: dict[str, Any] = dataclasses.field(default_factory=lambda: {tasks!r})
"""
ACTORS = """
import itertools
import os
import time
from openviper.tasks import actor

counter = itertools.count(1)
state = {}

def tell(text):
    with open(os.environ["BENCH_LOG"], "a") as file:
        file.write(text + "\\n")

@actor
def noop(jobs):
    number = next(counter)
    if number == 1:
        state["began"] = time.perf_counter()
    elif number == jobs:
        tell(f"drained {time.perf_counter() - state['began']}")

@actor
def stamp(sent):
    tell(f"began {time.time() - sent}")
"""
SEND = """
import sys, time
import openviper
openviper.setup()
from shop.tasks import noop
from openviper.tasks.broker import get_broker
jobs = int(sys.argv[1])
get_broker().queues()
began = time.perf_counter()
for _ in range(jobs):
    noop.send(jobs)
print(time.perf_counter() - began)
"""
STAMP = """
import random, sys, time
import openviper
openviper.setup()
from shop.tasks import stamp
from openviper.tasks.broker import get_broker
get_broker().queues()
for _ in range(int(sys.argv[1])):
    time.sleep(random.uniform(0.005, 0.02))
    stamp.send(time.time())
"""


class Raw(Protocol):
    """Raw code on one store; both return seconds."""

    def enqueue(self, jobs: int) -> float:
        """Store jobs one by one."""
        ...

    def drain(self, jobs: int) -> float:
        """Take and delete them all, in batches."""
        ...


class RawSQLite:
    """The module `sqlite3`, with the settings that the queue uses."""

    def __init__(self, path: str) -> None:
        self.raw = sqlite3.connect(path, isolation_level=None)
        self.raw.execute("PRAGMA journal_mode=WAL")
        self.raw.execute("PRAGMA synchronous=NORMAL")
        self.raw.execute(
            "CREATE TABLE raw_job (id INTEGER PRIMARY KEY, actor TEXT, payload TEXT, taken INTEGER, at REAL)"
        )
        self.raw.execute("CREATE INDEX raw_ready ON raw_job (id) WHERE taken = 0")

    def enqueue(self, jobs: int) -> float:
        """Store jobs one by one."""
        began = time.perf_counter()
        for _ in range(jobs):
            self.raw.execute(
                "INSERT INTO raw_job (actor, payload, taken, at) VALUES (?, ?, 0, ?)",
                ("noop", PAYLOAD, time.time()),
            )
        return time.perf_counter() - began

    def drain(self, jobs: int) -> float:
        """Take and delete them all, in batches."""
        began, left = time.perf_counter(), jobs
        while left:
            self.raw.execute("BEGIN IMMEDIATE")
            rows = self.raw.execute(
                "SELECT id, actor, payload, at FROM raw_job WHERE taken = 0 ORDER BY id LIMIT ?",
                (BATCH,),
            ).fetchall()
            self.raw.executemany(
                "UPDATE raw_job SET taken = 1 WHERE id = ?", [(row[0],) for row in rows]
            )
            self.raw.execute("COMMIT")
            for row in rows:
                self.raw.execute("DELETE FROM raw_job WHERE id = ?", (row[0],))
            left -= len(rows)
        return time.perf_counter() - began


class RawServer:
    """psycopg or PyMySQL, with ``FOR UPDATE SKIP LOCKED``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "postgresql":
            import psycopg

            self.raw: Any = psycopg.connect(url, autocommit=True)
            number, text = "BIGINT GENERATED BY DEFAULT AS IDENTITY", "TEXT"
        else:
            import pymysql

            self.raw = pymysql.connect(
                host=parts.hostname,
                port=parts.port or 3306,
                user=parts.username,
                database=parts.path[1:],
                autocommit=True,
            )
            number, text = "BIGINT AUTO_INCREMENT", "LONGTEXT"
        self.cursor = self.raw.cursor()
        self.is_mysql = parts.scheme == "mysql"
        self.cursor.execute(
            f"CREATE TABLE raw_job (id {number} PRIMARY KEY, actor {text}, payload {text}, taken INTEGER, at DOUBLE PRECISION)"
        )
        condition = "" if self.is_mysql else " WHERE taken = 0"
        self.cursor.execute(
            f"CREATE INDEX raw_ready ON raw_job ({'taken, ' if self.is_mysql else ''}id){condition}"
        )
        if self.is_mysql:
            self.cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def enqueue(self, jobs: int) -> float:
        """Store jobs one by one."""
        began = time.perf_counter()
        for _ in range(jobs):
            self.cursor.execute(
                "INSERT INTO raw_job (actor, payload, taken, at) VALUES (%s, %s, 0, %s)",
                ("noop", PAYLOAD, time.time()),
            )
        return time.perf_counter() - began

    def drain(self, jobs: int) -> float:
        """Take and delete them all, in batches."""
        run = self.cursor.execute
        if not self.is_mysql:
            run("SET synchronous_commit = off")
        began, left = time.perf_counter(), jobs
        done: list[int] = []
        while left or done:
            run("BEGIN")
            if done:
                run(f"DELETE FROM raw_job WHERE id IN ({', '.join(['%s'] * len(done))})", done)
            run(
                "SELECT id, actor, payload, at FROM raw_job WHERE taken = 0 ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                (BATCH,),
            )
            done = [row[0] for row in self.cursor.fetchall()]
            if done:
                run(
                    f"UPDATE raw_job SET taken = 1 WHERE id IN ({', '.join(['%s'] * len(done))})",
                    done,
                )
            run("COMMIT")
            left -= len(done)
        seconds = time.perf_counter() - began
        if not self.is_mysql:
            run("SET synchronous_commit = on")
        return seconds


class RawRedis:
    """redis-py, with a stream and a consumer group."""

    def __init__(self, url: str, prefix: str) -> None:
        import redis

        self.raw = redis.Redis.from_url(url, decode_responses=True)
        self.stream = f"{prefix}raw"
        self.raw.xgroup_create(self.stream, "raw", id="0", mkstream=True)

    def enqueue(self, jobs: int) -> float:
        """Store jobs one by one."""
        began = time.perf_counter()
        for _ in range(jobs):
            self.raw.xadd(
                self.stream, {"actor": "noop", "payload": PAYLOAD, "at": repr(time.time())}
            )
        return time.perf_counter() - began

    def drain(self, jobs: int) -> float:
        """Take and delete them all, in batches."""
        began, left = time.perf_counter(), jobs
        while left:
            answer: Any = self.raw.xreadgroup("raw", "me", {self.stream: ">"}, count=BATCH)
            keys = [key for key, _ in answer[0][1]]
            with self.raw.pipeline() as pipe:
                pipe.xack(self.stream, "raw", *keys)
                pipe.xdel(self.stream, *keys)
                pipe.execute()
            left -= len(keys)
        return time.perf_counter() - began


class Project:
    """A project with actors, its sender and its worker."""

    def __init__(self, root: Path, url: str, tasks: dict[str, Any]) -> None:
        self.root, self.log = root, root / "log.txt"
        (root / "shop").mkdir()
        (root / "settings.py").write_text(SETTINGS.format(key=KEY, url=url, tasks=tasks))
        (root / "shop" / "__init__.py").touch()
        (root / "shop" / "tasks.py").write_text(ACTORS)
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("OPENVIPER")
            },
            "OPENVIPER_SETTINGS_MODULE": "settings",
            "PYTHONPATH": f"{root}{os.pathsep}{ROOT}",
            "BENCH_LOG": str(self.log),
        }

    def run(self, code: str, number: int) -> str:
        """Run a program and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", code, str(number)],
            cwd=self.root, env=self.environment, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    @contextmanager
    def worker(self) -> Iterator[int]:
        """Run a worker and give the number of the process that works."""
        process = subprocess.Popen(
            [sys.executable, "-m", "openviper", "viperctl", "start-worker", "--threads", str(THREADS), "--no-scheduler"],
            cwd=self.root, env=self.environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None and "started" in process.stdout.readline()
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while not (child := children.read_text().split()):
                time.sleep(0.01)
            yield int(child[0])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def told(self, word: str, count: int) -> list[float]:
        """Wait for lines of the log, remove them, and return their numbers."""
        while True:
            lines = self.log.read_text().splitlines() if self.log.exists() else []
            found = [float(line.split()[1]) for line in lines if line.startswith(word)]
            if len(found) >= count:
                self.log.unlink()
                return found
            time.sleep(0.01)


def compare(kind: str, project: Project, raw: Raw, jobs: int, rounds: int) -> None:
    """Print how fast jobs are sent and carried out."""
    seconds: dict[str, list[tuple[float, float]]] = {"send": [], "drain": []}
    for number in range(rounds + 1):
        sent = raw.enqueue(jobs), float(project.run(SEND, jobs))
        drained_raw = raw.drain(jobs)
        with project.worker():
            drained = project.told("drained", 1)[0]
        if number:  # The first round warms up.
            seconds["send"].append(sent)
            seconds["drain"].append((drained_raw, drained))
    goals = GOALS.get(kind, (None, None))
    for (name, pairs), goal in zip(seconds.items(), goals, strict=True):
        theirs, ours = (jobs / median(column) for column in zip(*pairs, strict=True))
        ratio = median(one / other for one, other in pairs)
        print(
            f"{kind:<12}{name:<8}{theirs:>12,.0f}/s{ours:>12,.0f}/s{ratio:>8.2f}{'' if goal is None else goal:>8}"
        )


def processor_time(pid: int) -> float:
    """Return the seconds that a process has worked so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[float, float]:
    """Return the resident memory of a process in MB, and its share when common pages are divided among their users."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    found = {
        line.split(":")[0]: int(line.split()[1]) / 1024
        for line in lines
        if line.startswith(("Rss", "Pss:"))
    }
    return found["Rss"], found["Pss"]


def watch_idle(kind: str, project: Project, jobs: int, idle: float) -> None:
    """Print how soon jobs begin on an idle worker, and what it costs."""
    with project.worker() as pid:
        time.sleep(1)
        project.run(STAMP, jobs)
        late = sorted(project.told("began", jobs))
        before = processor_time(pid)
        time.sleep(idle)
        share = (processor_time(pid) - before) / idle
        resident, proportional = memory(pid)
    half, most = late[len(late) // 2] * 1000, late[int(len(late) * 0.99)] * 1000
    print(
        f"{kind:<12}latency p50 {half:.2f} ms (goal 3), p99 {most:.2f} ms (goal 8); idle {share:.2%} of a core (goal 2%); "
        f"memory {resident:.1f} MB (goal 35), {proportional:.1f} MB with shared pages divided"
    )


@contextmanager
def opened(kind: str, root: Path) -> Iterator[tuple[Project, Raw]]:
    """Make a store for the run, and drop it afterwards."""
    project_root = root / kind
    project_root.mkdir()
    name = f"openviper_bench_{os.getpid()}"
    if kind == "sqlite":
        yield (
            Project(project_root, f"sqlite:///{root / 'ours.sqlite3'}", {}),
            RawSQLite(str(root / "raw.sqlite3")),
        )
    elif kind == "redis":
        import redis

        tasks = {"broker": "redis", "broker_url": SERVERS[kind], "redis_prefix": f"{name}:"}
        client = redis.Redis.from_url(SERVERS[kind])
        try:
            yield (
                Project(project_root, "sqlite:///db.sqlite3", tasks),
                RawRedis(SERVERS[kind], f"{name}:"),
            )
        finally:
            for key in client.scan_iter(f"{name}:*"):
                client.delete(key)
    else:
        administrator = administer(kind)
        administrator.execute(f"CREATE DATABASE {name}")
        try:
            url = f"{SERVERS[kind]}/{name}"
            yield Project(project_root, url, {}), RawServer(url)
        finally:
            administrator.execute(
                f"DROP DATABASE {name}{' WITH (FORCE)' if kind == 'postgresql' else ''}"
            )


def administer(kind: str) -> Any:
    """Return a cursor that may create databases."""
    if kind == "postgresql":
        import psycopg

        return psycopg.connect(f"{SERVERS[kind]}/postgres", autocommit=True).cursor()
    import pymysql

    parts = urlsplit(SERVERS[kind])
    return pymysql.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username, autocommit=True
    ).cursor()


def main() -> None:
    """Measure every kind of store."""
    parser = argparse.ArgumentParser(description="Measure the queue of background tasks.")
    parser.add_argument(
        "--kinds", nargs="+", default=["sqlite", "postgresql", "mysql", "redis"], help="the stores"
    )
    parser.add_argument(
        "--jobs", type=int, default=10_000, help="jobs per round (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: %(default)s)")
    parser.add_argument(
        "--idle", type=float, default=10.0, help="seconds of doing nothing (default: %(default)s)"
    )
    options = parser.parse_args()
    print(
        f"Python {sys.version.split()[0]}, medians of {options.rounds} rounds of {options.jobs:,} jobs\n"
    )
    print(f"{'':<20}{'raw':>14}{'OpenViper':>14}{'ratio':>8}{'goal':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds:
            with opened(kind, Path(folder)) as (project, raw):
                compare(kind, project, raw, options.jobs, options.rounds)
                watch_idle(kind, project, min(options.jobs, 500), options.idle)


if __name__ == "__main__":
    main()
