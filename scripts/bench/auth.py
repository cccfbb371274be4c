#!/usr/bin/env python3
"""What a session user costs a request, and what logins cost the others.

    python3 scripts/bench/auth.py [--postgres URL]

Prints two figures per database: the time of a request whose handler looks at ``request.user``, over the time of a handler that
runs the same two statements by hand (bar: 1.4); and the longest time in 99 of 100 cases that other requests take while 50
people log in at once, in milliseconds (bar: 50).
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

from openviper.conf import Settings, settings

# Before the models, which are made for the settings that are in place.
settings.configure(Settings(SECRET_KEY="k" * 60, INSTALLED_APPS=("openviper.auth",)))

from openviper import OpenViper, Request
from openviper.auth import authenticate, login
from openviper.auth.models import StoredSession, User
from openviper.db.connection import connections
from openviper.db.schemas import create_tables
from openviper.testing import OpenViperTestClient

PASSWORD = "correct horse battery"
ROUNDS = 40
"""Rounds of each, by turns, so that both see the same machine."""
PER_ROUND = 25
MOST_OVERHEAD = 1.4
MOST_WAIT_MS = 50.0


def make_app() -> OpenViper:
    """Return an application with a page for users and the same by hand."""
    app = OpenViper(debug=False)

    @app.get("/in")
    async def enter(request: Request) -> str:
        await login(request, await User.objects.get(username="ann"))
        return str(request.session.id)

    @app.get("/user")
    async def user(request: Request) -> str:
        return str(request.user.username)

    @app.get("/by-hand/{session}/{number:int}")
    async def by_hand(session: str, number: int) -> str:
        row = await StoredSession.objects.get_or_none(session_key=session)
        found = await User.objects.get_or_none(pk=number)
        return found.username if row is not None and found is not None else ""

    @app.get("/plain")
    async def plain(_request: Request) -> str:
        return "plain"

    @app.get("/guess/{number:int}")
    async def guess(number: int) -> str:
        return str(await authenticate(f"user{number}", "wrong"))

    return app


async def timed(call: Callable[[], Awaitable[Any]], times: int) -> float:
    """Return the seconds that some calls take."""
    started = time.perf_counter()
    for _ in range(times):
        await call()
    return time.perf_counter() - started


async def overhead(app: OpenViper) -> float:
    """Return how many times as long a request with a user takes as the same by hand."""
    browser, other = OpenViperTestClient(app), OpenViperTestClient(app)
    session = (await browser.get("/in")).text
    assert (await browser.get("/user")).text == "ann"
    hand = f"/by-hand/{session}/1"
    assert (await other.get(hand)).text == "ann"
    ratios = []
    for _ in range(ROUNDS):
        by_hand = await timed(lambda: other.get(hand), PER_ROUND)
        ratios.append(await timed(lambda: browser.get("/user"), PER_ROUND) / by_hand)
    return statistics.median(ratios)


async def waits(app: OpenViper) -> float:
    """Return the 99th percentile of other requests while 50 people log in, in milliseconds."""
    client = OpenViperTestClient(app)
    logins = [
        asyncio.ensure_future(client.get(f"/guess/{number}", timeout=300.0)) for number in range(50)
    ]
    took: list[float] = []
    while not all(login.done() for login in logins):
        took.append(await timed(lambda: client.get("/plain"), 1) * 1000)
        await asyncio.sleep(0.005)
    return statistics.quantiles(took, n=100)[98]


async def measure(name: str, url: str) -> None:
    """Measure on one database."""
    connections.configure({"default": {"URL": url}})
    try:
        await create_tables()
        await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        app = make_app()
        print(f"{name}: a request with its user / by hand: {await overhead(app):.2f}", end=" ")
        print(f"(bar {MOST_OVERHEAD})")
        print(f"{name}: p99 of others during 50 logins: {await waits(app):.1f} ms", end=" ")
        print(f"(bar {MOST_WAIT_MS:.0f} ms)")
    finally:
        await connections.disconnect_all()
        connections.reset()


def main() -> None:
    """Measure on SQLite, and on PostgreSQL where an empty database is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", metavar="URL", help="an empty PostgreSQL database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}"))
    if options.postgres:
        asyncio.run(measure("PostgreSQL", options.postgres))


if __name__ == "__main__":
    main()
