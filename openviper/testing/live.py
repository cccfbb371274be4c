"""The application on a port, for a browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from openviper.apps.server import options_of_settings
from openviper.db.connection import connections
from openviper.http.asgi import ASGIApp
from openviper.testing.config import OpenViperTestingConfigError
from openviper.testing.databases.loops import LoopPools

START_SECONDS = 30.0
"""Longest time that the application may take to start."""


class LiveServer:
    """An application that is served on this machine.

    Attributes:
        url: Its address, ``http://127.0.0.1:<port>``.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, path: str) -> str:
        """Return the address of a page: ``live_server / "login"``."""
        return f"{self.url}/{path.lstrip('/')}"


@contextmanager
def serving(app: ASGIApp) -> Iterator[LiveServer]:
    """Serve an application inside the block, in a thread and on an event loop of its own.

    Raises:
        OpenViperTestingConfigError: If it does not start.
        ModuleNotFoundError: If uvicorn is not installed.
    """
    # At the point of use: only this needs the package.
    import uvicorn

    options = {**options_of_settings(), "log_config": None}
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="on", **options)
    server = uvicorn.Server(config)
    failed: list[BaseException] = []
    thread = threading.Thread(target=_serve, args=(server, failed), name="openviper-live")
    thread.start()
    try:
        yield LiveServer(_wait(server, thread, failed))
    finally:
        server.should_exit = True
        thread.join()


def _serve(server: Any, failed: list[BaseException]) -> None:
    try:
        asyncio.run(server.serve())
    except BaseException as error:  # In its thread nobody would see it.
        failed.append(error)


def _wait(server: Any, thread: threading.Thread, failed: list[BaseException]) -> str:
    """Return the address once the server answers."""
    deadline = monotonic() + START_SECONDS
    while thread.is_alive() and not server.started and monotonic() < deadline:
        sleep(0.005)
    if not server.started:
        reason = f": {failed[0]}" if failed else ""
        raise OpenViperTestingConfigError(f"the application does not start{reason}")
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    return f"http://{host}:{port}"


def share_databases() -> None:
    """Have the event loops of the test and of the server use the databases side by side.

    Raises:
        OpenViperTestingConfigError: If one is in memory, where only one event loop has it.
    """
    for database in connections.all():
        if database.url.is_memory:
            raise OpenViperTestingConfigError(
                f"live_server needs a database that two event loops can use; {database.alias!r} is in memory"
            )
        database.stand_in = LoopPools(database.new_pool)
