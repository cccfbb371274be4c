"""Which addresses are public, and which URLs name a public host beyond doubt."""

from __future__ import annotations

import random
import socket

import pytest

from openviper.core.email import safe_fetch as module
from openviper.core.email.network import Address, Deadline
from openviper.core.email.public_hosts import (
    Target,
    check_host,
    is_restricted_ip,
    parse_url,
    validate_public_ip_address,
)
from openviper.core.email.safe_fetch import safe_fetch

BOTH = ("http", "https")

NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255
192.0.0.1 192.0.0.9 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16 100.100.100.200
:: ::1 fe80::1 febf::1 fec0::1 feff::1 fc00::1 fd00:ec2::254 ff02::1 ff0e::1 100::1 2001:db8::1 2001:2::1 2001:10::1 2001:20::1
3fff::1 5f00::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::7f00:1 64:ff9b::8.8.8.8
64:ff9b:1::7f00:1 2002:7f00:1:: 2002:808:808:: 2001::1 2001:0:808:808:: 2a00:1450::5efe:a00:1 2a00:1450::200:5efe:808:808
fe80::1%eth0 fe80::1%1 2a00:1450::1%eth0 4000::1 1::1
""".split()

PUBLIC = """
1.1.1.1 8.8.8.8 9.9.9.9 93.184.216.34 99.255.255.255 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.167.255.255
198.17.255.255 198.20.0.1 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001:80b::200e 2400:cb00::1 2620:fe::fe 2001:4860:4860::8888
""".split()

NO_ADDRESSES = [
    "",
    " ",
    "x",
    "1",
    "2130706433",
    "0x7f000001",
    "127.1",
    "010.0.0.1",
    "1.1.1.1 ",
    "1.1.1.1\n",
    "1.1.1.1/32",
    "１.1.1.1",
    "[::1]",
]


@pytest.mark.parametrize("ip", [*NOT_PUBLIC, *NO_ADDRESSES])
def test_an_address_that_is_not_public_or_none_is_refused(ip: str) -> None:
    assert is_restricted_ip(ip)
    with pytest.raises(ValueError, match="is not a public IP address") as caught:
        validate_public_ip_address(ip)
    assert repr(ip) in str(caught.value)


@pytest.mark.parametrize("ip", PUBLIC)
def test_a_public_address_is_accepted(ip: str) -> None:
    assert not is_restricted_ip(ip)
    validate_public_ip_address(ip)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://example.com", Target("http", "example.com", 80, "/", "")),
        ("HTTPS://Example.COM/", Target("https", "example.com", 443, "/", "")),
        (
            "https://example.com:8443/a/b.pdf?x=1&y=%20#z",
            Target("https", "example.com", 8443, "/a/b.pdf", "?x=1&y=%20"),
        ),
        ("http://example.com:443/", Target("http", "example.com", 443, "/", "")),
        ("http://example.com?x", Target("http", "example.com", 80, "/", "?x")),
        ("http://example.com#x", Target("http", "example.com", 80, "/", "")),
        (
            "http://xn--bcher-kva.example/ü?ü",
            Target("http", "xn--bcher-kva.example", 80, "/%C3%BC", "?%C3%BC"),
        ),
        ("http://my_bucket.s3.example/x", Target("http", "my_bucket.s3.example", 80, "/x", "")),
        ("http://8.8.8.8/", Target("http", "8.8.8.8", 80, "/", "")),
        ("http://[2606:4700:0::1111]:8080/", Target("http", "2606:4700::1111", 8080, "/", "")),
        (
            "http://example.com/a@b:c//d;e?f@g/h",
            Target("http", "example.com", 80, "/a@b:c//d;e", "?f@g/h"),
        ),
    ],
)
def test_a_url_is_understood(url: str, target: Target) -> None:
    assert parse_url(url, BOTH) == target
    assert parse_url(target.url, BOTH) == target


@pytest.mark.parametrize(
    "url",
    """
    file:///etc/passwd ftp://example.com/ gopher://example.com/ data:text/plain,x javascript:alert(1) example.com //example.com/
    http:example.com http:/example.com http:///example.com http:// http://? http://:80/ https:///
    http://user@example.com/ http://user:pw@example.com/ http://@example.com/ http://example.com@127.0.0.1/ http://a%40b@c/
    http://example.com:0/ http://example.com:22/ http://example.com:25/ http://example.com:65536/ http://example.com:99999999/
    http://example.com:-1/ http://example.com:+80/ http://example.com:8_0/ http://example.com:８０/ http://example.com:80:80/
    http://example.com:0x50/ http://localhost/ http://LOCALHOST/ http://localhost./ http://a.localhost/ http://localhost:8080/
    http://example.com./ http://example..com/ http://.example.com/ http://./ http://-a.com/ http://a-.com/
    http://2130706433/ http://0x7f000001/ http://0x7f.0.0.1/ http://0X7F.1/ http://017700000001/ http://0177.0.0.1/ http://127.1/
    http://127.0.1/ http://127.0.0.1./ http://127.0.0.01/ http://127.0.0.0x1/ http://1.1.1.256/ http://1.2.3.4.5/ http://0x/ http://a.0x1/
    http://１２７.0.0.1/ http://127。0。0。1/ http://①②⑦.0.0.1/ http://ⓔxample.com/ http://bücher.example/ http://٣.1.1.1/
    http://[::1/ http://::1]/ http://::1/ http://[]/ http://[127.0.0.1]/ http://[example.com]/ http://[fe80::1%25eth0]/
    http://[fe80::1%eth0]/ http://[2606:4700::1111%251]/ http://[v1.x:y]/ http://[::1]x/ http://x[::1]/ http://[1:2:3]/ http://[::１]/
    http://exa%6dple.com/ http://example.com%00.test/ http://%31%32%37.0.0.1/ http://exa_mple!.com/ http://a,b/ http://*.com/
    http://example.com\\@127.0.0.1/ http:\\\\example.com http://example.com/a\\b
    """.split(),
)
def test_a_url_with_another_reading_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse_url(url, BOTH)


@pytest.mark.parametrize(
    "odd",
    [
        " ",
        "\t",
        "\n",
        "\r",
        "\0",
        "\x1b",
        "\x7f",
        "\x85",
        "\xa0",
        "\u2028",
        "\u200b",
        "\u202e",
        "\ufeff",
        "\ud800",
    ],
)
def test_a_url_with_an_invisible_character_is_refused(odd: str) -> None:
    for url in (
        f"{odd}http://example.com/",
        f"http://exa{odd}mple.com/",
        f"http://example.com/{odd}",
        f"ht{odd}tp://a.b/",
    ):
        with pytest.raises(ValueError):
            parse_url(url, BOTH)


def test_names_and_labels_have_a_longest_length() -> None:
    assert check_host("a" * 63 + ".com")
    for host in ("a" * 64 + ".com", ".".join(["abc"] * 64), ""):
        with pytest.raises(ValueError):
            check_host(host)
    with pytest.raises(ValueError, match="8201 characters"):
        parse_url("http://a.b/" + "x" * 8190, BOTH)


def test_a_scheme_can_be_taken_away_but_none_added() -> None:
    with pytest.raises(ValueError, match="'http' is not one of https"):
        parse_url("http://example.com/", {"https"})
    with pytest.raises(ValueError, match="'ftp'"):
        parse_url("ftp://example.com/", {"ftp", "http"})
    assert parse_url("https://example.com/", {"HTTPS"}).scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        "http://ada:s3cret@example.com/",
        "http://ada:s3cret/?@example.com/",
        "ftp://a:s3cret@b.c/",
        "http:ada:s3cret@b.c",
        "http://b.c/ ?s3cret",
    ],
)
def test_no_error_shows_a_password_or_signature(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_url(url, BOTH)
    assert "s3cret" not in str(caught.value)


def odd_urls(count: int) -> list[str]:
    """Return URLs made of pieces that parsers stumble over."""
    pick = random.Random(2026)
    pieces = [
        "http", "https", "file", "ftp", "://", ":", "/", "//", "///", "@", "?", "#", "[", "]", "%", "%00", "%2f", "%40", "\\", ".", "..",
        "localhost", "example.com", "127.0.0.1", "127.1", "2130706433", "0x7f", "0177", "::1", "::ffff:1.2.3.4", "fe80::1%eth0",
        "user", ":80", ":0", ":99999", ":８０", "１", "。", "é", "\u0130", "ß", "\x00", "\n", "\t", " ", "\ud800", "😀", "xn--", "xn--a",
        "a" * 70, "-", "_", "*", "<URL:", ">", ";", "&", "=", "+", "'", '"',
    ]  # fmt: skip
    urls = ["".join(pick.choices(pieces, k=pick.randrange(1, 9))) for _ in range(count)]
    return [url if pick.random() < 0.4 else f"http://{url}" for url in urls]


def test_nothing_but_the_promised_errors_comes_out_of_odd_urls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: set[str] = set()

    def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
        asked.add(host)
        host.encode("idna")
        assert 0 < port < 65536
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(module, "_resolve", resolve)
    understood = 0
    for url in odd_urls(20_000):
        try:
            safe_fetch(url, max_bytes=1, timeout=5)
        except socket.gaierror:
            understood += 1
        except (ValueError, OSError):
            pass
        try:
            target = parse_url(url, BOTH)
        except ValueError:
            continue
        assert parse_url(target.url, BOTH) == target
        assert target.url.isascii() and not set(target.url) & set(" \t\r\n\\\0")
    assert understood > 100
    assert not {host for host in asked if "localhost" in host.split(".")[-1:] or not host.isascii()}
