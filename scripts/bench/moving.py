#!/usr/bin/env python3
"""Measure `copy-data` round the three vendors: SQLite -> PostgreSQL -> MariaDB -> SQLite, with its checksums and memory.

Every step is the command as a person runs it, in a process of its own whose greatest memory is read from the system. The
databases on the servers are made for the run and dropped after it.

    python3 scripts/bench/moving.py                    1,000,000 rows
    python3 scripts/bench/moving.py --rows 100000
    python3 scripts/bench/moving.py --check            exit with 1 when memory passes 100 MB or a checksum differs
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[2]
# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(ROOT)

from tests.servers import fresh_database  # noqa: E402

MEMORY_MB = 100
STEPS = (("default", "postgresql"), ("postgresql", "mysql"), ("mysql", "back"))
VIPERCTL = (
    "import sys\nfrom openviper.core.management import execute_from_command_line\n\n"
    'if __name__ == "__main__":\n    execute_from_command_line(sys.argv)\n'
)
MODELS = """\
from openviper.db import Model
from openviper.db.fields import CharField, DateTimeField, DecimalField, ForeignKey, TextField


class Customer(Model):
    name = CharField(max_length=100)


class Order(Model):
    customer = ForeignKey(Customer)
    customer_id: int
    amount = DecimalField(max_digits=10, decimal_places=2)
    note = TextField(null=True)
    at = DateTimeField()
"""
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
INSERT INTO shop_order (id, customer_id, amount, note, at)
SELECT i, 1 + i % 1000, (i % 100000) / 100.0, CASE WHEN i % 3 THEN 'Note ' || i || ' ' || char(128013) END,
       strftime('%Y-%m-%d %H:%M:%S.000000', 1500000000 + i, 'unixepoch') FROM n
"""


class Step(NamedTuple):
    """One copy: where from and to, how long, the most memory, and the checksums."""

    source: str
    target: str
    seconds: float
    megabytes: float
    tables: dict[str, Any]


def main() -> int:
    """Print a line per step and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure copy-data round the three vendors.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    options = parser.parse_args()
    if options.rows < 1:
        parser.error("argument --rows: must be at least 1")
    with tempfile.TemporaryDirectory() as name, project(Path(name)) as directory:
        fill(directory, options.rows)
        steps = [copied(directory, source, target) for source, target in STEPS]
    return report(steps, options.rows, check=options.check)


@contextmanager
def project(directory: Path) -> Iterator[Path]:
    """Write a project with four databases and make their tables."""
    with fresh_database("postgresql") as postgresql, fresh_database("mysql") as mysql:
        urls = {
            "default": f"sqlite:///{directory}/a.sqlite3",
            "postgresql": postgresql,
            "mysql": mysql,
            "back": f"sqlite:///{directory}/b.sqlite3",
        }
        settings = (
            "import dataclasses\nfrom typing import Any\n\nfrom openviper.conf import Settings\n\n\n"
            "@dataclasses.dataclass(frozen=True)\nclass ProjectSettings(Settings):\n"
            f'    SECRET_KEY: str = "{uuid4().hex * 3}"\n    INSTALLED_APPS: tuple[str, ...] = ("shop",)\n'
            "    DATABASES: dict[str, Any] = dataclasses.field(\n"
            f"        default_factory=lambda: { ({alias: {'URL': url} for alias, url in urls.items()})!r})\n"
        )
        (directory / "shop").mkdir()
        for path, text in {
            "viperctl.py": VIPERCTL,
            "shop/__init__.py": "",
            "shop/settings.py": settings,
            "shop/models.py": MODELS,
        }.items():
            (directory / path).write_text(text)
        run(directory, "makemigrations")
        for alias in urls:
            run(directory, "migrate", "--database", alias)
        yield directory


def fill(directory: Path, rows: int) -> None:
    """Write the rows straight into the file."""
    connection = sqlite3.connect(directory / "a.sqlite3")
    with connection:
        connection.executemany(
            "INSERT INTO shop_customer (id, name) VALUES (?, ?)",
            ((number, f"Customer {number}") for number in range(1, 1001)),
        )
        connection.execute(FILL.format(rows=rows))
    connection.close()


def copied(directory: Path, source: str, target: str) -> Step:
    """Copy once."""
    started = time.perf_counter()
    output, megabytes = run(directory, "copy-data", "--from", source, "--to", target, "--json")
    seconds = time.perf_counter() - started
    return Step(source, target, seconds, megabytes, json.loads(output)["tables"])


def run(directory: Path, *words: str) -> tuple[str, float]:
    """Run a command that has to succeed, and return its output and its greatest memory in megabytes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [sys.executable, "viperctl.py", *words],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words[0]} ended with exit code {process.returncode}")
    return output, usage.ru_maxrss / 1024


def report(steps: list[Step], rows: int, *, check: bool) -> int:
    """Print what was measured, and return the exit code."""
    for step in steps:
        print(
            f"{step.source:>10} -> {step.target:<10} {rows / step.seconds:8.0f} rows/s  "
            f"{step.seconds:6.1f} s  {step.megabytes:6.1f} MB"
        )
    equal = all(step.tables == steps[0].tables for step in steps)
    for name, table in steps[0].tables.items():
        print(f"{name}: {table['rows']} rows, checksum {table['checksum']}")
    print(f"checksums of all steps are {'equal' if equal else 'NOT EQUAL'}")
    greatest = max(step.megabytes for step in steps)
    print(f"greatest memory: {greatest:.1f} MB (goal: {MEMORY_MB} MB)")
    return int(check and not (equal and greatest < MEMORY_MB))


if __name__ == "__main__":
    sys.exit(main())
