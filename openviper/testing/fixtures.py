"""The pytest fixtures; the plug-in hands them to pytest."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from openviper import testing
from openviper.testing.config import ISOLATIONS, OpenViperTestConfig, load_testing_config

if TYPE_CHECKING:
    from openviper.app import OpenViper
    from openviper.cache import BaseCache
    from openviper.http.uploads import UploadFile
    from openviper.testing.account_factories import UserFactory
    from openviper.testing.accounts import TestUser
    from openviper.testing.client import OpenViperTestClient
    from openviper.testing.clock import Clock, Moment
    from openviper.testing.commands import CommandRunner
    from openviper.testing.databases.database import SessionDatabase, TestDatabase
    from openviper.testing.events import EventRecorder
    from openviper.testing.live import LiveServer
    from openviper.testing.mail import TestEmail
    from openviper.testing.snapshots import Snapshot
    from openviper.testing.tasks import EagerTaskRunner, TaskQueue
    from openviper.testing.websockets import WebSocketSession

F = TypeVar("F", bound="Callable[..., Any]")


def known_to_asyncio(function: F) -> F:
    """Have pytest-asyncio not warn of an async fixture that it has not made itself; see `runner_of`, which runs it."""
    vars(function)["_force_asyncio_fixture"] = True
    return function


COMMITTING = {
    "recreate": ("isolated_db",),
    "truncate": ("transactional_db", "live_server", "setup_test_database"),
}
"""The fixtures that say what keeps a test apart from others, by what it is."""
WITH_TABLES = {"migrated_db", "isolated_db", "setup_test_database"}
"""The fixtures whose databases have their tables, whatever `migrate` in the configuration says."""


@pytest.fixture(scope="session")
def openviper_test_config(pytestconfig: pytest.Config) -> OpenViperTestConfig:
    """Return `[tool.openviper.testing]` of the pyproject.toml in pytest's root directory."""
    return load_testing_config(pytestconfig.rootpath)


@pytest.fixture
def _openviper_project(openviper_test_config: OpenViperTestConfig) -> Iterator[None]:
    with testing.project_under_test(openviper_test_config):
        yield


@pytest.fixture
def override_settings(_openviper_project: None) -> Iterator[Callable[..., None]]:
    """Yield a function that changes settings for the rest of the test: ``override_settings(DEBUG=False)``."""
    with ExitStack() as stack:

        def override(**values: Any) -> None:
            stack.enter_context(testing.override_openviper_settings(**values))

        yield override


# Databases


def _isolation(request: pytest.FixtureRequest) -> str | None:
    """Return what keeps a test apart, where its fixtures or its marker say so."""
    for isolation, names in COMMITTING.items():
        if not set(names).isdisjoint(request.fixturenames):
            return isolation
    marker = request.node.get_closest_marker("db")
    return None if marker is None else marker.kwargs.get("isolation")


ISOLATION_OF = {name: isolation for isolation, names in COMMITTING.items() for name in names}


def check_marker(marker: pytest.Mark, fixtures: Iterable[str]) -> None:
    """Refuse a marker of a database that says what is not understood, or something else than the fixtures of its test.

    Raises:
        pytest.UsageError: If it does.
    """
    allowed = {"isolation"} if marker.name == "db" else set()
    if marker.args or not allowed.issuperset(marker.kwargs):
        hint = 'isolation="..." and nothing else' if allowed else "no arguments"
        raise pytest.UsageError(f"the marker {marker.name} takes {hint}, not {_given(marker)}")
    wanted = marker.kwargs.get("isolation")
    if wanted is None:
        return
    if wanted not in ISOLATIONS:
        raise pytest.UsageError(
            f"the isolation of the marker db is {wanted!r}, not one of {', '.join(ISOLATIONS)}"
        )
    for name in fixtures:
        isolation = ISOLATION_OF.get(name, wanted)
        if isolation != wanted:
            raise pytest.UsageError(
                f"the marker db says {wanted!r}, and the fixture {name} {isolation!r}: leave out one of them"
            )


def _given(marker: pytest.Mark) -> str:
    named = [f"{name}={value!r}" for name, value in marker.kwargs.items()]
    return ", ".join([*map(repr, marker.args), *named])


@pytest.fixture
@known_to_asyncio
async def db(
    _openviper_project: None,
    openviper_test_config: OpenViperTestConfig,
    request: pytest.FixtureRequest,
) -> AsyncIterator[TestDatabase]:
    """Put the test databases in place of the project's, for this test; what it writes is undone."""
    config = openviper_test_config
    if not WITH_TABLES.isdisjoint(request.fixturenames):
        config = dataclasses.replace(config, migrate=True)
    database = testing.TestDatabase(config, _isolation(request))
    await database.setup()
    try:
        yield database
    finally:
        await database.teardown()


@pytest.fixture
def transactional_db(db: TestDatabase) -> TestDatabase:
    """Put the test databases in place; what the test commits is committed, and deleted afterwards."""
    return db


@pytest.fixture
def migrated_db(db: TestDatabase) -> TestDatabase:
    """Put the test databases in place, with their tables, whatever `migrate` in the configuration says."""
    return db


@pytest.fixture
def isolated_db(db: TestDatabase) -> TestDatabase:
    """Put the test databases in place, with their tables; they are made anew afterwards, whatever the test did to them."""
    return db


@pytest.fixture
def setup_test_database(db: TestDatabase) -> SessionDatabase:
    """Return the test databases, with their tables, which the test may empty itself: ``await setup_test_database.reset()``."""
    return testing.SessionDatabase(db)


# Mail and tasks


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
    """Return a runner that runs tasks at once: ``await task_runner.run(resize, 7)``."""
    return testing.EagerTaskRunner()


# The application


@pytest.fixture
@known_to_asyncio
async def app(
    db: TestDatabase,  # noqa: ARG001 - a fixture that has to be there first
    openviper_test_config: OpenViperTestConfig,
) -> AsyncIterator[OpenViper]:
    """Yield the project's application, started, with debug on and test databases."""
    application = await testing.load_app(openviper_test_config)
    with application.debugging():
        async with testing.lifespan(application):
            yield application


@pytest.fixture
@known_to_asyncio
async def client(app: OpenViper) -> AsyncIterator[OpenViperTestClient]:
    """Yield a client of the application that follows redirects."""
    async with testing.OpenViperTestClient(app, follow_redirects=True) as browser:
        yield browser


@pytest.fixture
def websocket(client: OpenViperTestClient) -> Callable[..., WebSocketSession]:
    """Return a function that opens a WebSocket: ``async with websocket("/chat") as socket``."""
    return client.websocket


@pytest.fixture
@known_to_asyncio
async def live_server(
    db: TestDatabase,  # noqa: ARG001 - a fixture that has to be there first
    openviper_test_config: OpenViperTestConfig,
) -> AsyncIterator[LiveServer]:
    """Yield the address of the application on a port of this machine, for a browser; the test commits."""
    application = await testing.load_app(openviper_test_config)
    testing.share_databases()
    with application.debugging(), testing.serving(application) as server:
        yield server


@pytest.fixture
def openapi_schema(app: OpenViper) -> dict[str, Any]:
    """Return the document of the application's API, for `assert_openapi_path` and its like."""
    return testing.openapi_document(app)


# Accounts


@pytest.fixture
def user(_openviper_project: None) -> TestUser:
    """Return a user without a row, who may do nothing in particular."""
    return testing.TestUser()


@pytest.fixture
def admin_user(_openviper_project: None) -> TestUser:
    """Return a user without a row, who may do everything."""
    return testing.TestUser(
        id=2,
        username="admin",
        email="admin@example.com",
        is_staff=True,
        is_superuser=True,
        permissions={"admin.access"},
        roles={"admin"},
    )


@pytest.fixture
def user_factory(_openviper_project: None) -> type[UserFactory]:
    """Return the factory of stored users."""
    return testing.UserFactory


@pytest.fixture
@known_to_asyncio
async def db_user(db: TestDatabase) -> Any:  # noqa: ARG001 - has to be there first
    """Return a stored user, whose password is ``password``."""
    return await testing.UserFactory.create(password="password")


@pytest.fixture
@known_to_asyncio
async def db_admin_user(db: TestDatabase) -> Any:  # noqa: ARG001 - has to be there first
    """Return a stored user who may do everything, whose password is ``password``."""
    return await testing.SuperuserFactory.create(password="password")


def _client_of(app: OpenViper, somebody: Any = None) -> OpenViperTestClient:
    client = testing.OpenViperTestClient(app, follow_redirects=True)
    if somebody is not None:
        testing.force_authenticate(client, somebody)
    return client


@pytest.fixture
@known_to_asyncio
async def auth_client(app: OpenViper, user: TestUser) -> AsyncIterator[OpenViperTestClient]:
    """Yield a client whose requests come from `user`, who has no row."""
    async with _client_of(app, user) as browser:
        yield browser


@pytest.fixture
@known_to_asyncio
async def admin_client(app: OpenViper, admin_user: TestUser) -> AsyncIterator[OpenViperTestClient]:
    """Yield a client whose requests come from `admin_user`, who has no row."""
    async with _client_of(app, admin_user) as browser:
        yield browser


@pytest.fixture
@known_to_asyncio
async def authenticated_client(app: OpenViper, db_user: Any) -> AsyncIterator[OpenViperTestClient]:
    """Yield a client that `db_user` is logged in with."""
    async with _client_of(app) as browser:
        await testing.log_in(browser, db_user)
        yield browser


@pytest.fixture
@known_to_asyncio
async def admin_authenticated_client(
    app: OpenViper, db_admin_user: Any
) -> AsyncIterator[OpenViperTestClient]:
    """Yield a client that `db_admin_user` is logged in with."""
    async with _client_of(app) as browser:
        await testing.log_in(browser, db_admin_user)
        yield browser


@pytest.fixture
def cache(_openviper_project: None) -> Iterator[BaseCache]:
    """Yield the default cache, which is in memory for this test and empty."""
    with testing.cache_in_memory() as fresh:
        yield fresh


@pytest.fixture
def clear_cache(cache: BaseCache) -> Callable[[], Awaitable[object]]:
    """Return what empties the default cache: ``await clear_cache()``."""
    return cache.clear


# Files, time, commands, events, snapshots


@pytest.fixture
def tmp_storage(_openviper_project: None) -> Path:
    """Return the folder that uploads of this test are stored in; it is empty at first, and made with the first file."""
    return testing.upload_folder()


@pytest.fixture
def uploaded_file() -> Callable[..., UploadFile]:
    """Return a function that makes what a view gets of an uploaded file: ``uploaded_file("a.txt", b"text")``."""
    return testing.make_upload


@pytest.fixture
def travel() -> Iterator[Callable[..., Clock]]:
    """Yield a function that moves the clock for the rest of the test, and returns it: ``travel("2030-01-01")``."""
    with ExitStack() as stack:

        def go(moment: Moment, *, tick: bool = True) -> Clock:
            return stack.enter_context(testing.travel(moment, tick=tick))

        yield go


@pytest.fixture
def cli_runner(_openviper_project: None, tmp_path: Path) -> CommandRunner:
    """Return a runner of management commands, for plain tests; async ones await `call_command`."""
    return testing.CommandRunner(tmp_path)


@pytest.fixture
def event_recorder(_openviper_project: None) -> Iterator[EventRecorder]:
    """Yield what records the events of all models."""
    recorder, recording = testing.create_event_recorder()
    with recording:
        yield recorder


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Snapshot:
    """Return a function that compares a value with what is stored beside the test: ``snapshot(response.json())``."""
    path = request.path
    return testing.Snapshot(
        path.parent / "__snapshots__" / path.stem,
        # With its class: two of them may have a test of the same name.
        ".".join(request.node.nodeid.split("::")[1:]) or request.node.name,
        update=request.config.getoption("--snapshot-update"),
    )


ALL = {
    name: value
    for name, value in globals().items()
    if type(value).__module__.startswith("_pytest.fixtures")
}
"""The fixtures by name."""
