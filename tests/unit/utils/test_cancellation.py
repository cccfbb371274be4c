"""What is awaited may be cancelled without whoever awaits it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest

from openviper import OpenViper, Request
from openviper.apps.lifecycle import AppLifecycle, AppLifecycleManager
from openviper.http import Provide
from openviper.http.asgi import Message
from openviper.utils.cancellation import uncancelled


async def ends_its_own_task() -> None:
    """Stop a task as one should, but for the error that it then raises."""
    task = asyncio.ensure_future(asyncio.sleep(1000))
    task.cancel()
    await task


async def test_what_was_awaited_is_an_error_and_who_awaits_it_is_not() -> None:
    with pytest.raises(RuntimeError, match="has been cancelled"):
        await uncancelled(ends_its_own_task())
    waiting = asyncio.ensure_future(uncancelled(asyncio.sleep(1000)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def lives(app: OpenViper) -> list[Message]:
    """Return what a server hears when it starts and stops an application."""
    told: list[Message] = []
    asked = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> Message:
        return {"type": next(asked)}

    async def send(message: Message) -> None:
        told.append(message)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    return told


async def test_a_hook_at_the_start_stops_the_server_and_says_why() -> None:
    app = OpenViper()
    app.on_startup(ends_its_own_task)
    told = await lives(app)
    assert [message["type"] for message in told] == ["lifespan.startup.failed"]
    assert "has been cancelled" in told[0]["message"]


async def test_a_hook_at_the_end_is_told_of_and_stops_no_other() -> None:
    app = OpenViper()
    ended: list[str] = []
    app.on_shutdown(lambda: ended.append("first"))
    app.on_shutdown(ends_its_own_task)
    told = await lives(app)
    assert told[-1]["type"] == "lifespan.shutdown.failed"
    assert "has been cancelled" in told[-1]["message"]
    assert ended == ["first"]


async def test_a_hook_of_an_app_is_named() -> None:
    manager = AppLifecycleManager()
    manager.lifecycles = [AppLifecycle("shop", startup=ends_its_own_task)]
    with pytest.raises(Exception, match="shop.*has been cancelled"):
        await manager.run_startup()


async def test_work_after_the_answer_goes_on_and_the_failure_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = OpenViper(debug=False)
    done: list[Any] = []

    async def provided() -> AsyncIterator[int]:
        yield 7
        await ends_its_own_task()

    async def outer() -> AsyncIterator[int]:
        yield 8
        done.append("outer")

    @app.get("/x")
    async def view(
        request: Request,
        other: Annotated[int, Provide(outer)],
        own: Annotated[int, Provide(provided)],
    ) -> int:
        request.after_response(ends_its_own_task)
        request.after_response(done.append, "work")
        return own + other

    with caplog.at_level(logging.ERROR):
        assert (await app.test_client().get("/x")).json() == 15
    assert sorted(done) == ["outer", "work"]
    assert len(caplog.messages) == 2
