"""Who is at the other side, behind proxies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from openviper import OpenViper, Request
from openviper.exceptions import ImproperlyConfigured
from openviper.http.proxies import MAX_HOPS, Hop, Proxies, forwarded_hops, legacy_hops
from openviper.middleware import TrustedProxyMiddleware
from openviper.testing import OpenViperTestingConfigError
from openviper.testing import override_openviper_settings as override
from openviper.utils.datastructures import Headers


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
    assert (await seen("10.0.0.1", PROXY, **told))[0] == "10.0.0.1"  # One of them is a stranger's.
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
    for wrong in ("10.0.0.0/33", "proxy.example", ""):
        with pytest.raises(OpenViperTestingConfigError, match="TRUSTED_PROXIES"):
            with override(TRUSTED_PROXIES=(wrong,)):
                pass


def headers_of(**values: str | list[str]) -> Headers:
    """Return headers; a list stands for several of one name."""
    raw = []
    for name, given in values.items():
        for value in [given] if isinstance(given, str) else given:
            raw.append((name.replace("_", "-").encode(), value.encode("latin-1")))
    return Headers(raw)


@pytest.mark.parametrize(
    ("forwarded", "hops"),
    [
        ("for=1.2.3.4", [("1.2.3.4", "", "")]),
        ("For=1.2.3.4;Proto=HTTPS;Host=a.example", [("1.2.3.4", "https", "a.example")]),
        ('for="[2001:db8::1]:99"', [("2001:db8::1", "", "")]),
        ('for="1.2.3.4:99"', [("1.2.3.4", "", "")]),
        ("for=unknown;proto=https", [("", "https", "")]),
        ("for=_hidden", [("", "", "")]),
        ("proto=ftp;host=a b", [("", "", "")]),
        ("for=1.1.1.1, for=2.2.2.2", [("1.1.1.1", "", ""), ("2.2.2.2", "", "")]),
        (["for=1.1.1.1", "for=2.2.2.2"], [("1.1.1.1", "", ""), ("2.2.2.2", "", "")]),
        (", ,for=1.1.1.1,", [("1.1.1.1", "", "")]),
        ('host="a, for=6.6.6.6";for=1.1.1.1', [("1.1.1.1", "", "")]),
        (r'host="a\", for=6.6.6.6";for=1.1.1.1', [("1.1.1.1", "", "")]),
        ('for=1.1.1.1;host="never ends, for=2.2.2.2', []),
        ("", []),
    ],
)
def test_the_standard_header_proxy_by_proxy(
    forwarded: str | list[str], hops: list[tuple[str, str, str]]
) -> None:
    assert forwarded_hops(headers_of(forwarded=forwarded)) == hops


@pytest.mark.parametrize(
    ("given", "hops"),
    [
        ({}, []),
        ({"x_real_ip": "1.1.1.1"}, [("1.1.1.1", "", "")]),
        ({"x_real_ip": "1.1.1.1, 2.2.2.2"}, [("2.2.2.2", "", "")]),
        ({"x_real_ip": "9.9.9.9", "x_forwarded_for": "1.1.1.1"}, [("1.1.1.1", "", "")]),
        ({"x_forwarded_proto": "https"}, [("", "https", "")]),
        (
            {"x_forwarded_for": "1.1.1.1, 2.2.2.2", "x_forwarded_proto": "https"},
            [("1.1.1.1", "https", ""), ("2.2.2.2", "https", "")],
        ),
        (
            {"x_forwarded_for": "1.1.1.1, 2.2.2.2", "x_forwarded_proto": "http, https"},
            [("1.1.1.1", "http", ""), ("2.2.2.2", "https", "")],
        ),
        (
            {"x_forwarded_for": "1.1.1.1", "x_forwarded_host": "evil.example, a.example"},
            [("1.1.1.1", "", "a.example")],
        ),
        (
            {"x_forwarded_for": ["1.1.1.1", "2.2.2.2"]},
            [("1.1.1.1", "", ""), ("2.2.2.2", "", "")],
        ),
        ({"x_forwarded_for": " , ", "x_forwarded_host": "a/b"}, [("", "", "")]),
    ],
)
def test_the_older_headers_proxy_by_proxy(
    given: dict[str, str | list[str]], hops: list[tuple[str, str, str]]
) -> None:
    assert legacy_hops(headers_of(**given)) == hops


@pytest.mark.parametrize("read", [forwarded_hops, legacy_hops])
def test_of_many_proxies_the_nearest_are_looked_at(read: Callable[[Headers], list[Hop]]) -> None:
    addresses = [f"10.0.{number // 250}.{number % 250}" for number in range(1000)]
    given = headers_of(
        forwarded=", ".join(f"for={address}" for address in addresses),
        x_forwarded_for=", ".join(addresses),
    )
    assert [hop.address for hop in read(given)] == addresses[-MAX_HOPS:]


@pytest.mark.parametrize(
    ("given", "address", "is_proxy"),
    [
        (["10.0.0.0/8"], "10.255.255.255", True),
        (["10.0.0.0/8"], "11.0.0.0", False),
        (["10.0.0.1"], "10.0.0.1", True),
        (["10.0.0.1/8"], "10.9.9.9", True),
        (["10.0.0.0/8"], "::ffff:10.0.0.1", True),
        (["::/0"], "10.0.0.1", False),
        (["0.0.0.0/0"], "::1", False),
        (["unix"], "10.0.0.1", False),
        ([], "10.0.0.1", False),
        (["10.0.0.0/8"], "nonsense", False),
        (["10.0.0.0/8"], "", False),
    ],
)
def test_whether_an_address_is_a_proxy(given: list[str], address: str, is_proxy: bool) -> None:
    proxies = Proxies(given)
    assert proxies.include(address) is is_proxy
    assert bool(proxies) is bool(given)


@pytest.mark.parametrize(
    ("client", "sent"), [(None, True), (("", 0), True), (("1.1.1.1", 1), False)]
)
def test_a_socket_without_an_address_is_a_proxy_only_if_it_is_named(
    client: object, sent: bool
) -> None:
    assert Proxies(["unix"]).sent({"type": "http", "client": client}) is sent
    assert not Proxies(["10.0.0.1"]).sent({"type": "http", "client": client})


@pytest.mark.parametrize(
    ("headers", "seen_as"),
    [
        ({"forwarded": "for=6.6.6.6", "x_forwarded_for": "1.2.3.4"}, ("", "", "")),
        ({"forwarded": "for=6.6.6.6", "x_real_ip": "1.2.3.4"}, ("", "", "")),
        ({"x_forwarded_for": "6.6.6.6", "x_real_ip": "1.2.3.4"}, ("", "", "")),
        (
            {"forwarded": "for=6.6.6.6", "x_real_ip": "6.6.6.6", "x_forwarded_for": "1.2.3.4"},
            ("", "", ""),
        ),
        (
            {"forwarded": "proto=https", "x_forwarded_for": "1.2.3.4", "x_forwarded_proto": "http"},
            ("1.2.3.4", "", ""),
        ),
        ({"forwarded": "host=evil.example", "x_forwarded_host": "a.example"}, ("", "", "")),
        ({"forwarded": "nonsense", "x_forwarded_for": "1.2.3.4"}, ("1.2.3.4", "", "")),
        ({"forwarded": "for=1.2.3.4", "x_forwarded_for": "6.6.6.6, 1.2.3.4"}, ("1.2.3.4", "", "")),
        ({"forwarded": "for=1.2.3.4", "x_forwarded_proto": "https"}, ("1.2.3.4", "https", "")),
        ({"x_forwarded_for": "1.2.3.4, 10.0.0.2", "x_real_ip": "10.0.0.2"}, ("1.2.3.4", "", "")),
        ({"x_forwarded_for": "1.2.3.4", "x_real_ip": "1.2.3.4"}, ("1.2.3.4", "", "")),
        ({"x_forwarded_for": "::ffff:1.2.3.4", "x_real_ip": "1.2.3.4"}, ("1.2.3.4", "", "")),
    ],
)
def test_a_header_that_the_proxy_does_not_set_is_not_believed_against_those_that_it_does(
    headers: dict[str, str], seen_as: tuple[str, str, str]
) -> None:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"client": ("10.0.0.1", 1), "headers": raw}
    assert Proxies(["10.0.0.0/8"]).client_hop(scope) == Hop(*seen_as)
