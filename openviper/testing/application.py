"""The application under test, between its start and its stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openviper.app import OpenViper
from openviper.http.asgi import TEST_CLIENT, ASGIApp, Message
from openviper.testing.config import (
    SETTINGS_VARIABLE,
    OpenViperTestConfig,
    OpenViperTestingConfigError,
)
from openviper.utils.importing import import_string


class ApplicationStartError(OpenViperTestingConfigError):
    """The application does not start."""


async def load_app(config: OpenViperTestConfig) -> OpenViper:
    """Return the application that the configuration names.

    Raises:
        OpenViperTestingConfigError: If none is named, it cannot be imported, or it is no application.
    """
    path = config.app or _beside_settings()
    try:
        found: Any = import_string(path)
    except ImportError as error:
        raise OpenViperTestingConfigError(
            f"cannot import the application {path!r}: {error}"
        ) from error
    if callable(found) and not isinstance(found, OpenViper):
        found = found()
        if hasattr(found, "__await__"):
            found = await found
    if not isinstance(found, OpenViper):
        raise OpenViperTestingConfigError(
            f"{path!r} is no OpenViper application but {type(found).__name__!r}"
        )
    return found


def _beside_settings() -> str:
    module = os.environ.get(SETTINGS_VARIABLE, "")
    if not module:
        raise OpenViperTestingConfigError(
            "no application to test: set app in [tool.openviper.testing] of pyproject.toml, "
            "for example 'project.asgi:app'"
        )
    package, _, _ = module.rpartition(".")
    return f"{package}.asgi:app" if package else "asgi:app"


@asynccontextmanager
async def lifespan(app: ASGIApp) -> AsyncIterator[None]:
    """Start an application as a server does, and stop it at the end of the block.

    Raises:
        ApplicationStartError: If it says that it cannot start, or later that it could not stop.
    """
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    answers: asyncio.Queue[Message | None] = asyncio.Queue()
    scope = {
        "type": "lifespan",
        "asgi": {"version": "3.0", "spec_version": "2.0"},
        "state": {},
        TEST_CLIENT: True,
    }
    running = asyncio.ensure_future(app(scope, incoming.get, answers.put))
    # Nothing else comes after the end.
    running.add_done_callback(lambda _: answers.put_nowait(None))
    try:
        await _phase("startup", incoming, answers, running)
        try:
            yield
        finally:
            await _phase("shutdown", incoming, answers, running)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _phase(
    name: str,
    incoming: asyncio.Queue[Message],
    answers: asyncio.Queue[Message | None],
    running: asyncio.Future[None],
) -> None:
    await incoming.put({"type": f"lifespan.{name}"})
    message = await answers.get()
    if message is None:
        running.result()
        raise ApplicationStartError(f"the application ended during {name}")
    if message["type"] != f"lifespan.{name}.complete":
        raise ApplicationStartError(
            f"{name} failed: {message.get('message') or 'the application gives no reason'}"
        )
