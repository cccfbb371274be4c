"""Messages that fail in every way there is, beside others: each ends as its actor says, and the others are not disturbed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.tasks.workers import BROKERS, Workshop, workshop
from tests.servers import REDIS, fresh_database, redis_prefix

ACTORS = """
import functools
import sys

from openviper.tasks import Reject, Retry, SoftTimeLimitError, current_message

@actor(max_retries=0)
def odd_error(number):
    texts = ["bad \\0 byte", "half \\ud800", "x" * 30_000_000, "\\x1b[2Jcleared", "ü\\u2028"]
    raise ValueError(texts[number % len(texts)])

@actor(max_retries=0, store_results=True)
def odd_result(number):
    return ["half \\ud800", "bad \\0 byte", object(), "y" * 2_000_000][number % 4]

@actor(max_retries=1)
def die(number):
    note(f"die {number}")
    os.kill(os.getpid(), 9)

@actor(max_retries=1, min_backoff=10)
async def cancels(number):
    note(f"cancels {number}")
    task = asyncio.create_task(asyncio.sleep(5))
    task.cancel()
    await task

class Bad(Exception):
    def __str__(self):
        raise RuntimeError("no text for you")

@actor(max_retries=0)
def textless(number):
    raise Bad

@actor(max_retries=0)
def leaves(number):
    sys.exit(3)

@actor(max_retries=2, min_backoff=10, time_limit=200)
def too_long(number):
    note(f"begin {number}")
    time.sleep(1)
    note(f"end {number}")

def decorated(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

@actor
@decorated
async def wrapped(number):
    await asyncio.sleep(0.01)
    note(f"wrapped {number}")

@actor(max_retries=0)
@decorated
def generator(number):
    yield number

@actor(max_retries=5, min_backoff=10)
def rejects(number):
    note(f"rejects {number}")
    raise Reject("not this one")

@actor(max_retries=5, min_backoff=10, never_retry=(KeyError,))
def never(number):
    note(f"never {number}")
    raise KeyError(number)

@actor(max_retries=3)
def by_itself(number):
    row = current_message.state.get("row", 0)
    note(f"by_itself {row}")
    if row < 3:
        raise Retry(delay=10, state={"row": row + 1}, counts=False)

@actor(time_limit=60_000, soft_time_limit=200)
def soft(number):
    try:
        while True:
            time.sleep(0.01)
    except SoftTimeLimitError:
        note(f"soft {number}")

@actor(time_limit=60_000, soft_time_limit=200)
async def soft_async(number):
    try:
        await asyncio.sleep(60)
    except SoftTimeLimitError:
        note(f"soft_async {number}")

@actor(max_retries=0, store_results=True)
def reports(number):
    current_message.progress(0.4, "rows read")
    return current_message.attempt
"""
DEAD = {
    "odd_error": 5,
    "die": 1,
    "cancels": 1,
    "textless": 3,
    "leaves": 2,
    "generator": 1,
    "rejects": 1,
    "never": 1,
}
"""How many of each actor's messages are dead in the end."""
SEND = """
for n in range(5): odd_error.send(n)
for n in range(4): odd_result.send(n)
for n in range(3): textless.send(n)
for n in range(2): leaves.send(n)
for one in (die, cancels, too_long, wrapped, generator, rejects, never, by_itself, soft, soft_async, reports):
    one.send(1)
for n in range(200): count.send(n)
"""


@pytest.fixture(params=BROKERS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    """Return a project with bad actors, on a kind of broker."""
    if request.param == "redis":
        with redis_prefix() as prefix:
            keys: dict[str, Any] = {"broker": "redis", "broker_url": REDIS, "redis_prefix": prefix}
            with workshop(tmp_path, backend_url="on", **keys) as made:
                yield _with_bad_actors(made)
    elif request.param == "sqlite":
        with workshop(tmp_path, backend_url="on") as made:
            yield _with_bad_actors(made)
    else:
        with (
            fresh_database(request.param) as url,
            workshop(tmp_path, url=url, backend_url="on") as made,
        ):
            yield _with_bad_actors(made)


def _with_bad_actors(shop: Workshop) -> Workshop:
    path = shop.root / "shop" / "tasks.py"
    path.write_text(path.read_text() + ACTORS)
    return shop


def left(shop: Workshop) -> list[dict[str, Any]]:
    """Return what is stored."""
    found: list[dict[str, Any]] = json.loads(shop.run("tasks", "list", "--json").stdout)
    return found


def test_each_bad_message_ends_as_its_actor_says_and_no_other_suffers(shop: Workshop) -> None:
    shop.python(SEND)
    worker = shop.start("--no-scheduler")
    shop.wait(lambda: {info["state"] for info in left(shop)} <= {"dead"})
    dead = left(shop)
    assert Counter(info["actor"].rpartition(".")[2] for info in dead) == DEAD
    errors = {info["actor"].rpartition(".")[2]: info["error"] for info in dead}
    assert errors["die"] == "WorkerLostError: worker lost"
    assert errors["textless"] == "Bad: <no text: RuntimeError in __str__>"
    assert errors["leaves"] == "SystemExit: 3"
    assert errors["rejects"] == "Reject: not this one"
    assert errors["cancels"] == "CancelledError: "
    assert "generator" in errors["generator"]
    texts = {info["error"][:24] for info in dead if info["actor"].endswith("odd_error")}
    assert {"ValueError: bad \\0 byte", "ValueError: half \\ud800"} <= texts
    assert max(len(info["error"]) for info in dead) < 10_000
    # Nobody's neighbours were lost or left out, and nothing ran more often than it may.
    assert set(shop.numbers("count")) == set(range(200))
    assert len(shop.lines("die")) == 3
    # What was running when the process died runs once more; after that it is alone.
    for name, runs in (("cancels", 2), ("rejects", 1), ("never", 1)):
        assert runs <= len(shop.lines(name)) <= runs + 1
    assert sorted(set(shop.numbers("by_itself"))) == [0, 1, 2, 3]
    for name in ("wrapped", "soft", "soft_async"):
        assert len(shop.lines(name)) >= 1
    begun, ended = shop.numbers("begin"), shop.numbers("end")
    assert len(ended) == 1 and len(begun) - len(ended) in (0, 1)
    # The table goes to an ASCII terminal too, and no ESC reaches it.
    shop.environment["PYTHONIOENCODING"] = "ascii"
    listed = shop.run("tasks", "list")
    assert listed.returncode == 0 and "\x1b" not in listed.stdout
    assert "\\x1b[2Jcleared" in listed.stdout
    assert shop.stop(worker) == 0


def test_results_that_cannot_be_kept_say_so(shop: Workshop) -> None:
    code = (
        "from openviper.tasks import ResultFailure\n"
        "proxies = [odd_result.send(n) for n in range(4)] + [reports.send(1)]\n"
        "for proxy in proxies:\n"
        "    try:\n"
        "        print('result', ascii(proxy.get_result(timeout=30_000)))\n"
        "    except ResultFailure as error:\n"
        "        print('failure', error.type_name)\n"
        "print(proxies[-1].progress().share, proxies[-1].progress().note)\n"
    )
    worker = shop.start("--no-scheduler")
    assert shop.python(code).splitlines() == [
        "result 'half \\ud800'",
        "result 'bad \\x00 byte'",
        "failure TypeError",
        "failure ValueError",
        "result 1",
        "0.4 rows read",
    ]
    assert shop.stop(worker) == 0
