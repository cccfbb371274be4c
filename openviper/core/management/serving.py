"""Serving an application with uvicorn: finding it, checking it before anything is shown, running it."""

from __future__ import annotations

import errno
import importlib
import importlib.util
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from openviper.core.management.base import CommandError
from openviper.utils.identifiers import is_dotted_path, is_identifier
from openviper.utils.importing import is_missing
from openviper.utils.logging import get_uvicorn_log_config
from openviper.utils.terminal import Terminal
from openviper.version import VERSION

APPLICATION_VARIABLE = "OPENVIPER_APPLICATION"
"""Tells the processes that uvicorn starts which application to load."""
FAILURE_VARIABLE = "OPENVIPER_STARTUP_FAILURE"
"""Names the file that a server process makes when its application does not start."""
FACTORY = "openviper.core.flexible_adapter:load_application"
NOT_LOADED = 3
"""The exit code when the application cannot be loaded or does not start; uvicorn uses the same."""
MAX_PORT = 65535


def banner(host: str, port: int) -> str:
    """Return the product's name and the address it answers at."""
    shown = f"[{host}]" if ":" in host else host
    return f"OpenViper {VERSION}\nhttp://{shown}:{port}/\nQuit with CTRL-C."


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
    name = path
    if path.endswith(".py") or "/" in path or "\\" in path:
        relative = Path(path)
        try:
            relative = relative.resolve().relative_to(Path.cwd().resolve())
        except ValueError:
            raise CommandError(f"target {target!r} lies outside the working directory") from None
        name = ".".join(relative.with_suffix("").parts)
    if not is_dotted_path(name) or not is_identifier(attribute or "app"):
        raise CommandError(
            f"target {target!r} is neither a module, 'module:attribute' nor the path of a Python file"
        )
    return f"{name}:{attribute or 'app'}"


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
        from openviper.conf import settings

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


def check_address(host: str, port: int) -> None:
    """Check that a server can listen at an address.

    Raises:
        CommandError: If not; says why.
    """
    if not 1 <= port <= MAX_PORT:
        raise CommandError(f"port {port} is not between 1 and {MAX_PORT}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise CommandError(f"host {host!r} is not an address of this machine") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"port {port} on {host} is in use already; stop the other server or use --port"
            ) from None
        raise CommandError(f"cannot listen on {host} port {port}: {error.strerror}") from None


def run(
    target: str,
    *,
    host: str,
    port: int,
    reload: bool,
    workers: int,
    terminal: Terminal | None = None,
) -> int:
    """Serve the application that `openviper run` names.

    Args:
        target: A module, ``module:attribute`` or the path of a file.
        host: Address to listen on.
        port: Port to listen on.
        reload: Restart when code changes.
        workers: Number of processes; one with `reload`.
        terminal: Where the banner and warnings go.

    Returns:
        The server's exit code.

    Raises:
        CommandError: If the target cannot be loaded (code 3) or the address cannot be used.
    """
    directory = os.getcwd()
    if directory not in sys.path:
        sys.path.insert(0, directory)
    if not os.environ.get("OPENVIPER_SETTINGS_MODULE"):
        from openviper.project.settings_module import discover_settings_module

        found = discover_settings_module(".")
        if found:
            os.environ["OPENVIPER_SETTINGS_MODULE"] = found
    name = normalise_target(target)
    import_application(name)
    return serve(
        name, host=host, port=port, reload=reload, workers=workers, terminal=terminal or Terminal()
    )


def serve(
    target: str,
    *,
    host: str,
    port: int,
    reload: bool,
    workers: int,
    terminal: Terminal,
    log_level: str = "info",
    before: Callable[[], None] | None = None,
) -> int:
    """Show the banner and serve an application that has been imported once already.

    Args:
        before: Called when the address is known to be free and before the banner.

    Returns:
        The server's exit code.

    Raises:
        CommandError: If the address cannot be used, or uvicorn is not installed.
    """
    if workers < 1:
        raise CommandError(f"--workers must be at least 1, not {workers}", 2)
    if reload and workers > 1:
        terminal.warning(
            "reload works with one process only; using one worker (--no-reload for more)"
        )
        workers = 1
    check_address(host, port)
    if importlib.util.find_spec("uvicorn") is None:
        raise CommandError("serving needs the package 'uvicorn'; run: pip install uvicorn")
    if before is not None:
        before()
    terminal.line(banner(host, port))
    os.environ[APPLICATION_VARIABLE] = target
    with tempfile.TemporaryDirectory(prefix="openviper-") as directory:
        # The parent of several workers ends with 0 whatever has become of them, so they leave word.
        failure = Path(directory, "failed")
        if workers > 1:
            os.environ[FAILURE_VARIABLE] = str(failure)
        try:
            code = _run_uvicorn(
                host=host,
                port=port,
                reload=reload,
                reload_dirs=watched_directories(),
                workers=workers,
                log_level=log_level,
            )
        finally:
            os.environ.pop(FAILURE_VARIABLE, None)
        return NOT_LOADED if failure.exists() else code


def _run_uvicorn(*, reload: bool, reload_dirs: list[str], **options: Any) -> int:
    import uvicorn

    try:
        uvicorn.run(
            FACTORY,
            factory=True,
            reload=reload,
            reload_dirs=reload_dirs if reload else None,
            log_config=get_uvicorn_log_config(),
            server_header=False,
            **options,
        )
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0


def watched_directories() -> list[str]:
    """Return what a reload watches: the project, and OpenViper itself when it is a source checkout."""
    checkout = Path(__file__).resolve().parents[3]
    directories = [os.getcwd()]
    if (checkout / "pyproject.toml").is_file() and not Path.cwd().resolve().is_relative_to(
        checkout
    ):
        directories.append(str(checkout / "openviper"))
    return directories


def telling_failure(application: Callable[..., Any], failure: Path) -> Callable[..., Any]:
    """Return an application that makes a file when its startup fails, and is otherwise the one given.

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
            await send(message)

        return await application(scope, receive, tell)

    return watched
