"""Hosts, addresses and where redirects may lead."""

from __future__ import annotations

from typing import Any

import pytest

from openviper import OpenViper, Request, WebSocket
from openviper.http import RedirectRefusedError, RedirectResponse
from openviper.http.asgi import TEST_CLIENT
from openviper.http.csp import ContentSecurityPolicy
from openviper.http.hosts import is_host_of_ours, is_own_origin, matches_host
from openviper.http.redirects import check_redirect
from openviper.http.url import URL, split_host, valid_host
from openviper.http.websockets import origin_allowed
from openviper.testing import override_openviper_settings as override


@pytest.mark.parametrize(
    ("host", "pattern", "matches"),
    [
        ("example.org", "example.org", True),
        ("EXAMPLE.org", "example.ORG", True),
        ("example.org.", "example.org", True),
        ("example.org", ".example.org", True),
        ("a.b.example.org", ".example.org", True),
        ("badexample.org", ".example.org", False),
        ("example.org.evil", ".example.org", False),
        ("example.org", "*", True),
        ("a.example.org", "*.example.org", False),
        ("", "example.org", False),
        ("[::1]", "[::1]", True),
    ],
)
def test_patterns_of_hosts(host: str, pattern: str, matches: bool) -> None:
    assert matches_host(host, ("other.example", pattern)) is matches
    assert not matches_host(host, ())


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("example.org", ("example.org", "")),
        ("example.org:80", ("example.org", "80")),
        ("[::1]", ("[::1]", "")),
        ("[::1]:8000", ("[::1]", "8000")),
        ("127.0.0.1:1", ("127.0.0.1", "1")),
        ("a_b.example", ("a_b.example", "")),
    ],
)
def test_hosts_that_requests_may_name(value: str, parts: tuple[str, str]) -> None:
    assert valid_host(value)
    assert split_host(value) == parts


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a b",
        "a/b",
        "a@b",
        "a:",
        "a:b",
        "a:123456",
        "a:80:80",
        "::1",
        "[::1",
        "[::1]80",
        "[x]",
        "ä.example",
        "a\n",
        "a,b",
        "a\\b",
    ],
)
def test_hosts_that_no_request_may_name(value: str) -> None:
    assert not valid_host(value)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (URL("http", "a:80", "/", ""), "http://a:80/"),
        (URL("https", "a", "/ä b/c?d#e", "x=1&y=%20"), "https://a/%C3%A4%20b/c%3Fd%23e?x=1&y=%20"),
        (URL("https", "[::1]:1", "/a;b,c~d", ""), "https://[::1]:1/a;b,c~d"),
    ],
)
def test_an_address_is_written_so_that_it_reads_as_itself(url: URL, text: str) -> None:
    assert str(url) == text
    assert url.host == split_host(url.netloc)[0]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://[::1]/x", ("[::1]",)),
        ("http://[::1]:8080/x", ("[::1]:8080",)),
        ("https://EXAMPLE.org/x", ("example.org",)),
        ("https://example.org./x", ("example.org",)),
        ("/x?next=https://evil.example", ()),
        ("?page=2", ()),
        ("#top", ()),
        ("", ()),
        ("/a..b/...", ()),
    ],
)
def test_redirects_that_may_be(url: str, allowed: tuple[str, ...]) -> None:
    with override(ALLOWED_REDIRECT_HOSTS=allowed):
        check_redirect(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://[::2]/x", "not in ALLOWED_REDIRECT_HOSTS"),
        ("http://[::1]:99/x", r"port 99 of host '\[::1\]'"),
        ("/\ud800", "not a safe address"),
        ("/a\tb", "not a safe address"),
        ("/%2e%2E/x", "upwards"),
        ("/%252e%252e/x", "upwards"),
        ("/a/..", "upwards"),
        ("data:text/html,x", "web page"),
        ("http:x", "web page"),
        ("http:///x", "web page"),
        ("//", "not a safe address"),
        ("https://user:hunter2@localhost/", "user information"),
        ("http://localhost:x/", "not a valid address"),
        ("http://localhost:70000/", "not a valid address"),
        ("http://localhost:0/", "port 0"),
    ],
)
def test_redirects_that_may_not_be(url: str, reason: str) -> None:
    with (
        override(ALLOWED_REDIRECT_HOSTS=("[::1]", "localhost")),
        pytest.raises(RedirectRefusedError, match=reason) as caught,
    ):
        check_redirect(url)
    assert "hunter2" not in str(caught.value)


async def test_half_a_character_in_a_target_is_the_client_s_fault() -> None:
    app = OpenViper(debug=False)

    @app.post("/go")
    async def go(request: Request) -> RedirectResponse:
        return RedirectResponse((await request.json())["next"])

    client = app.test_client()
    answer = await client.post(
        "/go", content=b'{"next": "/\\ud800"}', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/ä b", "/%C3%A4%20b"),
        ("/%C3%A4", "/%C3%A4"),
        ('/"<>', "/%22%3C%3E"),
        ("/a?b=c&d=e#f", "/a?b=c&d=e#f"),
    ],
)
def test_a_target_is_sent_in_characters_that_addresses_have(target: str, location: str) -> None:
    assert RedirectResponse(target).headers["location"] == location


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ({"Script-Src": "'self'", "default-src": "'none'"}, "script-src 'self' 'nonce-N'; default-src 'none'; style-src 'nonce-N'"),
        ({"script-src": "'NONE'"}, "script-src 'nonce-N'"),
        ({"upgrade-insecure-requests": ""}, "upgrade-insecure-requests"),
        ({"upgrade-insecure-requests": ()}, "upgrade-insecure-requests"),
        ("script-src a; SCRIPT-SRC b;;", "script-src a 'nonce-N'"),
        ("  ;  ", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_directives_are_compared_without_case_and_the_first_counts(
    policy: object, text: str
) -> None:
    assert ContentSecurityPolicy(policy).with_nonce("N") == text  # type: ignore[arg-type]


def test_a_policy_reads_back_as_itself_and_a_nonce_leaves_it_alone() -> None:
    policy = ContentSecurityPolicy({"default-src": ["'self'", "a.example"], "img-src": "*"})
    assert ContentSecurityPolicy(policy.text).text == policy.text
    before = policy.text
    policy.with_nonce("x")
    assert policy.with_nonce(None) == before


async def test_the_test_client_has_addresses_of_its_own_host_and_nobody_else_has() -> None:
    app = OpenViper()

    @app.get("/where", name="where")
    async def where(request: Request) -> str:
        return request.absolute_url_for("where")

    assert (await app.test_client().get("/where")).text == "http://testserver/where"
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"testserver")]}
    assert is_host_of_ours("testserver", {**scope, TEST_CLIENT: True})
    assert not is_host_of_ours("testserver", scope)
    assert not is_host_of_ours("testserver.evil.example", {**scope, TEST_CLIENT: True})


@pytest.mark.parametrize(
    ("origin", "host", "is_secure", "is_own"),
    [
        ("https://example.org", "example.org:443", True, True),
        ("https://example.org", "example.org:443", False, True),
        ("http://example.org", "example.org:80", False, True),
        ("http://example.org:80", "EXAMPLE.org", False, True),
        ("https://[::1]", "[::1]:443", True, True),
        ("http://[::1]:8000", "[::1]:8000", False, True),
        ("http://example.org", "example.org", True, False),
        ("https://example.org", "example.org:80", True, False),
        ("http://example.org:3000", "example.org:8000", False, False),
        ("https://x@example.org", "example.org", True, False),
        ("null", "null", False, False),
        ("", "", False, False),
        ("file://", "", False, False),
    ],
)
def test_an_origin_is_that_of_the_host_whoever_names_the_usual_port(
    origin: str, host: str, is_secure: bool, is_own: bool
) -> None:
    assert is_own_origin(origin, host, is_secure=is_secure) == is_own
    scope = {
        "type": "websocket",
        "scheme": "wss" if is_secure else "ws",
        "headers": [(b"host", host.encode()), (b"origin", origin.encode())],
    }

    async def unused(*_: Any) -> Any:
        raise AssertionError

    assert origin_allowed(WebSocket(scope, unused, unused)) == is_own
