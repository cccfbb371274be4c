"""A small project whose tests are run, on any database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from openviper.db.connections.url import DatabaseURL
from tests.projects import settings, write
from tests.servers import run_on_server, server

REPOSITORY = Path(__file__).resolve().parents[3]
SECONDS = 300.0
"""Longest time of a child; machines that run many tests at a time are slow."""
CONFTEST = 'pytest_plugins = ["openviper.testing.plugin"]\n'
FILES = {
    "conftest.py": CONFTEST,
    "pyproject.toml": '[tool.openviper.testing]\nsettings = "desk.settings"\n\n[tool.pytest.ini_options]\n'
    'addopts = "--strict-markers -p no:cacheprovider"\npythonpath = ["."]\nfilterwarnings = ["error"]\n',
    "desk/__init__.py": "",
    "desk/settings.py": settings("openviper.auth", "tickets")
    + '    DATABASES: dict = dataclasses.field(\n        default_factory=lambda: {"default": {"OPTIONS": {"URL": "sqlite:///desk.sqlite3"}}}\n    )\n',
    "desk/asgi.py": "from openviper import OpenViper\n\napp = OpenViper()\n",
    "desk/routes.py": "from tickets.views import router\n\nroute_paths = [('/tickets', router)]\n",
    "tickets/__init__.py": "",
    "tickets/models.py": """
        from openviper.auth.models import User
        from openviper.db import CharField, ForeignKey, Model


        class Queue(Model):
            name = CharField(max_length=20, unique=True)


        class Ticket(Model):
            title = CharField(max_length=40)
            queue = ForeignKey(Queue, on_delete="CASCADE")
            author = ForeignKey(User, null=True, on_delete="SET NULL")
        """,
    "tickets/patches/__init__.py": "",
    "tickets/patches/queues.py": """
        from openviper.db.patches import db_patch


        @db_patch(order=1, post_migrate=True)
        async def default_queue() -> None:
            from tickets.models import Queue

            await Queue.objects.create(name="inbox")
        """,
    "tickets/views.py": """
        from openviper import Router
        from openviper.db import atomic, on_commit
        from tickets.models import Queue, Ticket

        router = Router()
        seen = []


        @router.get("/me")
        async def me(request):
            return {"name": getattr(request.user, "username", "") or ""}


        @router.websocket("/echo")
        async def echo(websocket):
            await websocket.accept()
            await websocket.send_text(await websocket.receive_text())


        @router.get("/")
        async def listed(request):
            return {"tickets": [ticket.title async for ticket in Ticket.objects.order_by("id")]}


        @router.post("/")
        async def create(request):
            values = await request.json()
            async with atomic():
                inbox = await Queue.objects.get(name="inbox")
                await Ticket.objects.create(title=values["title"], queue=inbox)
                on_commit(lambda: seen.append(values["title"]))
            return {"seen": seen[-1:]}
        """,
}


def make_project(directory: Path, files: dict[str, str] | None = None, **modules: str) -> Path:
    """Write the project with its schema files, and further files: by path, or modules of tests by name."""
    named = {f"{name}.py": text for name, text in modules.items()}
    write(directory, FILES | named | (files or {}))
    command = "from openviper.core.management import execute_from_command_line as run; run(['x', 'makemigrations'])"
    ended = run([sys.executable, "-c", command], directory)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return directory


def run(command: list[str], directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a process in a directory."""
    return subprocess.run(
        command,
        cwd=directory,
        env=environment(directory) | variables,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def environment(directory: Path) -> dict[str, str]:
    """Return the environment of a process that knows nothing of the test that starts it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENVIPER_", "PYTEST_"))
        # A person makes the first snapshot at a desk; in CI a missing one fails.
        and name != "CI"
    }
    return kept | {
        "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{directory}",
        "OPENVIPER_SETTINGS_MODULE": "desk.settings",
    }


def run_pytest(
    directory: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a directory."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", *arguments]
    return run(command, directory, **variables)


def databases_like(vendor: str, name: str) -> list[str]:
    """Return the databases of a server whose names hold some text."""
    catalog = "pg_database" if vendor == "postgresql" else "information_schema.schemata"
    column = "datname" if vendor == "postgresql" else "schema_name"
    rows = run_on_server(vendor, f"SELECT {column} FROM {catalog}")
    return sorted(row[0] for row in rows if name in row[0])


@contextmanager
def configured_url(vendor: str, directory: Path) -> Iterator[str]:
    """Give the address of a database that is not there; what tests make beside it is dropped at the end."""
    name = f"desk_{os.getpid()}_{uuid4().hex[:8]}"
    if vendor == "sqlite":
        yield f"sqlite:///{directory}/{name}.sqlite3"
        return
    try:
        yield f"{server(vendor)}/{name}"
    finally:
        for left in databases_like(vendor, name):
            force = " WITH (FORCE)" if vendor == "postgresql" else ""
            run_on_server(vendor, f"DROP DATABASE {left}{force}")


def left_behind(vendor: str, url: str) -> list[str]:
    """Return what there is of the databases that tests make beside a configured one."""
    parsed = DatabaseURL.parse(url)
    if vendor == "sqlite":
        return sorted(path.name for path in parsed.path.parent.glob(f"*{parsed.path.stem}*"))
    return databases_like(vendor, parsed.database)
