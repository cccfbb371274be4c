"""The security middleware."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.http import PlainTextResponse, asgi
from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.middleware.security import SecurityMiddleware
from openviper.testing import (
    OpenViperTestClient,
    OpenViperTestingConfigError,
    TestResponse,
    override_openviper_settings,
)


def protected(app: ASGIApp | None = None, **values: Any) -> ASGIApp:
    """Return an application behind the middleware with these settings."""
    with override_openviper_settings(**values):
        return SecurityMiddleware(app or PlainTextResponse("ok"))


async def ask(
    app: ASGIApp,
    host: str = "localhost",
    scheme: str = "http",
    method: str = "GET",
    path: str = "/",
) -> TestResponse:
    """Return the answer to a request for a host."""
    return await OpenViperTestClient(app, f"{scheme}://localhost").request(
        method, path, headers={"host": host}
    )


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("127.0.0.1:80", 200),
        ("shop.example.org", 200),
        ("example.org", 200),
        ("evil.org", 400),
        ("", 400),
        ("localhost/x", 400),
        ("localhost@evil.org", 400),
        ("[::1]:80", 200),
    ],
)
async def test_only_allowed_hosts_are_served(host: str, status: int) -> None:
    app = protected(ALLOWED_HOSTS=("localhost", "127.0.0.1", ".example.org", "[::1]"))
    assert (await ask(app, host)).status_code == status


async def test_responses_get_headers_they_do_not_set_themselves() -> None:
    own = PlainTextResponse("ok", headers={"x-frame-options": "SAMEORIGIN"})
    policy = {"default-src": ["'self'"], "img-src": "*", "upgrade-insecure-requests": ()}
    app = protected(
        own,
        SECURE_CONTENT_SECURITY_POLICY=policy,
        SECURE_PERMISSIONS_POLICY="camera=()",
    )
    response = await ask(app)
    assert response.headers.getlist("x-frame-options") == ["SAMEORIGIN"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert (
        response.headers["content-security-policy"]
        == "default-src 'self'; img-src *; upgrade-insecure-requests"
    )
    assert response.headers["permissions-policy"] == "camera=()"


async def test_strict_transport_is_announced_over_https_only() -> None:
    app = protected(
        SECURE_HSTS_SECONDS=60,
        SECURE_HSTS_INCLUDE_SUBDOMAINS=True,
        SECURE_HSTS_PRELOAD=True,
    )
    assert "strict-transport-security" not in (await ask(app)).headers
    secure = await ask(app, scheme="https")
    assert secure.headers["strict-transport-security"] == "max-age=60; includeSubDomains; preload"


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308)])
async def test_plain_http_is_redirected_with_its_path_encoded(method: str, status: int) -> None:
    app = protected(SECURE_SSL_REDIRECT=True)
    response = await ask(app, "localhost:8000", method=method, path="/a%20b%0D%0A?q=1")
    assert response.status_code == status
    assert response.headers["location"] == "https://localhost/a%20b%0D%0A?q=1"
    assert (await ask(app, scheme="https")).status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/a", b"x\x01y", "/a?x%01y"),
        ("/a", b"\xff=%0d&b=[1]", "/a?%FF=%0d&b=[1]"),
        ("/\ud800", b"", "/%3F"),
        ("/a\x7f?b", b"", "/a%7F%3Fb"),
    ],
)
async def test_whatever_a_server_lets_through_is_redirected_encoded(
    path: str, query: bytes, target: str
) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "scheme": "http", "path": path, "query_string": query}
    app = protected(SECURE_SSL_REDIRECT=True)
    await app({**scope, "headers": [(b"host", b"localhost")]}, receive, send)
    assert (b"location", f"https://localhost{target}".encode()) in sent[0]["headers"]


async def test_a_websocket_for_another_host_is_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    app = protected()
    await app(
        {"type": "websocket", "headers": [(b"host", b"evil.org")], "path": "/"}, receive, send
    )
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_the_test_client_s_own_host_is_allowed_to_it_alone() -> None:
    app = protected()
    assert (await OpenViperTestClient(app).get("/")).status_code == 200

    async def from_outside(scope: Any, receive: Any, send: Any) -> None:
        scope.pop(asgi.TEST_CLIENT)
        await app(scope, receive, send)

    assert (await OpenViperTestClient(from_outside).get("/")).status_code == 400


HOST = (b"host", b"localhost")
HEADS: list[tuple[str, list[tuple[bytes, bytes]], int]] = [
    ("GET", [HOST], 200),
    ("GET", [HOST, (b"x", b"\xe9\x85\x1f")], 200),
    ("GET", [HOST, (b"x", b"1"), (b"x", b"2")], 200),
    ("GET", [HOST, (b"transfer-encoding", b"chunked")], 200),
    ("PURGE", [HOST], 200),
    ("GET", [HOST, HOST], 400),
    ("GET", [HOST, (b"content-length", b"1"), (b"content-length", b"1")], 400),
    ("GET", [HOST, (b"content-type", b"a/b"), (b"content-type", b"c/d")], 400),
    ("GET", [HOST, (b"origin", b"http://localhost"), (b"origin", b"http://a.b")], 400),
    ("POST", [HOST, (b"transfer-encoding", b"chunked"), (b"content-length", b"1")], 400),
    ("GET", [HOST, (b"x", b"a\nb")], 400),
    ("GET", [HOST, (b"x", b"a\rb")], 400),
    ("GET", [HOST, (b"x", b"a\0b")], 400),
    ("GET", [(b"x", b"a\n"), HOST], 400),
    ("get", [HOST], 400),
    ("G ET", [HOST], 400),
    ("GET", [(b"host", b"evil.org")], 400),
    ("GET", [], 400),
]


@pytest.mark.parametrize(("method", "head", "status"), HEADS, ids=str)
async def test_a_head_is_judged_alike_before_and_after_its_host_is_known(
    method: str, head: list[tuple[bytes, bytes]], status: int
) -> None:
    app = protected(ALLOWED_HOSTS=("localhost",))
    assert await _status_of(app, method, head) == status
    assert await _status_of(app, "GET", [HOST]) == 200
    assert await _status_of(app, method, head) == status


async def _status_of(app: ASGIApp, method: str, head: list[tuple[bytes, bytes]]) -> int:
    sent: list[asgi.Message] = []

    async def receive() -> asgi.Message:
        return {"type": "http.request"}

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": "/", "headers": head}, receive, send)
    status: int = sent[0]["status"]
    return status


@pytest.mark.parametrize(("scheme", "is_served"), [("ws", False), ("wss", True)])
async def test_where_pages_are_redirected_to_https_no_websocket_is_served_without(
    scheme: str, is_served: bool
) -> None:
    seen: list[str] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["scheme"])

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "scheme": scheme,
        "path": "/",
        "headers": [(b"host", b"localhost")],
    }
    await protected(app, ALLOWED_HOSTS=("localhost",), SECURE_SSL_REDIRECT=True)(
        scope, receive, send
    )
    assert (
        (seen, sent) == ([scheme], [])
        if is_served
        else ([], [{"type": "websocket.close", "code": 1008}])
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X_FRAME_OPTIONS", "SAMEORIGN"),
        ("X_FRAME_OPTIONS", "ALLOW-FROM https://a.example"),
        ("X_FRAME_OPTIONS", "DENY\nX: 1"),
        ("SECURE_REFERRER_POLICY", "no-referer"),
        ("SECURE_REFERRER_POLICY", "origin no-referrer"),
        ("SECURE_PERMISSIONS_POLICY", "camera=()\r\n"),
        ("SECURE_PERMISSIONS_POLICY", "ü"),
        ("SECURE_PERMISSIONS_POLICY", "camera 'none'"),
        ("SECURE_PERMISSIONS_POLICY", "camera=none"),
        ("SECURE_PERMISSIONS_POLICY", "camera=(); geolocation=()"),
        ("SECURE_PERMISSIONS_POLICY", "camera=(https://a.example)"),
        ("SECURE_PERMISSIONS_POLICY", "camera=(), "),
        ("SECURE_CROSS_ORIGIN_OPENER_POLICY", "sameorigin"),
        ("SECURE_CROSS_ORIGIN_EMBEDDER_POLICY", "require_corp"),
        ("SECURE_CROSS_ORIGIN_RESOURCE_POLICY", "cross-site"),
    ],
)
def test_a_word_that_browsers_pass_over_is_a_mistake(name: str, value: str) -> None:
    with (
        pytest.raises(OpenViperTestingConfigError, match=name),
        override_openviper_settings(**{name: value}),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X_FRAME_OPTIONS", "SameOrigin"),
        ("X_FRAME_OPTIONS", ""),
        ("SECURE_REFERRER_POLICY", "no-referrer, strict-origin-when-cross-origin"),
        ("SECURE_PERMISSIONS_POLICY", 'camera=(self "https://a.example"), geolocation=()'),
        ("SECURE_PERMISSIONS_POLICY", "camera=*, picture-in-picture=self,usb=( self );report-to=x"),
        ("SECURE_CROSS_ORIGIN_OPENER_POLICY", 'same-origin; report-to="x"'),
        ("SECURE_CROSS_ORIGIN_RESOURCE_POLICY", None),
    ],
)
def test_words_that_browsers_know_are_fine(name: str, value: str | None) -> None:
    with override_openviper_settings(**{name: value}):
        protected()
