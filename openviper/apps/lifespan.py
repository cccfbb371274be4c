"""The ASGI lifespan protocol: starting in order, stopping in reverse order, telling the server what failed."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from openviper.apps.lifecycle import AppLifecycleManager
from openviper.apps.mounted import MountedLifespan
from openviper.core.context import serving_others
from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import Receive, Send
from openviper.routing.mounts import Mount
from openviper.utils.cancellation import uncancelled

logger = logging.getLogger("openviper.app")
Callback = Callable[[], Any]


class Lifespan:
    """One run of an application.

    Args:
        prepare: Builds what must not fail at the first request only: middleware, routes, hooks.
        manager: The hooks of the installed apps.
        startup: Handlers run after the apps have started, in order.
        shutdown: Handlers run before the apps stop, in reverse order.
        mounts: Returns the mounted applications; they start last and stop first.
        is_mounted: Whether the application is mounted in another one, which starts and stops the apps, and closes what
            they share.
    """

    def __init__(
        self,
        prepare: Callback,
        manager: AppLifecycleManager,
        startup: Sequence[Callback],
        shutdown: Sequence[Callback],
        mounts: Callable[[], Sequence[Mount]] = tuple,
        *,
        is_mounted: bool = False,
    ) -> None:
        self._prepare = prepare
        self._manager = manager
        self._startup = startup
        self._shutdown = shutdown
        self._mounts = mounts
        self._is_mounted = is_mounted
        self._running: list[MountedLifespan] = []

    async def run(self, receive: Receive, send: Send, *, is_test: bool = False) -> None:
        """Speak the protocol until the server says that the application stops.

        Args:
            receive: Where the server's messages come from.
            send: Where answers go.
            is_test: Whether the process is one of tests, which look into the database themselves meanwhile.
        """
        await receive()
        try:
            await self.start()
        except Exception as error:
            # What settings have wrong is said by the server, in one line; where it was noticed helps nobody.
            level = logging.DEBUG if isinstance(error, ImproperlyConfigured) else logging.ERROR
            logger.log(level, "the application cannot start", exc_info=error)
            await send({"type": "lifespan.startup.failed", "message": _told(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        with nullcontext() if is_test else serving_others():
            while (await receive())["type"] != "lifespan.shutdown":
                pass
        errors = await self.stop()
        if errors:
            await send(
                {"type": "lifespan.shutdown.failed", "message": "; ".join(map(_told, errors))}
            )
        else:
            await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Start everything; if a part fails, stop what was started and raise its error."""
        try:
            self._prepare()
            if not self._is_mounted:
                await self._manager.run_ready_hooks()
                await self._manager.run_startup()
            for handler in self._startup:
                await _call(handler)
            await self._start_mounts()
        except BaseException:
            for error in await self.stop(handlers=()):
                logger.error("while stopping again", exc_info=error)
            raise

    async def _start_mounts(self) -> None:
        # An application may be mounted at several paths, but it starts once.
        first: dict[int, Mount] = {}
        for mount in self._mounts():
            mount.state = first.setdefault(id(mount.app), mount).state
        for mount in first.values():
            lifespan = MountedLifespan(mount.app, mount.state)
            self._running.append(lifespan)
            await lifespan.start()

    async def stop(self, handlers: Sequence[Callback] | None = None) -> list[Exception]:
        """Stop everything, background tasks and database connections last; every step runs whatever the ones before did.

        Returns:
            What failed.
        """
        steps: list[Callback] = [lifespan.stop for lifespan in reversed(self._running)]
        steps += reversed(self._shutdown if handlers is None else handlers)
        if not self._is_mounted:
            steps += [
                self._manager.run_shutdown,
                _finish_tasks,
                _close_ai_providers,
                _close_caches,
                _close_databases,
            ]
        errors: list[Exception] = []
        interruption: BaseException | None = None
        for step in steps:
            try:
                await _call(step)
            except Exception as error:
                errors.append(error)
            except BaseException as error:
                interruption = error
        if interruption is not None:
            raise interruption
        return errors


async def _call(handler: Callback) -> None:
    result = handler()
    if hasattr(result, "__await__"):
        await uncancelled(result)


async def _finish_tasks() -> None:
    broker = sys.modules.get("openviper.tasks.broker")
    if broker is not None:
        await broker.finish_sending()


async def _close_ai_providers() -> None:
    registry = sys.modules.get("openviper.ai.registry")
    if registry is not None:
        await registry.provider_registry.close()


async def _close_caches() -> None:
    caches = sys.modules.get("openviper.cache.configured")
    if caches is not None:
        await caches.close_caches()


async def _close_databases() -> None:
    connection = sys.modules.get("openviper.db.connection")
    if connection is not None:
        await connection.close_db()


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
