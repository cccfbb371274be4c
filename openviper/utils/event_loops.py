"""Whether event loops can run on this system at all."""

from __future__ import annotations

import socket
from collections.abc import Coroutine

from openviper.utils.failures import CommandError


def require_event_loop(awaited: object = None) -> None:
    """Check that the system lets a process make what every event loop of Python is made of: a pair of connected sockets.

    Where it does not, as where a filter of system calls denies Unix sockets, `asyncio` fails half-way, with a traceback of its
    own at the end of the process and a coroutine that nobody awaits.

    Args:
        awaited: What was to run; if it is a coroutine, it is closed when it cannot.

    Raises:
        CommandError: If it does not.
    """
    try:
        ends = socket.socketpair()
    except OSError as error:
        _close(awaited)
        raise CommandError(
            f"no event loop can run here, as this system denies a pair of Unix sockets: {error.strerror or error}"
        ) from error
    for end in ends:
        end.close()


def _close(awaited: object) -> None:
    if isinstance(awaited, Coroutine):
        awaited.close()
