"""A project with databases of two vendors, from the command line; and several hosts that migrate one server at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects import KEY, write
from tests.servers import fresh_database, run_on_server

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = """
import dataclasses
from typing import Any
from openviper.conf import Settings

@dataclasses.dataclass(frozen=True)
class ProjectSettings(Settings):
    SECRET_KEY: str = {key!r}
    INSTALLED_APPS: tuple[str, ...] = ("shop", "stats")
    DATABASES: dict[str, Any] = dataclasses.field(default_factory=lambda: {{
        "default": {{"URL": {default!r}}},
        "other": {{"URL": {other!r}}},
        "ROUTERS": ["routers.ByApp"],
    }})
"""
ROUTERS = """
from openviper.db.routing import DatabaseRouter

class ByApp(DatabaseRouter):
    def place(self, model):
        return "other" if model._meta.app_label == "stats" else "default"

    async def db_for_read(self, model, **hints):
        return self.place(model)

    async def db_for_write(self, model, **hints):
        return self.place(model)

    async def allow_migrate(self, db_alias, model_class=None, **hints):
        if model_class is not None:
            return self.place(model_class) == db_alias
        label = hints.get("app_label")
        return None if label is None else ("other" if label == "stats" else "default") == db_alias
"""
SHOP = "from openviper.db import CharField, Model\n\n\nclass Book(Model):\n    title = CharField(max_length=50)\n"
STATS = "from openviper.db import IntegerField, Model\n\n\nclass Hit(Model):\n    count = IntegerField(default=0)\n"
USE = """
import asyncio
import openviper
openviper.setup()
from shop.models import Book
from stats.models import Hit
from openviper.db import atomic, close_db

async def work():
    await Book.objects.create(title="Kindred")
    async with atomic(using="other"):
        await Hit.objects.create(count=3)
    print(await Book.objects.count(), [hit.count for hit in await Hit.objects.all()])
    print(await Book.objects.using("default").count(), await Hit.objects.using("other").count())
    await close_db()

asyncio.run(work())
"""


class Project:
    """A project directory and its commands."""

    def __init__(self, root: Path, default: str, other: str) -> None:
        self.root = root
        files = {
            "settings.py": SETTINGS.format(key=KEY, default=default, other=other),
            "routers.py": ROUTERS,
            "shop/__init__.py": "",
            "shop/models.py": SHOP,
            "stats/__init__.py": "",
            "stats/models.py": STATS,
        }
        write(root, files)
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("OPENVIPER")
            },
            "OPENVIPER_SETTINGS_MODULE": "settings",
            "PYTHONPATH": f"{root}{os.pathsep}{ROOT}",
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a management command, or a piece of code."""
        line = [sys.executable, "-m", "openviper", "viperctl", *words]
        return subprocess.Popen(
            line,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> str:
        """Run a management command that has to succeed, and return what it prints."""
        process = self.start(*words)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, f"{words}: {output}{errors}"
        return output

    def python(self, code: str) -> str:
        """Run code and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(params=["postgresql", pytest.param("mysql", marks=pytest.mark.one_version)])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Make a database on each server; give the vendor and the URL."""
    with fresh_database(request.param) as url:
        yield request.param, url


def tables(vendor: str, url: str) -> set[str]:
    """Return the project's tables on a server."""
    name = url.rpartition("/")[2]
    schema = "public" if vendor == "postgresql" else name
    sql = f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'"
    found = {row[0] for row in run_on_server(vendor, sql, database=name)}
    return {one for one in found if not one.startswith("openviper_")}


def test_each_database_is_migrated_by_its_name(tmp_path: Path, server: tuple[str, str]) -> None:
    vendor, url = server
    project = Project(tmp_path, f"sqlite:///{tmp_path / 'db.sqlite3'}", url)
    project.run("makemigrations")
    assert "Schema sync complete." in project.run("migrate")
    assert tables(vendor, url) == set()
    plan = json.loads(project.run("migrate", ".", "--database", "other", "--plan", "--json"))
    assert "stats_hit" in json.dumps(plan) and "shop_book" not in json.dumps(plan)
    assert "Schema sync complete." in project.run("migrate", ".", "--database", "other")
    assert tables(vendor, url) == {"stats_hit"}
    for alias in ("default", "other"):
        assert "No schema changes to apply." in project.run("migrate", ".", "--database", alias)
    assert project.python(USE) == "1 [3]\n1 1\n"
    assert "nothing found" in project.run(
        "check", ".", "--only", "database", "--database", "default", "--database", "other"
    )


def test_the_other_way_round(tmp_path: Path, server: tuple[str, str]) -> None:
    vendor, url = server
    project = Project(tmp_path, url, f"sqlite:///{tmp_path / 'db.sqlite3'}")
    project.run("makemigrations")
    project.run("migrate")
    project.run("migrate", ".", "--database", "other")
    assert tables(vendor, url) == {"shop_book"}
    assert project.python(USE) == "1 [3]\n1 1\n"


def test_hosts_that_migrate_at_once_do_it_once(tmp_path: Path, server: tuple[str, str]) -> None:
    vendor, url = server
    project = Project(tmp_path, url, f"sqlite:///{tmp_path / 'db.sqlite3'}")
    more = "".join(
        f"\n\nclass Extra{n}(Model):\n    note = CharField(max_length=9)\n" for n in range(6)
    )
    write(tmp_path, {"shop/models.py": SHOP + more})
    project.run("makemigrations")
    processes = [project.start("migrate") for _ in range(4)]
    printed = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, printed
    assert sum("Schema sync complete." in output for output, _ in printed) == 1
    assert sum("No schema changes to apply." in output for output, _ in printed) == 3
    assert "shop_book" in tables(vendor, url)


def test_a_migrate_that_is_killed_leaves_a_rerun_to_finish(
    tmp_path: Path, server: tuple[str, str]
) -> None:
    vendor, url = server
    project = Project(tmp_path, url, f"sqlite:///{tmp_path / 'db.sqlite3'}")
    project.run("makemigrations")
    project.run("migrate")
    name = url.rpartition("/")[2]
    run_on_server(vendor, "INSERT INTO shop_book (title) VALUES ('Kindred')", database=name)
    more = "".join(f"    more{n} = CharField(max_length=9, default='x')\n" for n in range(8))
    write(tmp_path, {"shop/models.py": SHOP + more})
    project.run("makemigrations")
    for delay in (0.0, 0.08, 0.12, 0.16, 0.2):
        process = project.start("migrate")
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    project.run("migrate")
    assert "No schema changes to apply." in project.run("migrate")
    rows = run_on_server(vendor, "SELECT title, more0, more7 FROM shop_book", database=name)
    assert [tuple(row) for row in rows] == [("Kindred", "x", "x")]
