"""What an application has in debug mode beside its own routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from openviper import OpenViper, Request
from openviper.db.connections.databases import connections
from openviper.db.connections.observers import watch_all_statements


@pytest.fixture(autouse=True)
def unwatched() -> Iterator[None]:
    """Begin and end without anybody who watches statements."""
    watch_all_statements(None)
    yield
    watch_all_statements(None)


@pytest.fixture(autouse=True)
async def database() -> AsyncIterator[None]:
    """A database in memory, configured without any options, that has been used before."""
    connections.configure({"default": {"URL": "sqlite:///:memory:"}})
    yield
    await connections.disconnect_all()
    connections.reset()


def application(debug: bool) -> OpenViper:
    app = OpenViper(debug=debug)

    @app.get("/fail")
    async def fail(request: Request) -> None:
        # In pieces: the page shows this line too.
        await (
            connections.get("default")
            .pool()
            .read(" ".join(["SELECT", "41", "AS", "answer"]), (), list)
        )
        raise ValueError("no")

    return app


async def page(app: OpenViper) -> str:
    response = await app.test_client().get("/fail", headers={"accept": "text/html"})
    assert response.status_code == 500
    return response.text


async def test_the_debug_page_shows_the_statements_of_the_request() -> None:
    text = await page(application(debug=True))
    assert "SELECT 41 AS answer" in text


async def test_without_debug_neither_statements_nor_errors_are_shown() -> None:
    text = await page(application(debug=False))
    assert "SELECT 41" not in text and "ValueError" not in text
