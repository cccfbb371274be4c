"""Names resolved and connections opened within a deadline.

Neither `getaddrinfo` nor `socket.create_connection` can be told when all of it has to be over: the one has no time
limit, the other takes one per address.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias

MAX_LOOKUPS = 32
"""Most names that are looked up at once. A lookup cannot be stopped, so its thread may outlive the one that waits."""
Address: TypeAlias = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
"""What a socket connects to."""

_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment at which something has to be over.

    Attributes:
        seconds: The time that was given in all.
        at: The moment on the monotonic clock.
    """

    seconds: float
    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that many seconds from now."""
        return cls(seconds, monotonic() + seconds)

    def remaining(self, step: str) -> float:
        """Return the seconds left, more than 0.

        Args:
            step: What is to be done, for the error.

        Raises:
            TimeoutError: If none are left.
        """
        left = self.at - monotonic()
        if left <= 0:
            raise TimeoutError(f"{step} was not done within {self.seconds:g} s")
        return left


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """Return the addresses of a host, in the order in which to try them.

    Args:
        host: A name, or an IP address.
        port: The port that becomes part of each address.
        deadline: When the answer has to be there.

    Raises:
        OSError: If the name is unknown or there is no answer (`socket.gaierror`, `TimeoutError`).
        UnicodeError: If the name cannot be one.
    """
    step = f"looking up {host!r}"
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass  # A name.
    answers: list[list[Address]] = []
    errors: list[Exception] = []
    done = threading.Event()
    lookups = _lookups

    def work() -> None:
        try:
            answers.append(_look_up(host, port, 0))
        except Exception as error:
            errors.append(error)
        finally:
            done.set()
            lookups.release()

    if not lookups.acquire(timeout=deadline.remaining(step)):
        raise TimeoutError(
            f"{step} was not begun within {deadline.seconds:g} s: {MAX_LOOKUPS} others are under way"
        )
    try:
        threading.Thread(target=work, name="openviper-lookup", daemon=True).start()
    except BaseException:
        lookups.release()
        raise
    done.wait(deadline.at - monotonic())
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"{step} was not done within {deadline.seconds:g} s")
    return answers[0]


def _look_up(host: str, port: int, flags: int) -> list[Address]:
    addresses: list[Address] = []
    for family, _, _, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=flags
    ):
        # IPv6 could come as raw bytes where Python was built without it.
        if isinstance(address[0], str) and (family, address) not in addresses:
            addresses.append((family, address))
    return addresses


def connect(
    addresses: Sequence[Address],
    deadline: Deadline,
    opened: Callable[[socket.socket], None] | None = None,
) -> socket.socket:
    """Return a connection to the first address that answers.

    An address that swallows everything takes no more than its share of the time, so the ones after it have theirs.

    Args:
        addresses: What to try, in this order.
        deadline: When the connection has to be there.
        opened: Called with each socket before it connects.

    Raises:
        OSError: Of the last address, if none answered.
    """
    failure: OSError = OSError("the host has no address")
    for number, (family, address) in enumerate(addresses):
        step = f"connecting to {address[0]} port {address[1]}"
        left = deadline.remaining(step)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(left / (len(addresses) - number))
            if opened is not None:
                opened(sock)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except TimeoutError:
            sock.close()
            failure = TimeoutError(f"{step} was not done within {deadline.seconds:g} s")
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure
