"""Running tests without pytest: what `viperctl test` does where that is not installed."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import unittest
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from openviper.exceptions import OpenViperException
from openviper.testing.databases.database import finish_databases

PATTERNS = ("test*.py", "*_test.py")
"""The files of a folder that hold tests; the first one includes `tests.py`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run tests and return the exit code, as pytest has it: 0 if all have passed, 4 if there are no such files, 5 if no tests."""
    parser = argparse.ArgumentParser(prog="python -m openviper.testing.running")
    parser.add_argument("labels", nargs="*")
    parser.add_argument("-v", dest="verbosity", action="count", default=0)
    parser.add_argument("-x", dest="failfast", action="store_true")
    options = parser.parse_args(arguments)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    loader = unittest.TestLoader()
    try:
        suite = unittest.TestSuite([load(loader, label) for label in options.labels])
    except LabelError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 4
    runner = unittest.TextTestRunner(verbosity=options.verbosity + 1, failfast=options.failfast)
    try:
        result = runner.run(suite)
    finally:
        tables = finish_databases()
    if tables:
        print(f"no schema file describes {', '.join(tables)}: run makemigrations", file=sys.stderr)
    if not result.wasSuccessful():
        return 1
    if not result.testsRun:
        print(
            "no test was found; tests that are plain functions need pytest, without which those of "
            "openviper.testing.TestCase are run",
            file=sys.stderr,
        )
        return 5
    return 0


class LabelError(OpenViperException):
    """There are no such tests."""


def load(loader: unittest.TestLoader, label: str) -> unittest.TestSuite:
    """Return the tests of a folder, a file, or ``file.py::Case::test``.

    Raises:
        LabelError: If there is no such folder or file.
    """
    given, _, name = label.partition("::")
    path = Path(given)
    if path.is_dir() and not name:
        return unittest.TestSuite(_of_file(loader, file) for file in _files_in(path))
    if not path.is_file():
        raise LabelError(f"there is no folder or file of tests {given!r}")
    return _of_file(loader, path, name)


def _files_in(folder: Path) -> list[Path]:
    return sorted({path for pattern in PATTERNS for path in folder.rglob(pattern)})


def _of_file(loader: unittest.TestLoader, path: Path, name: str = "") -> unittest.TestSuite:
    try:
        module = import_file(path)
    except Exception as error:  # It is the project's, and may raise anything.
        return unittest.TestSuite([_failing(path, error)])
    if name:
        return loader.loadTestsFromName(name.replace("::", "."), module)
    return loader.loadTestsFromModule(module)


def _failing(path: Path, error: Exception) -> unittest.TestCase:
    """Return a test that fails as the import of its file has."""

    def fail() -> None:
        raise error

    return unittest.FunctionTestCase(fail, description=f"import of {path}")


def import_file(path: Path) -> ModuleType:
    """Return the module of a file: of its package where it is in one, else by its own name, as pytest imports it.

    Raises:
        Exception: What the file raises.
    """
    path = path.resolve()
    base = _base_of(path)
    if str(base) not in sys.path:
        sys.path.insert(0, str(base))
    name = ".".join(path.relative_to(base).with_suffix("").parts)
    module = importlib.import_module(name)
    # Several folders that are no packages may have files of one name.
    return module if _is_of(module, path) else _import_apart(path)


def _base_of(path: Path) -> Path:
    """Return the folder that the name of a module begins in: the first one upwards that is no package."""
    base = path.parent
    while (base / "__init__.py").is_file():
        base = base.parent
    return base


def _is_of(module: ModuleType, path: Path) -> bool:
    return module.__file__ is not None and Path(module.__file__).resolve() == path


def _import_apart(path: Path) -> ModuleType:
    name = f"_openviper_tests_{len(sys.modules)}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    raise SystemExit(main())
