"""The socket of a server, bound before anything is shown, so that what the banner says is true."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat

from openviper.core.management.base import CommandError

EVERYBODY = 0o666
"""Mode of a Unix socket, as of one with a port: whoever reaches it may connect; the folder decides who does."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address.

    Args:
        host: A name or address of this machine.
        port: 0 for any free port, which the socket then knows.

    Raises:
        CommandError: If it cannot be; says why.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (socket.gaierror, UnicodeError):
        raise CommandError(f"host {host!r} is not an address of this machine") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"port {port} on {host} is in use already; stop the other server or use --port"
            ) from None
        raise CommandError(f"cannot listen on {host} port {port}: {error.strerror}") from None
    bound.set_inheritable(True)
    return bound


def listen_at(path: str) -> socket.socket:
    """Return a Unix socket bound to a path; the socket that a dead server has left there is replaced.

    Raises:
        CommandError: If a server listens there, or something else bears the name.
    """
    _remove_dead_socket(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(path)
        os.chmod(path, EVERYBODY)
    except OSError as error:
        bound.close()
        raise CommandError(f"cannot listen at {path!r}: {error.strerror or error}") from None
    bound.set_inheritable(True)
    return bound


def _remove_dead_socket(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return  # Nothing there, or nothing to be seen; binding says what is wrong.
    if not stat.S_ISSOCK(mode):
        raise CommandError(f"{path!r} exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            remove_socket(path)
        else:
            raise CommandError(f"a server listens at {path!r} already; stop it or use another path")


def remove_socket(path: str) -> None:
    """Remove the name of a Unix socket, if it is still there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
