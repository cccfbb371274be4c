"""`test`: the project's tests, run by pytest in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openviper.conf import settings
from openviper.core.app_resolver import AppResolver
from openviper.core.management.base import BaseCommand, CommandError

PLUGIN = "openviper.testing.plugin"
BOOTSTRAP = (
    "from openviper.core.flexible_adapter import bootstrap_child; bootstrap_child(); "
    "import pytest; raise SystemExit(pytest.main())"
)
"""Runs pytest for a target that `openviper viperctl` has bootstrapped, whose modules only so can be imported."""


class Command(BaseCommand):
    """Run pytest with the project's settings."""

    help = "Run the project's tests with pytest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.usage = "%(prog)s [labels ...] [-v] [-x] [-- PYTEST_ARGS ...]"
        parser.add_argument(
            "labels", nargs="*", help="paths, path.py::Name, or installed apps (default: tests/)"
        )
        parser.add_argument(
            "-v", "--verbose", action="count", default=0, help="say more; may be repeated"
        )
        parser.add_argument(
            "-x", "--failfast", action="store_true", help="stop at the first failure"
        )

    def run_from_argv(self, argv: Sequence[str]) -> Any:
        """Parse a command line, of which pytest gets what follows ``--``, and execute it."""
        own, passed = list(argv), []
        if "--" in own:
            position = own.index("--")
            own, passed = own[:position], own[position + 1 :]
        options = vars(self.create_parser(own[0], own[1]).parse_args(own[2:]))
        return self.execute(pytest_args=passed, **options)

    def handle(self, *args: Any, **options: Any) -> int:
        """Run pytest and return its exit code.

        Raises:
            CommandError: If pytest is not installed.
        """
        if importlib.util.find_spec("pytest") is None:
            raise CommandError(
                "pytest is not installed; install it with: pip install 'openviper[test]'"
            )
        arguments = ["-p", PLUGIN, *_switches(options)]
        arguments += self._labels(options["labels"]) + list(options.get("pytest_args") or ())
        self.stdout(f"Running: {shlex.join([sys.executable, '-m', 'pytest', *arguments])}")
        start = ["-c", BOOTSTRAP] if "OPENVIPER_TARGET" in os.environ else ["-m", "pytest"]
        return run([sys.executable, *start, *arguments], environment())

    def _labels(self, labels: Sequence[str]) -> list[str]:
        apps = app_directories()
        if not labels:
            # Named one by one, `tests.py` is collected whatever the project's pytest configuration says.
            modules = [
                shown(path / "tests.py") for path in apps.values() if (path / "tests.py").is_file()
            ]
            return [*(["tests/"] if Path("tests").is_dir() else []), *modules]
        return [argument for label in labels for argument in _of_label(label, apps)]


def _switches(options: Mapping[str, Any]) -> list[str]:
    switches = [f"-{'v' * options['verbose']}"] if options["verbose"] else []
    return [*switches, "-x"] if options["failfast"] else switches


def _of_label(label: str, apps: Mapping[str, Path]) -> list[str]:
    path, separator, name = label.partition(".py:")
    if separator:
        return [f"{path}.py::{name.removeprefix(':')}"]
    return of_app(apps[label]) if label in apps else [label]


def app_directories() -> dict[str, Path]:
    """Return the directories of the project's own apps: those below the working directory."""
    resolver = AppResolver()
    here = Path.cwd().resolve()
    found = {name: resolver.resolve_app(name)[0] for name in settings.INSTALLED_APPS}
    return {
        name: Path(path)
        for name, path in found.items()
        if path and Path(path).resolve().is_relative_to(here)
    }


def of_app(directory: Path) -> list[str]:
    """Return the tests of an app: `tests.py`, else the folder, in which pytest finds them."""
    module = directory / "tests.py"
    return [shown(module if module.is_file() else directory)]


def shown(path: Path) -> str:
    """Return a path as short as it can be written here."""
    return os.path.relpath(path)


def environment() -> dict[str, str]:
    """Return the environment of the tests."""
    return {**os.environ, "OPENVIPER_ENV": "testing"}


def run(command: Sequence[str], variables: dict[str, str]) -> int:
    """Run a process to its end and return its exit code; Ctrl-C, which it receives too, is left to it."""
    with subprocess.Popen(command, env=variables) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
