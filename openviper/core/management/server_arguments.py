"""What a server can be told on the command line."""

from __future__ import annotations

import argparse
import os
import ssl
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from openviper.core.management.base import CommandError, UsageError

MAX_PORT = 65535
GRACEFUL_SECONDS = 10
"""How long open requests may take to end when the server is stopped."""
GRACEFUL_SECONDS_WITH_RELOAD = 1
"""The same at a reload: whoever has just saved a file is waiting."""


@dataclass(frozen=True)
class ServerOptions:
    """Where and how to serve.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        uds: Path of a Unix socket to listen on instead.
        reload: Restart when files change; `None` to follow `DEBUG` and `workers`.
        workers: Number of processes.
        root_path: Path below which a proxy serves the application.
        certfile: PEM file of the certificate, with its chain; turns TLS on.
        keyfile: PEM file of its key, where `certfile` does not hold it.
        limit_concurrency: Connections above this are answered with 503; `None` for no limit.
        backlog: Connections that may wait to be accepted.
        access_log: Whether each request is logged.
        timeout_graceful: Seconds that open requests may take when the server stops; `None` for 10, or 1 with reload.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    uds: str | None = None
    reload: bool | None = None
    workers: int = 1
    root_path: str = ""
    certfile: str | None = None
    keyfile: str | None = None
    limit_concurrency: int | None = None
    backlog: int = 2048
    access_log: bool = True
    timeout_graceful: int | None = None

    @classmethod
    def from_parsed(cls, options: Mapping[str, Any]) -> ServerOptions:
        """Return the options of a parsed command line.

        Raises:
            UsageError: If they do not go together.
        """
        chosen = cls(**{field.name: options[field.name] for field in fields(cls)})
        if chosen.keyfile and not chosen.certfile:
            raise UsageError("--keyfile needs --certfile")
        if chosen.root_path and not chosen.root_path.startswith("/"):
            raise UsageError(f"--root-path must begin with '/', not {chosen.root_path!r}")
        if chosen.uds is not None and (chosen.host, chosen.port) != (cls.host, cls.port):
            raise UsageError("--uds listens on a Unix socket, so --host and --port say nothing")
        return chosen

    def wants_reload(self, debug: bool) -> bool:
        """Return whether to watch files: as it was asked for, else in debug mode unless several workers were."""
        if self.reload is None:
            return debug and self.workers == 1
        return self.reload

    def graceful_seconds(self, reload: bool) -> int:
        """Return how long open requests may take when the server stops, in seconds."""
        if self.timeout_graceful is not None:
            return self.timeout_graceful
        return GRACEFUL_SECONDS_WITH_RELOAD if reload else GRACEFUL_SECONDS

    def check_certificate(self) -> None:
        """Check that the certificate and its key can be read and belong together.

        Raises:
            CommandError: If not; says which file is at fault.
        """
        if self.certfile is None:
            return
        names = [name for name in (self.certfile, self.keyfile) if name]
        _require_readable(names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # A key with a passphrase would be asked for at the terminal, by each process.
            context.load_cert_chain(self.certfile, self.keyfile, password=_refuse_passphrase)
        except (ssl.SSLError, ValueError) as error:
            files = " and ".join(map(repr, names))
            raise CommandError(f"cannot use the certificate of {files}: {error}") from error


def _require_readable(names: Sequence[str]) -> None:
    for name in names:
        if not os.access(name, os.R_OK):
            raise CommandError(f"cannot read {name!r}")


def _refuse_passphrase() -> str:
    raise ValueError("the key has a passphrase; store it without one, readable by this user only")


def add_server_arguments(parser: ArgumentParser, *, short: bool = False) -> None:
    """Declare the options of `ServerOptions`.

    Args:
        parser: A command's.
        short: Whether ``-h``, ``-p`` and ``-w`` stand for host, port and workers.
    """
    parser.add_argument(
        *_names("--host", "-h", short),
        default="127.0.0.1",
        help="address to listen on (default: %(default)s)",
    )
    parser.add_argument(
        *_names("--port", "-p", short),
        type=_port,
        default=8000,
        help="port to listen on; 0 for any free one (default: %(default)s)",
    )
    parser.add_argument("--uds", metavar="PATH", help="listen on this Unix socket instead")
    _add_tls_arguments(parser)
    _add_process_arguments(parser, short)
    _add_limits(parser)


def _add_process_arguments(parser: ArgumentParser, short: bool) -> None:
    parser.add_argument(
        "--reload",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="restart when code, templates, translations or .env change (default: with DEBUG and one worker)",
    )
    parser.add_argument(
        *_names("--workers", "-w", short),
        type=_at_least(1),
        default=1,
        metavar="N",
        help="number of processes; more than one turns reload off (default: %(default)s)",
    )
    parser.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="path below which a proxy serves the application",
    )


def _add_tls_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--certfile", metavar="FILE", help="PEM certificate with its chain: serve HTTPS"
    )
    parser.add_argument(
        "--keyfile", metavar="FILE", help="PEM key, where the certificate's file has none"
    )


def _add_limits(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--limit-concurrency",
        type=_at_least(1),
        metavar="N",
        help="answer connections above this number with 503",
    )
    parser.add_argument(
        "--backlog",
        type=_at_least(1),
        default=2048,
        metavar="N",
        help="connections that may wait to be accepted (default: %(default)s)",
    )
    parser.add_argument(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="log each request (default: yes)",
    )
    parser.add_argument(
        "--timeout-graceful",
        type=_at_least(0),
        metavar="SECONDS",
        help=f"how long open requests may take when the server stops (default: {GRACEFUL_SECONDS}, "
        f"{GRACEFUL_SECONDS_WITH_RELOAD} with reload)",
    )


def _names(name: str, letter: str, short: bool) -> list[str]:
    return [name, letter] if short else [name]


def _port(text: str) -> int:
    number = _whole_number(text)
    if not 0 <= number <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"{number} is not between 0 and {MAX_PORT}")
    return number


def _at_least(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = _whole_number(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {number}")
        return number

    return parse


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
