"""Who is at the other side, behind proxies."""

from __future__ import annotations

import pytest

from openviper import OpenViper, Request
from openviper.exceptions import ImproperlyConfigured
from openviper.middleware import TrustedProxyMiddleware
from openviper.testing import override_openviper_settings as override


async def seen(peer: str, proxies: tuple[str, ...], **headers: str) -> tuple[str, str, str]:
    """Return address, scheme and host that a handler sees."""
    app = OpenViper(middleware=[(TrustedProxyMiddleware, {"proxies": proxies})])

    @app.get("/x")
    async def view(request: Request) -> list[str]:
        return [request.client[0] if request.client else "", request.url.scheme, request.url.netloc]

    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with override(ALLOWED_HOSTS=("*",)):
        response = await app.test_client(client=(peer, 1)).get("/x", headers=sent)
    address, scheme, host = response.json()
    return address, scheme, host


PROXY = ("10.0.0.0/8", "192.168.1.1", "2001:db8::/32")


async def test_a_stranger_is_not_believed() -> None:
    told = {"x_forwarded_for": "1.1.1.1", "x_forwarded_proto": "https", "forwarded": "for=1.1.1.1"}
    assert await seen("9.9.9.9", PROXY, **told) == ("9.9.9.9", "http", "testserver")
    assert await seen("10.0.0.1", (), **told) == ("10.0.0.1", "http", "testserver")


@pytest.mark.parametrize("peer", ["10.1.2.3", "192.168.1.1", "2001:db8::5", "::ffff:10.0.0.1"])
async def test_a_trusted_proxy_says_who_asks(peer: str) -> None:
    told = await seen(
        peer,
        PROXY,
        x_forwarded_for="1.1.1.1",
        x_forwarded_proto="https",
        x_forwarded_host="shop.example",
    )
    assert told == ("1.1.1.1", "https", "shop.example")


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        ("1.1.1.1", "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1, 10.0.0.9", "1.1.1.1"),
        ("1.1.1.1, 10.0.0.9, 192.168.1.1", "1.1.1.1"),
        ("10.0.0.7", "10.0.0.7"),
        ("1.1.1.1:8080", "1.1.1.1"),
        ("[2001:db9::1]:443", "2001:db9::1"),
        ("nonsense", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("1.1.1.1, nonsense", "10.0.0.1"),
    ],
)
async def test_the_header_is_read_from_the_right(forwarded_for: str, address: str) -> None:
    assert (await seen("10.0.0.1", PROXY, x_forwarded_for=forwarded_for))[0] == address


@pytest.mark.parametrize(
    ("forwarded", "told"),
    [
        ("for=1.1.1.1;proto=https;host=a.example", ("1.1.1.1", "https", "a.example")),
        ('For="[2001:db9::1]:4711"', ("2001:db9::1", "http", "testserver")),
        ("for=6.6.6.6;proto=https, for=1.1.1.1", ("1.1.1.1", "http", "testserver")),
        ("for=1.1.1.1;proto=https, for=10.0.0.9", ("1.1.1.1", "https", "testserver")),
        ("for=_hidden;proto=https", ("10.0.0.1", "https", "testserver")),
        ("for=1.1.1.1;proto=gopher;host=a/b", ("1.1.1.1", "http", "testserver")),
        ("for=unknown", ("10.0.0.1", "http", "testserver")),
        ('for=1.1.1.1;host="a,for=6.6.6.6"', ("1.1.1.1", "http", "testserver")),
        ('for=1.1.1.1;host="a\\",for=6.6.6.6"', ("1.1.1.1", "http", "testserver")),
        ('for=1.1.1.1, for="6.6.6.6', ("10.0.0.1", "http", "testserver")),
        (",, for=1.1.1.1 ,", ("1.1.1.1", "http", "testserver")),
    ],
)
async def test_the_standard_header(forwarded: str, told: tuple[str, str, str]) -> None:
    assert await seen("10.0.0.1", PROXY, forwarded=forwarded) == told


async def test_a_single_address_is_told_in_another_header_too() -> None:
    told = {"x_real_ip": "1.1.1.1", "x_forwarded_proto": "https"}
    assert await seen("10.0.0.1", PROXY, **told) == ("1.1.1.1", "https", "testserver")
    told["x_forwarded_for"] = "2.2.2.2"
    assert (await seen("10.0.0.1", PROXY, **told))[0] == "2.2.2.2"
    assert (await seen("9.9.9.9", PROXY, **told))[0] == "9.9.9.9"


async def test_a_proxy_at_a_unix_socket_is_believed_where_the_settings_say_so() -> None:
    told = {"x_forwarded_for": "1.1.1.1"}
    assert (await seen("", ("unix",), **told))[0] == "1.1.1.1"
    assert (await seen("", PROXY, **told))[0] == ""
    assert (await seen("9.9.9.9", ("unix",), **told))[0] == "9.9.9.9"


def test_what_is_no_address_is_a_mistake_of_the_settings() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError

    with pytest.raises(ImproperlyConfigured, match="'proxy.example'"):
        TrustedProxyMiddleware(app, ["proxy.example"])
    with override(TRUSTED_PROXIES=("10.0.0.0/33",)), pytest.raises(ImproperlyConfigured):
        TrustedProxyMiddleware(app)
