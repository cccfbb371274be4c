"""The address that a request comes from."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.auth.client import client_address
from tests.unit.auth.conftest import Configure


def scope(peer: Any, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Return an ASGI scope."""
    return {"client": peer, "headers": list(headers)}


@pytest.fixture(autouse=True)
def proxies(configure: Configure) -> None:
    """Trust two proxies."""
    configure(TRUSTED_PROXIES=("10.0.0.1", "10.0.0.2"))


def test_the_peer_is_the_client() -> None:
    assert client_address(scope(("203.0.113.9", 1))) == "203.0.113.9"
    assert client_address(scope(None)) == "unknown"


def test_headers_of_a_stranger_are_not_believed() -> None:
    forged = scope(("203.0.113.9", 1), (b"x-forwarded-for", b"1.1.1.1"), (b"x-real-ip", b"2.2.2.2"))
    assert client_address(forged) == "203.0.113.9"


def test_behind_proxies_the_last_address_that_is_no_proxy_counts() -> None:
    request = scope(
        ("10.0.0.1", 1),
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"x-forwarded-for", b"203.0.113.9, 10.0.0.2"),
    )
    assert client_address(request) == "203.0.113.9"


def test_the_other_header_is_used_when_the_first_says_nothing() -> None:
    assert client_address(scope(("10.0.0.1", 1), (b"x-real-ip", b"203.0.113.9"))) == "203.0.113.9"
    assert client_address(scope(("10.0.0.1", 1))) == "10.0.0.1"


def test_where_every_address_is_one_of_a_proxy_the_first_counts() -> None:
    assert client_address(scope(("10.0.0.1", 1), (b"x-forwarded-for", b"10.0.0.2"))) == "10.0.0.2"


@pytest.mark.parametrize("peer", [("10.1.2.3", 1), ("::ffff:10.1.2.3", 1), ("2001:db8::1", 1)])
def test_networks_of_proxies_are_believed(configure: Configure, peer: Any) -> None:
    configure(TRUSTED_PROXIES=("10.0.0.0/8", "2001:db8::/32"))
    request = scope(peer, (b"x-forwarded-for", b"203.0.113.9, 10.9.9.9"))
    assert client_address(request) == "203.0.113.9"
    assert client_address(scope(("11.0.0.1", 1), *request["headers"])) == "11.0.0.1"


@pytest.mark.parametrize("peer", [None, ("", 0)])
def test_a_proxy_at_a_unix_socket_is_believed_where_the_settings_say_so(
    configure: Configure, peer: Any
) -> None:
    request = scope(peer, (b"forwarded", b"for=203.0.113.9"))
    assert client_address(request) == "unknown"
    configure(TRUSTED_PROXIES=("unix",))
    assert client_address(request) == "203.0.113.9"
    assert client_address(scope(peer)) == "unknown"
    assert client_address(scope(("9.9.9.9", 1), *request["headers"])) == "9.9.9.9"
