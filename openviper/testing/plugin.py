"""The pytest plug-in: `async def` tests and fixtures, `tests.py` of installed apps, and fixtures for applications.

It does nothing to tests that use none of this, so an installation may have it always on.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from openviper import testing
from openviper.testing.config import SETTINGS_VARIABLE, OpenViperTestConfig, load_testing_config
from openviper.testing.loops import (
    RUNNER_FIXTURE,
    belongs_to_others,
    bound,
    is_async,
    run_test,
    runner_fixture,
    synchronous,
)

if TYPE_CHECKING:
    from openviper.app import OpenViper
    from openviper.testing.client import OpenViperTestClient
    from openviper.testing.database import TestDatabase
    from openviper.testing.mail import TestEmail
    from openviper.testing.tasks import EagerTaskRunner, TaskQueue

__all__ = ["runner_fixture"]


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", "db: give the test a database of its own, as the fixture `db` does"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give marked tests the fixture."""
    for item in items:
        if (
            item.get_closest_marker("db")
            and isinstance(item, pytest.Function)
            and "db" not in item.fixturenames
        ):
            item.fixturenames.insert(0, "db")


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
    if not is_async(function) or belongs_to_others(request.node):
        return (yield)
    if request.scope != "function":
        pytest.fail(
            f"async fixture {fixturedef.argname!r} must have the scope 'function', not {request.scope!r}"
        )
    plain = synchronous(bound(function, request.instance), request.getfixturevalue(RUNNER_FIXTURE))
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
    module = load_testing_config(config.rootpath).settings
    if module is None and not os.environ.get(SETTINGS_VARIABLE):
        return False
    # Late: other projects, whose tests this plug-in sees too, have no settings to load.
    from openviper.testing.settings import installed_directories

    return path.parent.resolve() in installed_directories(module, config.rootpath)


# Fixtures


@pytest.fixture(scope="session")
def openviper_test_config(pytestconfig: pytest.Config) -> OpenViperTestConfig:
    """Return `[tool.openviper.testing]` of the pyproject.toml in pytest's root directory."""
    return load_testing_config(pytestconfig.rootpath)


@pytest.fixture
def _openviper_project(openviper_test_config: OpenViperTestConfig) -> Iterator[None]:
    # Late: a test without these fixtures needs no settings.
    from openviper.testing.settings import project_settings

    with ExitStack() as stack:
        stack.enter_context(project_settings(openviper_test_config.settings))
        if openviper_test_config.disable_real_tasks:
            # Late, here and below: a test waits only for what its fixtures use.
            from openviper.testing.tasks import tasks_in_memory

            stack.enter_context(tasks_in_memory())
        if openviper_test_config.disable_real_email:
            stack.enter_context(testing.create_mailoutbox()[1])
        yield


@pytest.fixture
def override_settings(_openviper_project: None) -> Iterator[Callable[..., None]]:
    """Yield a function that changes settings for the rest of the test: ``override_settings(DEBUG=False)``."""
    with ExitStack() as stack:

        def override(**values: Any) -> None:
            stack.enter_context(testing.override_openviper_settings(**values))

        yield override


@pytest.fixture
async def db(_openviper_project: None) -> AsyncIterator[TestDatabase]:
    """Put an empty database with all tables in place of the project's, for this test."""
    database = testing.TestDatabase()
    try:
        await database.setup()
        yield database
    finally:
        await database.teardown()


@pytest.fixture
def mailoutbox(_openviper_project: None) -> Iterator[list[TestEmail]]:
    """Yield the list that takes every message the test sends, inline or in the background; nothing leaves the machine."""
    outbox, catching = testing.create_mailoutbox()
    with catching:
        yield outbox


@pytest.fixture
def task_queue(_openviper_project: None) -> Iterator[TaskQueue]:
    """Yield the queue that takes every background task the test sends; nothing runs unless the test says so."""
    with testing.TaskQueue().patch() as queue:
        yield queue


@pytest.fixture
def task_runner(_openviper_project: None) -> EagerTaskRunner:
    """Return a runner that carries out tasks at once: ``await task_runner.run(resize, 7)``."""
    return testing.EagerTaskRunner()


@pytest.fixture
async def app(
    db: TestDatabase,  # noqa: ARG001 - a fixture that has to be there first
    openviper_test_config: OpenViperTestConfig,
) -> AsyncIterator[OpenViper]:
    """Yield the project's application, started, with debug on and a database of its own."""
    # Late: the application is the whole of the web part.
    from openviper.testing.application import lifespan, load_app

    application = await load_app(openviper_test_config)
    with application.debugging():
        async with lifespan(application):
            yield application


@pytest.fixture
async def client(app: OpenViper) -> AsyncIterator[OpenViperTestClient]:
    """Yield a client of the application that follows redirects."""
    async with testing.OpenViperTestClient(app, follow_redirects=True) as one:
        yield one
