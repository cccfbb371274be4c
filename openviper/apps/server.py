"""Serving an application with uvicorn."""

from __future__ import annotations

import inspect
import logging
import os
import socket
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from openviper.conf import settings
from openviper.conf.logging import server_log_config
from openviper.http.asgi import ASGIApp

if TYPE_CHECKING:
    import uvicorn

logger = logging.getLogger("openviper.app")


def serve(
    app: ASGIApp,
    target: str | None,
    *,
    host: str,
    port: int,
    reload: bool,
    log_level: str,
    workers: int,
) -> None:
    """Serve an application until it is stopped.

    Args:
        app: The application.
        target: Where new processes import it from; `None` if they cannot, and then one process without reload serves it.
        host: Address to listen on.
        port: Port to listen on.
        reload: Restart when code changes.
        log_level: The server's log level.
        workers: Number of processes.
    """
    # At the point of use: only this needs the package.
    import uvicorn

    common = {**options_of_settings(), "host": host, "port": port, "log_level": log_level}
    is_alone = workers == 1 and not reload
    if target is None and not is_alone:
        logger.warning(
            "the application is not a module-level name; serving in one process without reload"
        )
    if target is None or is_alone:
        uvicorn.run(target or app, **common)
        return
    several = 1 if reload else workers
    _serve_in_processes(uvicorn.Config(target, reload=reload, workers=several, **common))


def options_of_settings() -> dict[str, Any]:
    """Return what uvicorn is told because the settings say so."""
    return {
        "log_config": server_log_config(settings),
        # Whose forwarded headers are believed is said by `TRUSTED_PROXIES` alone; uvicorn would believe this machine.
        "proxy_headers": False,
        # By itself it takes 16 MiB into memory, where less is wanted, and no more, where more is.
        "ws_max_size": settings.WEBSOCKET_MAX_SIZE,
    }


def _serve_in_processes(config: uvicorn.Config) -> None:
    """Do what `uvicorn.run` does for processes of their own, on a socket that sends what it is given at once.

    That of uvicorn does not know its protocol, so that asyncio does not switch Nagle's algorithm off: the body of each answer
    would wait 40 ms for the client to confirm its head.
    """
    import uvicorn
    from uvicorn.supervisors import ChangeReload, Multiprocess

    server = uvicorn.Server(config)
    bound = config.bind_socket()
    # The connections take it over: tcp(7).
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    supervisor: Any = ChangeReload if config.should_reload else Multiprocess
    # Newer versions know themselves what several workers run.
    knows_target = "target" not in inspect.signature(supervisor).parameters
    options = {} if knows_target else {"target": server.run}
    with suppress(KeyboardInterrupt):  # It has ended in good order, and passes the signal on.
        supervisor(config, sockets=[bound], **options).run()


def import_string_of(app: object, caller: FrameType | None) -> str | None:
    """Return ``module:name`` of an application that is a module-level name of its caller's module, else `None`."""
    if caller is None:
        return None
    names = caller.f_globals
    name = next((key for key, value in names.items() if value is app), None)
    module = names.get("__name__", "")
    if module == "__main__":
        module = _main_module(names.get("__spec__"), names.get("__file__") or "")
    return f"{module}:{name}" if name and module else None


def _main_module(spec: object, path: str) -> str:
    name = getattr(spec, "name", None)
    return name if isinstance(name, str) else os.path.splitext(os.path.basename(path))[0]
