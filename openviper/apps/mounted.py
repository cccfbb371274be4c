"""The lifespan of ASGI applications that are mounted in another one."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from openviper.exceptions import OpenViperException
from openviper.http.asgi import MOUNTED, ASGIApp, Message

logger = logging.getLogger("openviper.app")


class MountedStartupError(OpenViperException):
    """A mounted application says that it cannot start."""


class MountedLifespan:
    """One run of a mounted application, told to start and to stop as a server would tell it.

    One that does not know the lifespan protocol, and raises when it is asked, is left alone, as servers do (ASGI 3,
    Lifespan).

    Args:
        app: The application.
        state: What it leaves there is in the ``state`` of its requests.
    """

    def __init__(self, app: ASGIApp, state: dict[str, Any]) -> None:
        self._app = app
        self._state = state
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Have the application start.

        Raises:
            MountedStartupError: If it says that it cannot.
        """
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._state,
            MOUNTED: True,
        }
        running = self._app(scope, self._incoming.get, self._answers.put)
        self._task = asyncio.ensure_future(running)
        failure = await self._failure("startup")
        if failure is not None:
            raise MountedStartupError(f"a mounted application cannot start: {failure}")

    async def stop(self) -> None:
        """Have the application stop.

        Raises:
            RuntimeError: If it says that it cannot.
        """
        failure = await self._failure("shutdown")
        if failure is not None:
            raise RuntimeError(f"a mounted application cannot stop: {failure}")

    async def _failure(self, word: str) -> str | None:
        answer = await self._ask(f"lifespan.{word}")
        if answer is None or answer["type"] != f"lifespan.{word}.failed":
            return None
        return answer.get("message") or "it does not say why"

    async def _ask(self, message_type: str) -> Message | None:
        """Tell the application something and return what it answers; `None` if it does not take part."""
        task = self._task
        if task is None or task.done():
            return None
        self._incoming.put_nowait({"type": message_type})
        answering = asyncio.ensure_future(self._answers.get())
        await asyncio.wait((task, answering), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            return answering.result()
        answering.cancel()
        if not task.cancelled() and task.exception() is not None:
            logger.debug(
                "a mounted application takes no part in the lifespan: %r", task.exception()
            )
        return None
