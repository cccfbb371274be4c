"""A project with actors, and real worker processes that run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.projects import KEY, write

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 180.0
"""Seconds after which something that has to happen is given up on; nothing waits that long when all is well."""

BROKERS = [
    "sqlite",
    *(
        pytest.param(name, marks=pytest.mark.one_version)
        for name in ("postgresql", "mysql", "redis")
    ),
]
"""Every kind of broker, for a fixture; what workers and a store do together does not depend on the version of Python."""

SETTINGS = """
import dataclasses
import os
from typing import Any
from openviper.conf import Settings

@dataclasses.dataclass(frozen=True)
class ProjectSettings(Settings):
    SECRET_KEY: str = {key!r}
    INSTALLED_APPS: tuple[str, ...] = {apps!r}
    DATABASES: dict[str, Any] = dataclasses.field(default_factory=lambda: {{"default": {{"URL": {url!r}}}}})
    TASKS: dict[str, Any] = dataclasses.field(default_factory=lambda: {tasks!r})
"""
TASKS = """
import asyncio
import os
import time
from openviper.tasks import actor, periodic

LOG = os.environ["TASK_LOG"]

def note(text):
    with open(LOG, "a") as file:
        file.write(f"{text} {os.getpid()}\\n")

@actor(max_retries=50, min_backoff=10, max_backoff=50)
def count(number):
    time.sleep(0.01)
    note(f"count {number}")

@actor
async def slow(number):
    note(f"begin {number}")
    await asyncio.sleep(0.4)
    note(f"end {number}")

@actor(max_retries=1, min_backoff=10, max_backoff=20)
def poison(number):
    note(f"poison {number}")
    raise ValueError("always")

@actor(max_retries=1, min_backoff=3_600_000, max_backoff=3_600_000)
def unlucky(number):
    note(f"unlucky {number}")
    raise ValueError("today")

@actor(max_retries=0, time_limit=100)
def stuck(number):
    note(f"stuck {number}")
    time.sleep(1)

@actor(max_retries=0, time_limit=100)
async def stuck_async(number):
    note(f"stuck_async {number}")
    await asyncio.sleep(30)

@actor
def forever(number):
    note(f"forever {number}")
    time.sleep(3600)

@actor(queue_name="mail")
def mail(number):
    note(f"mail {number}")

@periodic(every="1s")
def tick():
    note("tick")
"""


class Workshop:
    """The project, its log, and its workers."""

    def __init__(
        self, root: Path, url: str, apps: tuple[str, ...] = ("shop",), **tasks: Any
    ) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        self.log = root / "log.txt"
        self.log.touch()
        self._processes: list[subprocess.Popen[str]] = []
        settings = SETTINGS.format(key=KEY, url=url, apps=apps, tasks=tasks)
        write(root, {"settings.py": settings, "shop/__init__.py": "", "shop/tasks.py": TASKS})
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("OPENVIPER")
            },
            "OPENVIPER_SETTINGS_MODULE": "settings",
            "PYTHONPATH": f"{root}{os.pathsep}{ROOT}",
            "TASK_LOG": str(self.log),
        }

    def command(self, *words: str) -> list[str]:
        """Return the command line of a management command."""
        return [sys.executable, "-m", "openviper", "viperctl", *words]

    def run(self, *words: str, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run a management command."""
        return subprocess.run(
            self.command(*words),
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def python(self, code: str) -> str:
        """Run code in a process of its own with the project set up, and return what it prints."""
        program = f"import openviper\nopenviper.setup()\nfrom shop.tasks import *\n{code}"
        result = subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a worker in a process group of its own."""
        output = open(self.root / f"worker{len(self._processes)}.txt", "w")
        process = subprocess.Popen(
            self.command("start-worker", *words),
            cwd=self.root,
            env=self.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        output.close()
        self._processes.append(process)
        number = len(self._processes) - 1
        self.wait(lambda: "Worker started" in self.said(number) or process.poll() is not None)
        return process

    def said(self, number: int = 0) -> str:
        """Return what a worker has printed."""
        return (self.root / f"worker{number}.txt").read_text()

    def lines(self, word: str) -> list[str]:
        """Return the notes that begin with a word, without it."""
        return [
            line.partition(" ")[2]
            for line in self.log.read_text().splitlines()
            if line.startswith(f"{word} ")
        ]

    def numbers(self, word: str) -> list[int]:
        """Return the numbers noted behind a word."""
        return [int(line.split()[0]) for line in self.lines(word)]

    def wait(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened; the look at it may be a command, which is to leave time to the workers."""
        deadline = time.monotonic() + PATIENCE
        began = time.monotonic()
        while not happened():
            assert time.monotonic() < deadline, f"it did not happen; worker: {self.said()}"
            time.sleep(max(0.02, time.monotonic() - began))
            began = time.monotonic()

    def children(self, process: subprocess.Popen[str]) -> list[int]:
        """Return the processes that a worker watches over."""
        path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill a worker and what it has started, at whatever they are doing."""
        for pid in [process.pid, *self.children(process)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait(PATIENCE)

    def stop(self, process: subprocess.Popen[str]) -> int:
        """Ask a worker to end, and return its exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE)

    def end(self) -> None:
        """Kill what still runs."""
        for process in self._processes:
            if process.poll() is None:
                self.kill(process)


@contextmanager
def workshop(root: Path, url: str | None = None, **tasks: Any) -> Iterator[Workshop]:
    """Make the project, on an SQLite file if no URL is given, and end its workers afterwards."""
    made = Workshop(root, url or f"sqlite:///{root / 'db.sqlite3'}", **tasks)
    try:
        yield made
    finally:
        made.end()
