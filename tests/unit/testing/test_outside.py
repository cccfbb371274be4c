"""The plugin `tests.outside`, which sees what leaves this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import outside
from tests.outside import leaves, note


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.connect", (None, ("192.0.2.1", 80))),
        ("socket.connect", (None, ("2001:db8::1", 80, 0, 0))),
        ("socket.connect", (None, ("example.com", 80))),
        ("socket.sendto", (None, ("192.0.2.1", 53))),
        ("socket.getaddrinfo", ("example.com", 80, 0, 0, 0)),
        ("socket.getaddrinfo", (b"example.com", 80, 0, 0, 0)),
        ("socket.gethostbyname", ("example.com",)),
    ],
)
def test_what_leaves_is_seen(event: str, arguments: tuple[object, ...]) -> None:
    assert leaves(event, arguments)


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.connect", (None, ("127.0.0.1", 80))),
        ("socket.connect", (None, ("127.8.8.8", 80))),
        ("socket.connect", (None, ("::1", 80, 0, 0))),
        ("socket.connect", (None, "/run/web.sock")),
        ("socket.connect", (None, b"\0abstract")),
        ("socket.getaddrinfo", ("localhost", 80, 0, 0, 0)),
        ("socket.getaddrinfo", (None, 80, 0, 0, 0)),
        ("socket.getaddrinfo", ("fe80::1%eth0", 80, 0, 0, 0)),
        ("socket.getaddrinfo", ("192.0.2.1", 80, 0, 0, 0)),
        ("socket.bind", (None, ("192.0.2.1", 80))),
        ("open", ("example.com", "r", 0)),
    ],
)
def test_what_stays_here_is_not(event: str, arguments: tuple[object, ...]) -> None:
    assert not leaves(event, arguments)


@pytest.fixture
def noted() -> Iterator[list[str]]:
    """What was noted in this test; none of it counts where the plugin listens."""
    outside.attempts.clear()
    yield outside.attempts
    outside.attempts.clear()


def test_an_attempt_is_noted_with_what_it_was_for(noted: list[str]) -> None:
    note("socket.getaddrinfo", ("example.com", 80))
    note("socket.connect", (None, ("192.0.2.1", 80)))
    note("open", ("example.com",))
    assert noted == ["socket.getaddrinfo 'example.com'", "socket.connect ('192.0.2.1', 80)"]
    noted.clear()
