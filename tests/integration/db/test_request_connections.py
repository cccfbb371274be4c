"""One connection per request, taken when it is first needed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from openviper.db.connection import atomic, connections
from openviper.db.fields import CharField
from openviper.db.models import Model
from openviper.db.routing import mark_write_used, write_used
from openviper.http.asgi import Receive, Scope, Send
from openviper.middleware.db import DatabaseMiddleware
from tests.integration.db.support import database, stored

EVERY_DATABASE = True


class Visit(Model):
    _app_name = "requests"

    name = CharField(max_length=20)


async def nothing() -> Any:
    """Stand in for the server's side."""


async def swallow(message: Any) -> None:
    """Take what would be sent."""


async def call(app: Any, kind: str = "http") -> None:
    """Send a request through the middleware."""
    await DatabaseMiddleware(app)({"type": kind}, nothing, swallow)


def in_use() -> int:
    """Return the number of connections that are taken."""
    figures = connections.get().pool().statistics()
    return (
        int(figures["open"] - figures["idle"])
        if "idle" in figures
        else int(figures["primary_held"])
    )


async def test_a_request_without_a_query_takes_no_connection(tmp_path: Path) -> None:
    async with database(tmp_path, Visit):

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            assert in_use() == 0

        await call(app)


async def test_a_request_keeps_one_connection_and_gives_it_back(
    tmp_path: Path, vendor: str
) -> None:
    async with database(tmp_path, Visit) as path:
        expected = (
            0 if vendor == "sqlite" else 1
        )  # SQLite's statements take turns on the few that there are.

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await Visit.objects.create(name="a")
            assert stored(path, "SELECT name FROM requests_visit") == [("a",)]
            await asyncio.gather(*(Visit.objects.count() for _ in range(5)))
            assert in_use() == expected
            async with atomic():
                await Visit.objects.create(name="b")
            assert await Visit.objects.count() == 2

        await call(app)
        assert in_use() == 0
        assert await Visit.objects.count() == 2


async def test_a_failing_request_gives_its_connection_back_and_forgets_what_it_wrote(
    tmp_path: Path,
) -> None:
    async with database(tmp_path, Visit):

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await Visit.objects.create(name="a")
            mark_write_used()
            raise RuntimeError("a handler failed")

        try:
            await call(app)
        except RuntimeError:
            pass
        assert in_use() == 0
        assert not write_used.get()


async def test_a_websocket_keeps_none(tmp_path: Path) -> None:
    async with database(tmp_path, Visit):

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await Visit.objects.count()
            assert in_use() == 0

        await call(app, "websocket")
