"""Addresses of servers are taken apart once, and odd ones are refused."""

from __future__ import annotations

import pytest

from openviper.ai.http.endpoint import is_loopback, parse_endpoint


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://llm.example.org/v1/", ("https", "llm.example.org", 443, "/v1")),
        ("HTTPS://LLM.Example.org", ("https", "llm.example.org", 443, "")),
        ("http://localhost:11434", ("http", "localhost", 11434, "")),
        ("http://127.8.0.1:80/a/b", ("http", "127.8.0.1", 80, "/a/b")),
        ("http://[::1]:11434/v1", ("http", "::1", 11434, "/v1")),
        ("https://[2001:DB8::1]", ("https", "2001:db8::1", 443, "")),
        ("https://10.0.0.5:8443", ("https", "10.0.0.5", 8443, "")),
    ],
)
def test_an_address_is_taken_apart(url: str, expected: tuple[str, str, int, str]) -> None:
    endpoint = parse_endpoint(url)
    assert (endpoint.scheme, endpoint.host, endpoint.port, endpoint.path) == expected


def test_an_address_is_written_in_one_way() -> None:
    assert parse_endpoint("HTTPS://Host:443/v1/").url == "https://host/v1"
    assert parse_endpoint("http://[::1]:8000").url == "http://[::1]:8000"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:11434",
        "ftp://host",
        "//host",
        "https://",
        "https:///v1",
        "https://host:0",
        "https://host:65536",
        "https://host:8a",
        "https://host:-1",
        "https://host:٣",
        "https://-host",
        "https://ho st",
        "https://host\r\nX: 1",
        "https://host\\@evil",
        "https://host/v1?key=1",
        "https://host/v1#x",
        "https://höst",
        "https://[::1",
        "https://[::1%25eth0]",
        "https://[127.0.0.1]",
        "https://" + "a" * 3000,
        "https://a..b",
    ],
)
def test_an_odd_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse_endpoint(url)


@pytest.mark.parametrize("url", ["https://me:hunter2@host/v1", "https://sk-hunter2@host"])
def test_a_password_in_an_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="user name or password") as caught:
        parse_endpoint(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://example.org", "http://10.0.0.1", "http://2130706433", "http://localhost.evil.org"],
)
def test_plain_http_is_for_this_machine_unless_it_is_allowed(url: str) -> None:
    with pytest.raises(ValueError, match="not encrypted"):
        parse_endpoint(url)
    assert parse_endpoint(url, allow_http=True).scheme == "http"


def test_what_is_this_machine() -> None:
    assert is_loopback("localhost") and is_loopback("::1") and is_loopback("127.1.2.3")
    assert not any(map(is_loopback, ("0.0.0.0", "10.0.0.1", "localhost.", "::", "127.1")))
