"""Everything at once: bad messages, workers killed and stopped, a store that goes away and comes back.

``OPENVIPER_CHAOS_SECONDS`` sets how long each broker is tormented; a few seconds by default. What was measured is printed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.acceptance.tasks.workers import BROKERS, Workshop, workshop
from tests.servers import fresh_database, run_on_server

EVERY, LATE = 2.0, 1.0
"""Seconds from one beat to the next, and how much later than that it may be sent."""
SECONDS = float(os.environ.get("OPENVIPER_CHAOS_SECONDS", "6"))
LONG, P99 = 60.0, 2.0
"""Seconds of a run from which on delays say something, and the delay that 99 of 100 probes stay below, outages included."""

ACTORS = """
from openviper.tasks import Reject, Retry, current_message

@actor(max_retries=50, min_backoff=10, max_backoff=100)
def probe(number, sent):
    note(f"probe {number} {sent} {time.time()}")

@actor(max_retries=50, min_backoff=10, max_backoff=100)
async def probe_async(number, sent):
    note(f"probe {number} {sent} {time.time()}")

@actor(max_retries=1, min_backoff=10, max_backoff=100)
def fails(number):
    raise ValueError("always")

@actor(max_retries=3, min_backoff=10, max_backoff=100)
def second_time(number):
    if current_message.attempt == 1:
        raise ValueError("once")
    note(f"ok {number}")

@actor(max_retries=1, min_backoff=10, max_backoff=100)
async def cancels(number):
    task = asyncio.create_task(asyncio.sleep(5))
    task.cancel()
    await task

@actor(max_retries=1)
def dies(number):
    note(f"died {number}")
    os.kill(os.getpid(), 9)

@actor(max_retries=0)
def odd(number):
    raise ValueError(["bad \\0 byte", "half \\ud800", "x" * 3_000_000, "\\x1b[2J"][number % 4])

class Bad(Exception):
    def __str__(self):
        raise RuntimeError

@actor(max_retries=0)
def textless(number):
    raise Bad

@actor(max_retries=0)
def leaves(number):
    raise SystemExit(3)

@actor(max_retries=5)
def rejects(number):
    raise Reject("no")

@actor(max_retries=5, never_retry=KeyError)
def never(number):
    raise KeyError(number)

@actor(max_retries=50, min_backoff=10, time_limit=300)
def overdue(number):
    time.sleep(0.6)
    note(f"ok {number}")

@actor(max_retries=50, min_backoff=10)
def long(number):
    time.sleep(1.5)
    note(f"ok {number}")

@actor(max_retries=50, min_backoff=10)
async def long_async(number):
    await asyncio.sleep(1.5)
    note(f"ok {number}")

@actor(max_retries=50, min_backoff=10)
def huge(number, text):
    note(f"ok {number}")

@actor(max_retries=50, min_backoff=10)
def by_itself(number):
    row = current_message.state.get("row", 0)
    if row < 3:
        raise Retry(delay=20, state={"row": row + 1}, counts=False)
    note(f"ok {number}")

@actor(max_retries=50, min_backoff=10, concurrency=2)
def two_at_a_time(number):
    time.sleep(0.02)
    note(f"ok {number}")

@actor(max_retries=50, min_backoff=10, rate_limit="20/s")
def rated(number):
    note(f"ok {number}")

@periodic(every="2s", overlap="allow")
def beat():
    beat = current_message.get()
    note(f"beat {time.time()} {beat.message_id} {beat.sent_at}")

GOOD = [second_time, overdue, long, long_async, huge, by_itself, two_at_a_time, rated]
BAD = [fails, cancels, dies, odd, textless, leaves, rejects, never]

def torment(seconds):
    import random
    from openviper.tasks import BrokerError
    rng, end, number = random.Random(7), time.time() + seconds, 0
    with open(os.environ["SENT_LOG"], "a") as log:
        def send(kind, actor, *more):
            nonlocal number
            try:
                actor.send(number, *more)
            except BrokerError:
                time.sleep(0.2)
                return
            log.write(f"{kind} {number} {actor.fn.__name__}\\n")
            log.flush()
            number += 1
        while time.time() < end:
            time.sleep(0.02)
            send("probe", rng.choice([probe, probe_async]), time.time())
            if rng.random() < 0.3:
                actor = rng.choice(GOOD)
                send("ok", actor, *(["y" * 100_000] if actor is huge else []))
            if rng.random() < 0.08:
                actor = rng.choice(BAD)
                if actor is not dies or rng.random() < 0.2:
                    send("dead", actor)
"""


class Place(NamedTuple):
    """A broker, and how to take it away for a while.

    Attributes:
        shop: Arguments of `workshop`.
        outage: Takes the store away for so many seconds.
    """

    shop: dict[str, Any]
    outage: Callable[[float], None]


@contextmanager
def _postgresql() -> Iterator[Place]:
    with fresh_database("postgresql") as url:
        name = url.rpartition("/")[2]

        def outage(seconds: float) -> None:
            run_on_server("postgresql", f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            run_on_server(
                "postgresql",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
            )
            time.sleep(seconds)
            run_on_server("postgresql", f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

        yield Place({"url": url}, outage)


@contextmanager
def _mysql() -> Iterator[Place]:
    with fresh_database("mysql") as url:
        name = url.rpartition("/")[2]

        def outage(seconds: float) -> None:
            # The server is shared with other tests: its connections are killed again and again.
            end = time.monotonic() + seconds
            sql = f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
            while time.monotonic() < end:
                for (number,) in run_on_server("mysql", sql):
                    try:
                        run_on_server("mysql", f"KILL {number}")
                    except Exception:  # It is gone already.
                        continue

        yield Place({"url": url}, outage)


@contextmanager
def _redis(root: Path) -> Iterator[Place]:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server to start and stop")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = root / "redis"
    folder.mkdir()
    words = ["redis-server", "--port", str(port), "--dir", str(folder), "--appendonly", "yes"]
    words += ["--appendfsync", "always", "--save", "", "--bind", "127.0.0.1"]

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as connection:
                    connection.sendall(b"PING\r\n")
                    # It lets clients in while it still reads its file, and answers nothing but that.
                    if connection.recv(100).startswith(b"+PONG"):
                        return process
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError("redis-server does not start")

    server = [start()]

    def outage(seconds: float) -> None:
        server[0].terminate()
        server[0].wait(120)
        time.sleep(seconds)
        server[0] = start()

    try:
        yield Place({"broker": "redis", "broker_url": f"redis://127.0.0.1:{port}/0"}, outage)
    finally:
        server[0].terminate()
        server[0].wait(120)


@contextmanager
def _sqlite(root: Path) -> Iterator[Place]:
    path = root / "db.sqlite3"

    def outage(seconds: float) -> None:
        connection = sqlite3.connect(path, isolation_level=None, timeout=20)
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
        connection.close()

    yield Place({}, outage)


@pytest.fixture(params=BROKERS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Return a kind of broker."""
    makers: dict[str, Callable[[], AbstractContextManager[Place]]] = {
        "sqlite": lambda: _sqlite(tmp_path),
        "postgresql": _postgresql,
        "mysql": _mysql,
        "redis": lambda: _redis(tmp_path),
    }
    with makers[request.param]() as made:
        yield made


class Disturbances:
    """What was done to workers and store, and when, in seconds since the epoch."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, float, float]] = []
        self.counts: Counter[str] = Counter()

    @contextmanager
    def noted(self, what: str, after: float) -> Iterator[None]:
        """Note a disturbance and the seconds after it in which its effects are felt."""
        began = time.time()
        yield
        self.counts[what] += 1
        self.spans.append((what, began - 0.5, time.time() + after))

    def is_calm(self, begin: float, end: float, but: tuple[str, ...] = ()) -> bool:
        """Return whether nothing was going on, but what does not matter."""
        return all(what in but or end < first or begin > last for what, first, last in self.spans)


def _torment(shop: Workshop, place: Place, seconds: float) -> Disturbances:
    """Send, and kill and stop workers and the store, for a while."""
    rng, done = random.Random(11), Disturbances()
    workers = [shop.start(), shop.start("--processes", "2")]
    code = f"import openviper\nopenviper.setup()\nfrom shop.tasks import *\ntorment({seconds})"
    errors = shop.root / "sender.txt"
    with errors.open("w") as file:
        sender = subprocess.Popen(
            [sys.executable, "-c", code], cwd=shop.root, env=shop.environment, stderr=file
        )
    while sender.poll() is None:
        time.sleep(rng.uniform(1.0, 2.5))
        choice = rng.choice(["kill", "stop", "outage", "nothing", "nothing"])
        number = rng.randrange(len(workers))
        with done.noted(choice, 0.0 if choice == "nothing" else 6.0):
            if choice == "kill":
                shop.kill(workers[number])
                workers[number] = shop.start()
            elif choice == "stop":
                assert shop.stop(workers[number]) == 0
                workers[number] = shop.start()
            elif choice == "outage":
                place.outage(rng.uniform(0.5, 2.0))
    assert sender.returncode == 0, errors.read_text()
    return done


def _left(shop: Workshop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        shop.run("tasks", "list", "--json", "--limit", "1000000").stdout
    )
    return found


def test_every_message_ends_as_its_actor_says_whatever_happens(
    tmp_path: Path, place: Place
) -> None:
    with workshop(tmp_path, **place.shop) as shop:
        sent_log = tmp_path / "sent.txt"
        sent_log.touch()
        shop.environment["SENT_LOG"] = str(sent_log)
        path = shop.root / "shop" / "tasks.py"
        code = path.read_text().replace('@periodic(every="1s")\n', "")
        path.write_text(code + ACTORS)
        done = _torment(shop, place, SECONDS)
        shop.wait(lambda: all(info["state"] == "dead" for info in _left(shop)))
        sent: dict[str, set[int]] = {"probe": set(), "ok": set(), "dead": set()}
        for line in sent_log.read_text().splitlines():
            kind, number, _ = line.split()
            sent[kind].add(int(number))
        assert sent["ok"] <= set(shop.numbers("ok"))
        assert sent["probe"] <= set(shop.numbers("probe"))
        dead = _left(shop)
        # A send whose answer was lost may have been stored without being noted, never the other way round.
        assert len(dead) >= len(sent["dead"])
        lost = [info for info in dead if info["error"] == "WorkerLostError: worker lost"]
        assert {info["actor"] for info in lost} <= {"shop.tasks.dies"}
        assert not any(info["error"].startswith("BrokerError") for info in dead)
        _report(shop, done, sent, len(dead))


def _report(shop: Workshop, done: Disturbances, sent: dict[str, set[int]], dead: int) -> None:
    """Print what was measured, and check the bounds where nothing was going on."""
    first: dict[str, tuple[float, float]] = {}
    for line in shop.lines("probe"):
        number, sent_at, began_at, _ = line.split()
        first.setdefault(number, (float(sent_at), float(began_at)))
    delays = sorted(began - at for at, began in first.values())
    calm = sorted(began - at for at, began in first.values() if done.is_calm(at, began))
    print(
        f"\nsent {', '.join(f'{len(numbers)} {kind}' for kind, numbers in sent.items())}; dead {dead}; "
        f"{dict(done.counts)}\n"
        f"delay of probes: median {delays[len(delays) // 2]:.3f} s, "
        f"p99 {delays[int(len(delays) * 0.99)]:.3f} s, longest {delays[-1]:.3f} s; "
        f"away from disturbances: {len(calm)}, p99 {calm[int(len(calm) * 0.99)] if calm else 0:.3f} s"
    )
    assert SECONDS < LONG or delays[int(len(delays) * 0.99)] < P99
    _check_beats(shop, done)


def _check_beats(shop: Workshop, done: Disturbances) -> None:
    """Each firing is sent once, and in time, however many schedulers there are and whoever is killed."""
    sent: dict[str, float] = {}
    for line in shop.lines("beat"):
        _, message_id, sent_at, _ = line.split()
        sent[message_id] = float(sent_at)
    # Killed workers are no excuse: there is another one that sends what is due.
    spacing = [
        later - sooner
        for sooner, later in pairwise(sorted(sent.values()))
        if done.is_calm(sooner, later, but=("kill", "stop"))
    ]
    print(
        f"beats {len(sent)}; from one to the next, without outages, {len(spacing)} times: "
        f"{min(spacing, default=0):.2f} to {max(spacing, default=0):.2f} s"
    )
    assert all(EVERY * 0.85 <= gap <= EVERY + LATE for gap in spacing), sorted(spacing)
