"""The pytest plug-in: `async def` tests and fixtures, `tests.py` of installed apps, and fixtures for applications.

It does nothing to tests that use none of this, so an installation may have it always on.
"""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

from openviper import testing
from openviper.testing import fixtures
from openviper.testing.config import (
    SETTINGS_VARIABLE,
    OpenViperTestingConfigError,
    load_testing_config,
)
from openviper.testing.loops import (
    belongs_to_others,
    bound,
    is_async,
    is_run_by_others,
    run_test,
    runner_fixture,
    runner_of,
    synchronous,
)

# pytest finds fixtures among the names of a plug-in.
globals().update(fixtures.ALL)

__all__ = ["runner_fixture"]
MARKERS = {
    "db": "give the test the project's test databases, as the fixture `db` does",
    "transactional_db": "let the test commit for good, as the fixture `transactional_db` does",
}
"""The markers that stand for the fixture of the same name."""
LABELS = ("openviper", "integration", "slow", "admin", "openapi", "auth")
"""The markers that choose tests, as in ``pytest -m "not slow"``, and do nothing else."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("openviper")
    group.addoption(
        "--snapshot-update",
        action="store_true",
        help="store what tests compare with snapshots now, instead of comparing it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    for name in LABELS:
        config.addinivalue_line("markers", f"{name}: a label, by which `-m {name}` chooses tests")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have a test that asks for no database not find the project's own.

    Raises:
        pytest.UsageError: If the configuration of the tests cannot work.
    """
    try:
        config = load_testing_config(session.config.rootpath)
    except OpenViperTestingConfigError as error:
        raise pytest.UsageError(str(error)) from error
    if config.settings_module is not None or os.environ.get(SETTINGS_VARIABLE):
        testing.hide_configured_databases()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Drop the test databases."""
    # What was never imported has made none.
    made = sys.modules.get("openviper.testing.databases.database")
    if made is not None:
        session.config.stash[WITHOUT_SCHEMA_FILE] = made.finish_databases()


WITHOUT_SCHEMA_FILE = pytest.StashKey[list[str]]()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the tables that were made from models, as `migrate` would not make them."""
    tables = config.stash.get(WITHOUT_SCHEMA_FILE, [])
    if tables:
        terminalreporter.write_line(
            f"openviper: no schema file describes {', '.join(tables)}; tests have made them from the models, `migrate` will "
            "not: run makemigrations"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give marked tests the fixture.

    Raises:
        pytest.UsageError: If a marker cannot be understood, or stands where it does nothing.
    """
    for item in items:
        markers = [marker for name in MARKERS for marker in item.iter_markers(name)]
        if markers:
            _apply(markers, item)


def _apply(markers: list[pytest.Mark], item: pytest.Item) -> None:
    if not isinstance(item, pytest.Function) or isinstance(item, TestCaseFunction):
        raise pytest.UsageError(
            f"{item.nodeid}: the marker {markers[0].name} is for functions; a class derives from openviper.testing.TestCase"
        )
    for marker in markers:
        if marker.name not in item.fixturenames:
            item.fixturenames.insert(0, marker.name)
    try:
        for marker in markers:
            fixtures.check_marker(marker, item.fixturenames)
    except pytest.UsageError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None


# Async tests and fixtures


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test to completion; leave every other test to pytest."""
    if not is_async(pyfuncitem.obj) or belongs_to_others(pyfuncitem):
        return None
    run_test(pyfuncitem)
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Let pytest see an async fixture as a plain one."""
    function = fixturedef.func
    if not is_async(function) or is_run_by_others(function, request):
        return (yield)
    if request.scope != "function":
        pytest.fail(
            f"async fixture {fixturedef.argname!r} must have the scope 'function', not {request.scope!r}"
        )
    plain = synchronous(bound(function, request.instance), runner_of(request))
    # pytest knows no other way to run one fixture by another function.
    vars(fixturedef)["func"] = plain
    try:
        return (yield)
    finally:
        vars(fixturedef)["func"] = function


# `tests.py` of installed apps


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect `tests.py` inside installed apps, which pytest by itself leaves out."""
    if file_path.name != "tests.py" or _is_collected_anyway(file_path, parent):
        return None
    if not _is_in_installed_app(file_path, parent.config):
        return None
    module: pytest.Module = pytest.Module.from_parent(parent, path=file_path)
    return module


def _is_collected_anyway(path: Path, parent: pytest.Collector) -> bool:
    if parent.session.isinitpath(path):
        return True
    patterns = parent.config.getini("python_files")
    return any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns)


def _is_in_installed_app(path: Path, config: pytest.Config) -> bool:
    module = load_testing_config(config.rootpath).settings_module
    if module is None and not os.environ.get(SETTINGS_VARIABLE):
        return False
    # Late: other projects, whose tests this plug-in sees too, have no settings to load.
    from openviper.testing.settings import installed_directories

    return path.parent.resolve() in installed_directories(module, config.rootpath)
