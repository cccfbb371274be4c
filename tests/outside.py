"""A plugin of pytest that fails each test in which this process reaches for another machine, or asks for one by its name.

    python -m pytest -p tests.outside tests/unit

Python tells audit hooks of every connection and every look-up (PEP 578), whoever makes it. Other processes are not seen: run
the tests in a network of nothing but this machine for that.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Generator, Sequence

import pytest

CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
attempts: list[str] = []


def leaves(event: str, arguments: Sequence[object]) -> bool:
    """Return whether an event of the audit is an attempt to reach beyond this machine.

    An address in digits is no question to anybody: to look one up stays here, to connect to it may not.
    """
    if event in CONNECTING:
        address = arguments[1]
        # Other kinds of addresses, of Unix sockets for one, are of this machine.
        return isinstance(address, tuple) and not _is_here(str(address[0]))
    if event in RESOLVING:
        host = arguments[0]
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        return isinstance(text, str) and not (_is_here(text) or _is_address(text))
    return False


def _is_here(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    if not _is_address(host):
        return False
    address = ipaddress.ip_address(host.partition("%")[0])
    return address.is_loopback or address.is_unspecified


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def note(event: str, arguments: Sequence[object]) -> None:
    """Keep what leaves this machine; an audit hook."""
    if event.startswith("socket.") and leaves(event, arguments):
        attempts.append(f"{event} {arguments[-1] if event in CONNECTING else arguments[0]!r}")


def pytest_configure() -> None:
    """Listen from the start; a hook of the audit cannot be taken away again."""
    sys.addaudithook(note)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Fail a test that has tried to leave."""
    attempts.clear()
    yield
    if attempts:
        pytest.fail(f"reached for the network: {'; '.join(attempts)}", pytrace=False)
