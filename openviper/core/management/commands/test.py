"""`test`: the project's tests, run by pytest, or by unittest without it, in a process of its own."""

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
from openviper.utils.resources import PACKAGE_PLACE, library_place

PLUGIN = "openviper.testing.plugin"
BOOTSTRAP = (
    "from openviper.core.flexible_adapter import bootstrap_child; bootstrap_child(); "
    "import pytest; raise SystemExit(pytest.main())"
)
"""Runs pytest for a target that `openviper viperctl` has bootstrapped, whose modules only so can be imported."""


UNITTEST = "openviper.testing.running"
UNITTEST_BOOTSTRAP = (
    "from openviper.core.flexible_adapter import bootstrap_child; bootstrap_child(); "
    f"import runpy; runpy.run_module({UNITTEST!r}, run_name='__main__', alter_sys=True)"
)
"""The same without pytest."""


class Command(BaseCommand):
    """Run the tests with the project's settings."""

    help = "Run the project's tests, with pytest where it is installed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.usage = (
            "%(prog)s [labels ...] [-v] [-x] [--keepdb] [--create-db] [-- PYTEST_ARGS ...]"
        )
        parser.add_argument(
            "labels",
            nargs="*",
            help="paths, path.py::Name, or installed apps (default: tests/, and tests.py and tests/ of each app)",
        )
        parser.add_argument(
            "-v", "--verbose", action="count", default=0, help="say more; may be repeated"
        )
        parser.add_argument(
            "-x", "--failfast", action="store_true", help="stop at the first failure"
        )
        parser.add_argument(
            "--keepdb",
            "--reuse-db",
            action="store_true",
            help="keep the test databases, and use those of the last run if they still fit",
        )
        parser.add_argument(
            "--create-db",
            action="store_true",
            help="make the test databases anew, whatever is there",
        )

    def run_from_argv(self, argv: Sequence[str]) -> Any:
        """Parse a command line, of which pytest gets what follows ``--``, and execute it."""
        own, passed = list(argv), []
        if "--" in own:
            position = own.index("--")
            own, passed = own[:position], own[position + 1 :]
        parser = self.create_parser(own[0], own[1])
        known, unknown = parser.parse_known_args(own[2:])
        if unknown:
            parser.error(
                f"unrecognized arguments: {' '.join(unknown)}; what is meant for pytest goes behind --, as in: -- -k name"
            )
        options = vars(known)
        return self.execute(pytest_args=passed, **options)

    def handle(self, *args: Any, **options: Any) -> int:
        """Run the tests and return the exit code.

        Raises:
            CommandError: If arguments are for pytest, and it is not installed.
        """
        passed = list(options.get("pytest_args") or ())
        labels = self._labels(options["labels"])
        variables = environment(keep=options["keepdb"], create=options["create_db"])
        if importlib.util.find_spec("pytest") is None:
            if passed:
                raise CommandError(
                    "pytest is not installed; install it with: pip install 'openviper[test]'"
                )
            command = self._started(UNITTEST, UNITTEST_BOOTSTRAP, [*_switches(options), *labels])
        else:
            arguments = ["-p", PLUGIN, *_switches(options), *labels, *passed]
            command = self._started("pytest", BOOTSTRAP, arguments)
        return run(command, variables)

    def _started(self, module: str, bootstrap: str, arguments: list[str]) -> list[str]:
        """Show a command line and return it, in the form that a child of this process needs."""
        self.stdout(f"Running: {shlex.join([sys.executable, '-m', module, *arguments])}")
        start = ["-c", bootstrap] if "OPENVIPER_TARGET" in os.environ else ["-m", module]
        return [sys.executable, *start, *arguments]

    def _labels(self, labels: Sequence[str]) -> list[str]:
        apps = app_directories()
        if not labels:
            own = [label for path in apps.values() for label in tests_in(path)]
            return [*(["tests/"] if Path("tests").is_dir() else []), *own]
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
    """Return the tests of an app: `tests.py` and `tests/`, else the folder, in which pytest finds them."""
    return tests_in(directory) or [shown(directory)]


def tests_in(directory: Path) -> list[str]:
    """Return `tests.py` and `tests/` of an app, as far as they are there.

    Named one by one, they are collected whatever the project's pytest configuration says.
    """
    module, folder = directory / "tests.py", directory / "tests"
    found = [module] if module.is_file() else []
    return [shown(path) for path in (*found, *([folder] if folder.is_dir() else []))]


def shown(path: Path) -> str:
    """Return a path as short as it can be written here."""
    return os.path.relpath(path)


def environment(*, keep: bool = False, create: bool = False) -> dict[str, str]:
    """Return the environment of the tests, which run on the same OpenViper, vendored or not.

    Args:
        keep: Whether test databases are used again.
        create: Whether they are made anew.
    """
    place = library_place()
    first = [] if place == PACKAGE_PLACE else [place]
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([*first, *([inherited] if inherited else [])])
    variables = {**os.environ, "OPENVIPER_ENV": "testing"}
    variables |= {"PYTHONPATH": path} if path else {}
    variables |= {"OPENVIPER_TEST_REUSE_DB": "1"} if keep else {}
    variables |= {"OPENVIPER_TEST_CREATE_DB": "1"} if create else {}
    return variables


def run(command: Sequence[str], variables: dict[str, str]) -> int:
    """Run a process to its end and return its exit code; Ctrl-C, which it receives too, is left to it."""
    with subprocess.Popen(command, env=variables) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
