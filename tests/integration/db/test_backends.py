"""Backends that watch the statements of a database, on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db import DatabaseBackend, DatabaseExecution, database_backend_registry
from openviper.db.connection import atomic, close_db, connections
from openviper.db.exceptions import (
    DatabaseBackendNotFoundError,
    DatabaseConfigurationError,
    DatabaseError,
)
from openviper.db.schemas import SchemaSync, create_tables
from openviper.exceptions import IntegrityError
from tests.integration.db.support import current
from tests.integration.db.watched_shop import Product

EVERY_DATABASE = True


class Recorder(DatabaseExecution):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.values: list[Sequence[Any] | None] = []
        self.refuse = ""

    async def pre_execute(self, statement: str, parameters: Sequence[Any] | None) -> None:
        if self.refuse and statement.startswith(self.refuse):
            raise PermissionError(f"no {self.refuse} here")
        self.events.append(("before", statement.split()[0]))
        self.values.append(parameters)

    async def post_execute(
        self, statement: str, parameters: Sequence[Any] | None, duration: float
    ) -> None:
        assert duration >= 0
        self.events.append(("after", statement.split()[0]))

    def on_error(
        self, statement: str, parameters: Sequence[Any] | None, error: BaseException
    ) -> None:
        self.events.append((type(error).__name__, statement.split()[0]))

    def took(self) -> list[tuple[str, str]]:
        """Return what was noted since the last call."""
        events, self.events = self.events, []
        self.values.clear()
        return events


@asynccontextmanager
async def watched(folder: Path, execution: DatabaseExecution) -> AsyncIterator[None]:
    """Have the database of the test watched by an execution."""

    class Backend(DatabaseBackend):
        def create_execution(self) -> DatabaseExecution:
            assert self.alias == "default" and self.options.pool_size == 4
            return execution

    database_backend_registry.register("watched", Backend)
    url = current.url or f"sqlite:///{folder / 'a.db'}"
    try:
        connections.configure({"default": {"URL": url, "BACKEND": "watched", "POOL_SIZE": 4}})
        await create_tables([Product])
        yield
    finally:
        await close_db()
        connections.reset()
        database_backend_registry.unregister("watched")


async def test_every_kind_of_statement_is_seen_before_and_after(tmp_path: Path) -> None:
    recorder = Recorder()
    async with watched(tmp_path, recorder):
        recorder.took()
        anvil = await Product.objects.create(name="Anvil")
        assert ("after", "INSERT") in recorder.took()
        assert await Product.objects.get(pk=anvil.pk) == anvil
        assert [tuple(values or ()) for values in recorder.values] == [(anvil.pk,)]
        assert recorder.took() == [("before", "SELECT"), ("after", "SELECT")]
        async with atomic():
            await Product.objects.all().update(name="Drill")
            async with atomic():
                await Product.objects.filter(name="Drill").delete()
        words = [word for moment, word in recorder.took() if moment == "after"]
        assert [word for word in words if word not in ("BEGIN", "START")] == [
            "UPDATE", "SAVEPOINT", "DELETE", "RELEASE", "COMMIT",
        ]  # fmt: skip
        await Product.objects.bulk_create([Product(name=f"n{number}") for number in range(20)])
        assert None in recorder.values
        assert recorder.took()[-1] == ("after", "COMMIT")
        names = [
            product.name async for product in Product.objects.order_by("pk").iterator(chunk_size=5)
        ]
        assert len(names) == 20
        assert recorder.took() == [("before", "SELECT"), ("after", "SELECT")]
        async with aclosing(Product.objects.order_by("name").iterator(chunk_size=5)) as products:
            async for _ in products:
                break
        assert not [event for event in recorder.took() if event[0] not in ("before", "after")]


async def test_a_failure_is_seen_and_goes_on_and_a_refusal_keeps_the_statement_back(
    tmp_path: Path,
) -> None:
    recorder = Recorder()
    async with watched(tmp_path, recorder):
        await Product.objects.create(name="Anvil")
        recorder.took()
        with pytest.raises(IntegrityError):
            await Product.objects.bulk_create([Product(name="Anvil")])
        assert "IntegrityError" in [moment for moment, _ in recorder.took()]
        recorder.refuse = "DELETE"
        with pytest.raises(PermissionError, match="no DELETE here"):
            await Product.objects.all().delete()
        recorder.refuse = ""
        assert await Product.objects.count() == 1


async def test_an_error_of_the_watcher_is_logged_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(DatabaseExecution):
        def post_execute(self, statement: str, parameters: object, duration: float) -> None:
            raise RuntimeError("the counter is full")

    async with watched(tmp_path, Broken()):
        await Product.objects.create(name="Anvil")
        assert await Product.objects.count() == 1
    assert "Broken failed" in caplog.text and "the counter is full" in caplog.text
    assert "Anvil" not in caplog.text


async def test_schema_sync_works_on_a_watched_database(tmp_path: Path) -> None:
    recorder = Recorder()
    async with watched(tmp_path, recorder):
        assert not (await SchemaSync({}).migrate()).operations
        assert recorder.took()


async def test_a_backend_that_is_none_is_named(tmp_path: Path) -> None:
    class Wrong(DatabaseBackend):
        def create_execution(self) -> Any:
            return "nothing"

    database_backend_registry.register("wrong", Wrong)
    try:
        for name, kind, message in (
            (
                "nothing",
                DatabaseBackendNotFoundError,
                "no database backend 'nothing'; registered: wrong",
            ),
            (
                "acme.Backend",
                DatabaseBackendNotFoundError,
                "cannot import the database backend 'acme.Backend'",
            ),
            (
                "pathlib.Path",
                DatabaseBackendNotFoundError,
                "'pathlib.Path' is not a subclass of DatabaseBackend",
            ),
            ("", DatabaseConfigurationError, "must be a registered name or a dotted path, not ''"),
            ("wrong", DatabaseConfigurationError, "must return a DatabaseExecution, not 'nothing'"),
        ):
            kinds: type[DatabaseError] = kind
            with pytest.raises(kinds, match=message):
                connections.configure({"default": {"URL": "sqlite://", "BACKEND": name}})
        for built_in in ("default", "sqlalchemy", None):
            connections.configure({"default": {"URL": "sqlite://", "BACKEND": built_in}})
    finally:
        database_backend_registry.unregister("wrong")
        connections.reset()
