"""Serving an application with uvicorn: finding it, checking it before anything is shown, running it."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import inspect
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from openviper.apps.server import options_of_settings
from openviper.conf import settings
from openviper.core.management.base import CommandError
from openviper.core.management.listening import listen, listen_at, remove_socket
from openviper.core.management.server_arguments import ServerOptions
from openviper.project.settings_module import discover_settings_module
from openviper.utils.event_loops import require_event_loop
from openviper.utils.identifiers import is_dotted_path, is_identifier
from openviper.utils.importing import is_missing
from openviper.utils.terminal import Terminal
from openviper.version import VERSION

APPLICATION_VARIABLE = "OPENVIPER_APPLICATION"
"""Tells the processes that uvicorn starts which application to load."""
FAILURE_VARIABLE = "OPENVIPER_STARTUP_FAILURE"
"""Names the file that a server process makes when its application does not start."""
FACTORY = "openviper.core.flexible_adapter:load_application"
NOT_LOADED = 3
"""The exit code when the application cannot be loaded or does not start; uvicorn uses the same."""


def banner(address: str) -> str:
    """Return the product's name and the address it answers at."""
    return f"OpenViper {VERSION}\n{address}\nQuit with CTRL-C."


def address_of(options: ServerOptions, bound: socket.socket) -> str:
    """Return the address of a server, with the port that its socket has got."""
    if options.uds:
        return f"unix:{options.uds}"
    host = f"[{options.host}]" if ":" in options.host else options.host
    scheme = "https" if options.certfile else "http"
    return f"{scheme}://{host}:{bound.getsockname()[1]}{options.root_path}/"


class ApplicationMissing(CommandError):
    """The module of an application does not exist; another candidate may be tried."""

    def __init__(self, target: str) -> None:
        super().__init__(f"cannot load application {target!r}: there is no such module", NOT_LOADED)


def normalise_target(target: str) -> str:
    """Return ``module:attribute`` for a target given as a module or as the path of a file below the working directory.

    Raises:
        CommandError: If it is neither, or lies outside the working directory.
    """
    path, _, attribute = target.partition(":")
    is_file = path.endswith(".py") or "/" in path or "\\" in path
    name = _module_of_file(path, target) if is_file else path
    if not is_dotted_path(name) or not is_identifier(attribute or "app"):
        raise CommandError(
            f"target {target!r} is neither a module, 'module:attribute' nor the path of a Python file"
        )
    return f"{name}:{attribute or 'app'}"


def _module_of_file(path: str, target: str) -> str:
    try:
        relative = Path(path).resolve().relative_to(Path.cwd().resolve())
    except ValueError:
        raise CommandError(f"target {target!r} lies outside the working directory") from None
    return ".".join(relative.with_suffix("").parts)


def import_application(target: str) -> Callable[..., Any]:
    """Import an application.

    Args:
        target: ``module:attribute``.

    Raises:
        ApplicationMissing: If the module does not exist.
        CommandError: With code 3, if it cannot be imported, lacks the attribute, or that is not callable.
    """
    name, _, attribute = target.partition(":")
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        # A module that calls `sys.exit` would end the command without a word.
        if isinstance(error, ImportError) and is_missing(error, name):
            raise ApplicationMissing(target) from error
        raise CommandError(
            f"cannot load application {target!r}: {type(error).__name__}: {error}", NOT_LOADED
        ) from error
    application = getattr(module, attribute, None)
    if application is None:
        raise CommandError(
            f"cannot load application {target!r}: module {name!r} has no {attribute!r}", NOT_LOADED
        )
    if not callable(application):
        raise CommandError(f"cannot load application {target!r}: it is not callable", NOT_LOADED)
    return application  # type: ignore[no-any-return]  # getattr knows no types; checked just above


def application_candidates() -> list[str]:
    """Return where the project's application may be, the likeliest place first."""
    module = os.environ.get("OPENVIPER_SETTINGS_MODULE", "")
    package = module.partition(".")[0]
    if package == "_viperctl_settings":
        package = settings.INSTALLED_APPS[0] if settings.INSTALLED_APPS else ""
    elif not module:
        package = os.path.basename(os.getcwd())
    elif package == module:
        return ["asgi:app", "app:app"]
    return [f"{package}.asgi:app", f"{package}.app:app"]


def choose_application(candidates: Sequence[str]) -> str:
    """Return the first of several targets whose module exists.

    Raises:
        CommandError: With code 3, if none exists, listing them, or the first that does cannot be used.
    """
    for target in candidates:
        try:
            import_application(target)
        except ApplicationMissing:
            continue
        return target
    raise CommandError(f"no application found; tried {', '.join(candidates)}", NOT_LOADED)


def _name_settings() -> None:
    """Put the settings module that lies here into the environment, unless that names one."""
    if os.environ.get("OPENVIPER_SETTINGS_MODULE"):
        return
    module = discover_settings_module(".")
    if module:
        os.environ["OPENVIPER_SETTINGS_MODULE"] = module


def run(target: str, options: ServerOptions, terminal: Terminal | None = None) -> int:
    """Serve the application that `openviper run` names.

    Args:
        target: A module, ``module:attribute`` or the path of a file.
        options: Where and how.
        terminal: Where the banner and warnings go.

    Returns:
        The server's exit code.

    Raises:
        CommandError: If the target cannot be loaded (code 3) or the address cannot be used.
    """
    directory = os.getcwd()
    if directory not in sys.path:
        sys.path.insert(0, directory)
    _name_settings()
    name = normalise_target(target)
    import_application(name)
    return serve(name, options, terminal or Terminal())


def serve(
    target: str,
    options: ServerOptions,
    terminal: Terminal,
    *,
    before: Callable[[], None] | None = None,
) -> int:
    """Show the banner and serve an application that has been imported once already.

    Args:
        target: ``module:attribute``.
        options: Where and how.
        terminal: Where the banner and warnings go.
        before: Called when the address is known to be free and before the banner.

    Returns:
        The server's exit code.

    Raises:
        CommandError: If the address or the certificate cannot be used, or uvicorn is not installed.
    """
    _require_uvicorn()
    require_event_loop()
    reload = options.wants_reload(settings.DEBUG)
    if reload:
        options = _with_one_worker(options, terminal)
    options.check_certificate()
    with _listening(options) as bound:
        if before is not None:
            before()
        terminal.line(banner(address_of(options, bound)))
        os.environ[APPLICATION_VARIABLE] = target
        return _serve_on(bound, options, reload)


def _require_uvicorn() -> None:
    if importlib.util.find_spec("uvicorn") is None:
        raise CommandError("serving needs the package 'uvicorn'; run: pip install uvicorn")


def _with_one_worker(options: ServerOptions, terminal: Terminal) -> ServerOptions:
    if options.workers == 1:
        return options
    terminal.warning("reload works with one process only; using one worker (--no-reload for more)")
    return dataclasses.replace(options, workers=1)


@contextlib.contextmanager
def _listening(options: ServerOptions) -> Iterator[socket.socket]:
    """Hold the socket of a server; a Unix socket's name goes with it."""
    bound = listen_at(options.uds) if options.uds else listen(options.host, options.port)
    try:
        yield bound
    finally:
        bound.close()
        if options.uds:
            remove_socket(options.uds)


def _serve_on(bound: socket.socket, options: ServerOptions, reload: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="openviper-") as directory:
        # The parent of several workers ends with 0 whatever has become of them, so they leave word.
        failure = Path(directory, "failed")
        if options.workers > 1:
            os.environ[FAILURE_VARIABLE] = str(failure)
        try:
            code = _run_uvicorn(bound, options, reload)
        finally:
            os.environ.pop(FAILURE_VARIABLE, None)
        return NOT_LOADED if failure.exists() else code


def _run_uvicorn(bound: socket.socket, options: ServerOptions, reload: bool) -> int:
    """Run uvicorn on a socket until it is stopped, and return its exit code."""
    # Late: it is looked for before, and not everybody serves.
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    # Late: it imports the reloader of uvicorn, which `check` and servers without --reload do without.
    from openviper.core.management.reloading import ProjectReload, watched_directories

    config = uvicorn.Config(FACTORY, **uvicorn_options(options, reload))
    server = uvicorn.Server(config)
    # uvicorn ends in good order and raises the signal again then, which would end us before we have cleaned up.
    signal.signal(signal.SIGTERM, _end)
    try:
        if reload:
            config.reload_dirs = [Path(directory) for directory in watched_directories()]
            ProjectReload(config, target=server.run, sockets=[bound]).run()
        elif options.workers > 1:
            _supervisor(Multiprocess, config, server, bound).run()
        else:
            server.run(sockets=[bound])
            return 0 if server.started else NOT_LOADED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        pass  # uvicorn has ended in good order, and passes the signal on.
    return 0


def _end(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def _supervisor(make: Any, config: Any, server: Any, bound: socket.socket) -> Any:
    """Return uvicorn's supervisor of several workers; old versions are told what to run, new ones know."""
    target = {"target": server.run} if "target" in inspect.signature(make).parameters else {}
    return make(config, sockets=[bound], **target)


def uvicorn_options(options: ServerOptions, reload: bool) -> dict[str, Any]:
    """Return what uvicorn is told besides the application."""
    level = settings.LOG_LEVEL.lower()
    return {
        **options_of_settings(),
        "factory": True,
        "reload": reload,
        "workers": options.workers,
        "root_path": options.root_path,
        "ssl_certfile": options.certfile,
        "ssl_keyfile": options.keyfile,
        "limit_concurrency": options.limit_concurrency,
        "backlog": options.backlog,
        "access_log": options.access_log,
        "timeout_graceful_shutdown": options.graceful_seconds(reload),
        "log_level": level if level in ("debug", "info") else "info",
        "server_header": False,
    }


def telling_failure(application: Callable[..., Any], failure: Path) -> Callable[..., Any]:
    """Return an application that makes a file and ends the parent when its startup fails, and is otherwise the one given.

    The supervisor of uvicorn before 0.50 starts such a worker again and again, or waits for ever.

    Args:
        application: An ASGI application.
        failure: The file.
    """

    async def watched(scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] != "lifespan":
            return await application(scope, receive, send)

        async def tell(message: Any) -> None:
            if message["type"] == "lifespan.startup.failed":
                failure.touch()
                _end_parent()
            await send(message)

        return await application(scope, receive, tell)

    return watched


def _end_parent() -> None:
    # Late: a worker has it, and nobody else needs it.
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None and parent.pid is not None and parent.is_alive():
        os.kill(parent.pid, signal.SIGTERM)
