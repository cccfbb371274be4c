#!/usr/bin/env python3
"""What the testing kit costs a project's tests.

    python3 scripts/bench/testing.py [--postgres URL] [--mariadb URL] [--django PYTHON] [--tests N] [--rounds N]

Prints the time of 1,000 requests of the test client over that of calling the application itself (bar: 2); for each database
the time of 200 tests kept apart by transactions over that of the same tests without isolation (bar: 1.3); with a Python that
has pytest-django, the time of the same tests over the time that they take there (bar: 1); and the seconds that a suite takes
whose tests log in (bar: 2). The databases that the addresses name are not touched.

With and without isolation the tests do the same on the same connection, which stays open from the first test to the last, in a
test database that is made in the same way. With it each test is a transaction that is rolled back. Without it there is one
transaction around all tests, so that neither side commits, and no statement between them: each test sees the rows of those
before it, which are gone at the end, when the connection is closed. The ratio is thus that of what the transactions cost.
With SQLite, whose work is all in the process of the tests, the time is that of the processor, as other processes do not add to
it; with a server it is that of the clock.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)

import argparse
import asyncio
import os
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Callable
from typing import Any

from openviper import OpenViper
from openviper.conf import Settings, settings

REQUESTS = 1000
TESTS = 200
ROUNDS = 2
"""Rounds of each, by turns, so that both see the same machine, unless `--rounds` says how many."""
MOST_CLIENT, MOST_ISOLATION, MOST_DJANGO, MOST_LOGIN_SECONDS = 2.0, 1.3, 1.0, 2.0

TIMER = """
import os, time
import pytest

moments = []
clock = getattr(time, os.environ["BENCH_CLOCK"])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    moments.append(clock())
    result = yield
    moments.append(clock())
    return result


def pytest_sessionfinish():
    # Without the first test, which makes the database.
    with open(os.environ["BENCH_RESULT"], "w") as file:
        file.write(str(moments[-1] - moments[1]))
"""
WITHOUT = """

from openviper.testing.databases.kept import KeptPool

begin = KeptPool.begin
begun = []


async def begin_once(pool):
    if pool.connection in begun:
        pool.is_isolated = True
    else:
        begun.append(pool.connection)
        await begin(pool)


async def end_without_rollback(pool):
    pool.is_isolated = False
    pool.session = None
    await pool._until_quiet()
    pool._bring(pool._connection)
    return True


KeptPool.begin = begin_once
KeptPool.end = end_without_rollback

"""
SETTINGS = f"""
import dataclasses
from openviper.conf import Settings


@dataclasses.dataclass(frozen=True)
class ProjectSettings(Settings):
    SECRET_KEY: str = {"k" * 60!r}
    INSTALLED_APPS: tuple[str, ...] = ("openviper.auth", "desk")
"""
OURS = {
    "pyproject.toml": '[tool.openviper.testing]\nsettings = "desk.settings"\n[tool.pytest.ini_options]\npythonpath = ["."]\n',
    "desk/__init__.py": "",
    "desk/settings.py": SETTINGS,
    "desk/asgi.py": "from openviper import OpenViper\napp = OpenViper()\n",
    "desk/models.py": "from openviper.db import CharField, Model\n\n\nclass Ticket(Model):\n    title = CharField(max_length=60)\n",
    "desk/routes.py": "from desk.views import router\nroute_paths = [('', router)]\n",
    "desk/views.py": """
        from openviper import Router
        from openviper.auth import authenticate, login
        from desk.models import Ticket

        router = Router()

        @router.get("/tickets")
        async def tickets(request):
            return {"count": await Ticket.objects.count()}

        @router.post("/login")
        async def enter(request):
            values = await request.json()
            user = await authenticate(values["username"], values["password"], request)
            if user is None:
                return {"ok": False}
            await login(request, user)
            return {"ok": True}

        @router.get("/me")
        async def me(request):
            return {"name": getattr(request.user, "username", "")}
        """,
}
OUR_TESTS = """
import os
import uuid
import pytest
from desk.models import Ticket


@pytest.mark.parametrize("number", range(int(os.environ["BENCH_TESTS"])))
async def test_tickets(client, number):
    before = await Ticket.objects.count()
    # Nothing is left of the tests before, or all of it.
    assert before == (number * 3 if "BENCH_WITHOUT" in os.environ else 0)
    for _ in range(3):
        await Ticket.objects.create(title=str(uuid.uuid4()))
    assert await Ticket.objects.count() == before + 3
    assert (await client.get("/tickets")).json() == {"count": before + 3}
"""
LOGIN_TESTS = """
import pytest


@pytest.mark.parametrize("number", range(10))
async def test_who_logs_in_is_known(client, user_factory, number):
    await user_factory.create(username="ada", password="a good password")
    wrong = await client.post("/login", json={"username": "ada", "password": "no"})
    assert wrong.json() == {"ok": False}
    right = await client.post("/login", json={"username": "ada", "password": "a good password"})
    assert right.json() == {"ok": True}
    assert (await client.get("/me")).json() == {"name": "ada"}
"""
DJANGO = {
    "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = site_settings\n",
    "site_settings.py": """
        import os
        SECRET_KEY = "k" * 60
        ALLOWED_HOSTS = ["*"]
        INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "desk"]
        MIDDLEWARE = [
            "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
        ]
        ROOT_URLCONF = "desk.urls"
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3", "TEST": {"NAME": "test.sqlite3"}}}
        """,
    "desk/__init__.py": "",
    "desk/models.py": "from django.db import models\n\n\nclass Ticket(models.Model):\n    title = models.CharField(max_length=60)\n",
    "desk/urls.py": """
        from django.http import JsonResponse
        from django.urls import path
        from desk.models import Ticket

        urlpatterns = [path("tickets", lambda request: JsonResponse({"count": Ticket.objects.count()}))]
        """,
    "test_tickets.py": """
        import os
        import uuid
        import pytest
        from desk.models import Ticket


        @pytest.mark.django_db
        @pytest.mark.parametrize("number", range(int(os.environ["BENCH_TESTS"])))
        def test_tickets(client, number):
            before = Ticket.objects.count()
            assert before == 0
            for _ in range(3):
                Ticket.objects.create(title=str(uuid.uuid4()))
            assert Ticket.objects.count() == before + 3
            assert client.get("/tickets").json() == {"count": before + 3}
        """,
}


async def client_ratio() -> float:
    """Return the time of requests of the client over that of calls of the application."""
    settings.configure(Settings(SECRET_KEY="k" * 60, ALLOWED_HOSTS=("localhost",)))
    app = OpenViper(debug=False)

    @app.get("/")
    async def home() -> dict[str, str]:
        return {"status": "ok"}

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/",
        "raw_path": b"/", "query_string": b"", "root_path": "", "headers": [(b"host", b"localhost")],
        "client": ("testclient", 1), "server": ("localhost", 80),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def direct() -> None:
        await app(dict(scope), receive, send)

    times: list[list[float]] = [[], []]
    async with app.test_client(base_url="http://localhost") as client:

        async def get() -> None:
            await client.get("/")

        for _ in range(ROUNDS * 10):
            for call, kept in ((direct, times[0]), (get, times[1])):
                sent.clear()
                # The time of this process: whatever else the machine does is not in it.
                started = time.process_time()
                for _ in range(REQUESTS):
                    await call()
                kept.append(time.process_time() - started)
                assert call is not direct or sent[0]["status"] == 200
    return min(times[1]) / min(times[0])


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write a project."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return folder


CPU = {"BENCH_CLOCK": "process_time"}
"""Has a suite measured by the time of the processor."""
WALL = {"BENCH_CLOCK": "perf_counter"}


def seconds(python: str, folder: Path, **variables: str) -> float:
    """Run the tests of a folder and return the time of all but the first."""
    result = folder / "seconds.txt"
    ended = subprocess.run(
        [
            python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:asyncio",
            "-p",
            "no:xdist",
            "-p",
            "no:cacheprovider",
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{ROOT}", "BENCH_RESULT": str(result)} | CPU | variables,
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)
    return float(result.read_text())


def show(title: str, figure: float, bar: float) -> bool:
    """Print a figure and return whether it is within its bar."""
    kept = figure <= bar
    print(f"{title:<86}{figure:8.2f}   (bar {bar:g}{'' if kept else ', NOT KEPT'})", flush=True)
    return kept


def main() -> int:
    """Measure, print, and return 0 if all bars are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", metavar="URL")
    parser.add_argument("--mariadb", metavar="URL")
    parser.add_argument("--django", metavar="PYTHON", help="a Python with pytest-django")
    parser.add_argument("--tests", metavar="N", type=int, default=TESTS, help="tests of a suite")
    parser.add_argument("--rounds", metavar="N", type=int, default=ROUNDS, help="rounds of each")
    options = parser.parse_args()
    os.environ["BENCH_TESTS"] = str(options.tests)
    kept = [
        show(
            "1,000 requests of the client / of the application",
            asyncio.run(client_ratio()),
            MOST_CLIENT,
        )
    ]
    with tempfile.TemporaryDirectory() as directory:
        kept += project_figures(Path(directory), options)
    return 0 if all(kept) else 1


def by_turns(rounds: int, *runs: Callable[[], float]) -> list[float]:
    """Run each in turn, and return the least time of each: what else the machine does only adds."""
    times = [[run() for run in runs] for _ in range(rounds)]
    return [min(of_one) for of_one in zip(*times, strict=True)]


def project_figures(base: Path, options: argparse.Namespace) -> list[bool]:
    """Measure the tests of projects."""
    sqlite = f"sqlite:///{base}/desk.sqlite3"
    urls = {"SQLite": sqlite, "PostgreSQL": options.postgres, "MariaDB": options.mariadb}
    apart = write(base / "apart", OURS | {"conftest.py": TIMER, "test_tickets.py": OUR_TESTS})
    kept = [isolation_figure(base, name, url, options) for name, url in urls.items() if url]
    if options.django:
        theirs = write(base / "django", DJANGO | {"conftest.py": TIMER})
        ours, other = by_turns(
            options.rounds,
            lambda: seconds(sys.executable, apart, OPENVIPER_DATABASE_URL=sqlite),
            lambda: seconds(options.django, theirs),
        )
        title = f"SQLite: {options.tests} tests ({ours:.2f} s) / with pytest-django ({other:.2f} s)"
        kept.append(show(title, ours / other, MOST_DJANGO))
    logins = write(base / "logins", OURS | {"conftest.py": TIMER, "test_logins.py": LOGIN_TESTS})
    (took,) = by_turns(
        options.rounds, lambda: seconds(sys.executable, logins, OPENVIPER_DATABASE_URL=sqlite)
    )
    kept.append(show("10 tests that log in twice each, in seconds", took, MOST_LOGIN_SECONDS))
    return kept


def isolation_figure(base: Path, name: str, url: str, options: argparse.Namespace) -> bool:
    """Measure what the transactions around tests cost on one database."""
    mixed = write(
        base / "mixed", OURS | {"conftest.py": TIMER + WITHOUT, "test_tickets.py": OUR_TESTS}
    )
    given = {"OPENVIPER_DATABASE_URL": url} | (CPU if name == "SQLite" else WALL)
    with_, without = by_turns(
        options.rounds,
        lambda: seconds(sys.executable, base / "apart", **given),
        lambda: seconds(sys.executable, mixed, **given, BENCH_WITHOUT="1"),
    )
    title = (
        f"{name}: {options.tests} tests, each rolled back ({with_:.2f} s)"
        f" / all in one transaction ({without:.2f} s)"
    )
    return show(title, with_ / without, MOST_ISOLATION)


if __name__ == "__main__":
    raise SystemExit(main())
