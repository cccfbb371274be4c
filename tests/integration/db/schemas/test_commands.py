"""`migrate` as a person types it, on a project with settings and no models."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from openviper.db.schemas.fingerprint import is_up_to_date
from tests.unit.db.schemas.builders import column, schema

ROOT = Path(__file__).resolve().parents[4]
SETTINGS = """import dataclasses

from openviper.conf import Settings


@dataclasses.dataclass(frozen=True)
class ProjectSettings(Settings):
    SECRET_KEY: str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
    INSTALLED_APPS: tuple[str, ...] = ("library",)
    DATABASES: dict[str, object] = dataclasses.field(
        default_factory=lambda: {"default": {"OPTIONS": {"URL": "sqlite:///db.sqlite3"}}}
    )
"""
START = (
    "from openviper.core.management import execute_from_command_line; execute_from_command_line()"
)
BOOK = schema("library_book", column("title", "VARCHAR(50)"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a project with one app and one schema file."""
    for package in ("demo", "library"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "demo" / "settings.py").write_text(SETTINGS)
    (tmp_path / "library" / "models.py").touch()
    (tmp_path / "library" / "schemas").mkdir()
    write(tmp_path, BOOK)
    return tmp_path


def write(directory: Path, *schemas: dict[str, object]) -> None:
    for one in schemas:
        (directory / "library" / "schemas" / f"{one['model']}.json").write_text(json.dumps(one))


def migrate(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(directory)]),
        "OPENVIPER_SETTINGS_MODULE": "demo.settings",
    }
    command = [sys.executable, "-c", START, "migrate", *arguments]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


def test_a_first_run_a_second_and_a_verbose_one(directory: Path) -> None:
    first = migrate(directory)
    assert (first.stdout, first.stderr, first.returncode) == (
        "Migrating...\nlibrary.Book\nSchema sync complete.\n", "", 0,
    )  # fmt: skip
    second = migrate(directory)
    assert (second.stdout, second.returncode) == ("No schema changes to apply.\n", 0)
    write(directory, schema("library_book", column("title", "VARCHAR(60)")))
    third = migrate(directory, "-v").stdout
    assert f"library -> {directory}/library\n" in third
    assert third.endswith(
        "Migrating...\nlibrary.Book\n"
        "  -> alter column library_book.title: type VARCHAR(50) -> VARCHAR(60)\nSchema sync complete.\n"
    )


def test_a_plan_shows_operations_and_sql_and_touches_nothing(directory: Path) -> None:
    shown = migrate(directory, "--plan").stdout
    assert "-> create table library_book\n" in shown
    assert 'CREATE TABLE "library_book"' in shown
    assert not (directory / "db.sqlite3").exists()


def test_wrong_names_and_rows_in_the_way_are_one_error_and_exit_1(directory: Path) -> None:
    unknown = migrate(directory, "nope")
    assert unknown.returncode == 1
    assert "App 'nope' not found" in unknown.stderr
    alias = migrate(directory, "--database", "other")
    assert alias.returncode == 1
    assert "'other'" in alias.stderr and "default" in alias.stderr
    assert not (directory / "db.sqlite3").exists()
    migrate(directory)
    connection = sqlite3.connect(directory / "db.sqlite3")
    with connection:
        connection.execute("INSERT INTO library_book (title) VALUES ('a')")
    connection.close()
    write(directory, schema("library_book", column("title", "VARCHAR(50)"), column("n")))
    failed = migrate(directory)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: nothing was changed: rows without a value")
    assert "Traceback" not in failed.stderr


def test_the_shortcut_sees_every_kind_of_difference(directory: Path) -> None:
    apps = {"library": str(directory / "library")}
    path = str(directory / "db.sqlite3")
    assert not is_up_to_date(path, apps)
    migrate(directory)
    assert is_up_to_date(path, apps)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE other (id)")
    assert not is_up_to_date(path, apps)
    connection.execute("DROP TABLE other")
    assert is_up_to_date(path, apps)
    write(directory, schema("library_shelf", column("name", "TEXT")))
    assert not is_up_to_date(path, apps)
    migrate(directory)
    (directory / "library" / "patches").mkdir()
    (directory / "library" / "patches" / "p.py").write_text(
        "from openviper.db.patches import db_patch\n\n\n@db_patch\nasync def a():\n    pass\n"
    )
    assert not is_up_to_date(path, apps)
    assert "library.p.a" in migrate(directory).stdout
    assert is_up_to_date(path, apps)
    connection.execute("DELETE FROM openviper_patches")
    assert not is_up_to_date(path, apps)
    connection.execute("DROP TABLE library_shelf")
    connection.close()
    assert "library.Shelf" in migrate(directory).stdout


def test_what_is_kept_is_said_at_every_run(directory: Path) -> None:
    migrate(directory)
    connection = sqlite3.connect(directory / "db.sqlite3")
    connection.execute("ALTER TABLE library_book ADD COLUMN mine")
    connection.close()
    for _ in range(2):
        result = migrate(directory)
        assert result.stdout == "No schema changes to apply.\n"
        assert (
            result.stderr
            == "Warning: kept library_book.mine: in no schema file, and not created by OpenViper\n"
        )


def test_the_plan_names_the_steps_in_their_order(directory: Path) -> None:
    patches = directory / "library" / "patches"
    patches.mkdir()
    (patches / "p.py").write_text(
        "from openviper.db.patches import db_patch\n\n\n"
        "@db_patch(post_migrate=False)\nasync def before():\n    pass\n\n\n"
        "@db_patch\nasync def after():\n    pass\n"
    )
    lines = [line for line in migrate(directory, "--plan").stdout.splitlines() if line[:2] == "->"]
    assert lines[0] == "-> run patch library.p.before"
    assert lines[1].startswith("-> create table")
    assert lines[-1] == "-> run patch library.p.after"
    plan = json.loads(migrate(directory, "--plan", "--json").stdout)
    assert (plan["early_patches"], plan["late_patches"]) == (
        ["library.p.before"],
        ["library.p.after"],
    )
