"""Command lines in forks of one process, which has imported Python's and OpenViper's modules already.

A fork is as good as a process of its own for what a command prints and leaves behind, and starts in a tenth of the
time. No settings are loaded and no model is imported before the fork.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, NoReturn

from tests.acceptance.commands.runner import environment

SECONDS = 180.0
"""The longest wait for a command to end; far more than any needs."""
LOADED = (
    "asyncio",
    "concurrent.futures.thread",
    "email.headerregistry",
    "http.client",
    "sqlite3",
    "urllib.request",
    "openviper.app",
    "openviper.auth.validators",
    "openviper.conf.loading",
    "openviper.conf.production",
    "openviper.core.email.sender",
    "openviper.core.flexible_adapter",
    "openviper.core.management.base",
    "openviper.core.management.checks.suite",
    "openviper.db.connections.pool.sqlite",
    "openviper.db.dialects.sqlite_ddl",
    "openviper.db.models",
    "openviper.db.schemas.maker",
    "openviper.db.schemas.sync",
)
"""What commands import, other than settings, models, and what projects of the tests have modules of their own for (Jinja2)."""
FRONTS = ("viperctl.py", "openviper viperctl")
WITHOUT_TARGET = ("create-app", "create-command", "restore-db", "--help", "help")


class Done(NamedTuple):
    """What came of a command line."""

    returncode: int
    stdout: str
    stderr: str


class Forks:
    """The process that forks, for the length of a `with` block."""

    def __enter__(self) -> Forks:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.commands.forks"],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._process.communicate()

    def run(
        self, front: str, directory: Path, *arguments: str, stdin: str = "", **more: str
    ) -> Done:
        """Run a command line.

        Args:
            front: ``viperctl.py``, ``openviper viperctl`` or ``openviper``.
            directory: The working directory, with a `viperctl.py` for the first of these.
            arguments: What follows; for ``openviper viperctl`` the target ``.`` is put after the command.
            stdin: What the command can read.
            more: Further variables of the environment.
        """
        words = list(arguments)
        if (
            front == "openviper viperctl"
            and words
            and words[0] not in WITHOUT_TARGET
            and not words[0].startswith("-")
        ):
            words.insert(1, ".")
        request = {
            "front": front,
            "directory": str(directory),
            "words": words,
            "stdin": stdin,
            "more": more,
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], SECONDS)[0]:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise AssertionError(f"{front} {words} does not end")
        answer = self._process.stdout.readline()
        assert answer, "the forking process has ended"
        return Done(*json.loads(answer))


def serve() -> None:
    """Answer requests until standard input ends."""
    for name in LOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)


def answer(
    front: str, directory: str, words: list[str], stdin: str, more: dict[str, str]
) -> tuple[int, str, str]:
    """Run a command line in a fork and return exit code, standard output and standard error."""
    with (
        tempfile.TemporaryFile("w+") as source,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        source.write(stdin)
        source.seek(0)
        child = os.fork()
        if not child:
            for number, file in enumerate((source, out, err)):
                os.dup2(file.fileno(), number)
            sys.stdin = os.fdopen(0)  # The other one may have read ahead.
            run_child(front, directory, words, more)
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), out.read(), err.read()


def run_child(front: str, directory: str, words: Sequence[str], more: dict[str, str]) -> NoReturn:
    """Be the process of a command line."""
    code = 1
    try:
        os.environ.update(more)
        os.chdir(directory)
        if front == "viperctl.py":
            from openviper.core.management import execute_from_command_line

            sys.path[0] = directory
            sys.argv = [front, *words]
            execute_from_command_line(sys.argv)
        from openviper.cli import cli

        sys.path.remove("") if "" in sys.path else None
        sys.argv = ["openviper", *front.split()[1:], *words]
        cli()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
