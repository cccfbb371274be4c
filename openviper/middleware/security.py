"""Host check, redirect to https, and the headers that make browsers careful."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import quote

from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.http.redirects import matches_host
from openviper.http.responses import PlainTextResponse, Response
from openviper.http.url import split_host, valid_host
from openviper.middleware.base import BaseMiddleware
from openviper.utils.datastructures import RawHeaders, encode_header

TEST_CLIENT = "openviper.test_client"
"""The key in the scope that marks requests of `openviper.testing`."""


class SecurityMiddleware(BaseMiddleware):
    """Refuses requests for other hosts, redirects to https, and adds security headers that a response does not set.

    The settings are read when the chain is built: `ALLOWED_HOSTS`, `SECURE_SSL_REDIRECT`, `SECURE_HSTS_*`,
    `X_FRAME_OPTIONS`, `SECURE_CONTENT_SECURITY_POLICY`, `SECURE_PERMISSIONS_POLICY`, `SECURE_CROSS_ORIGIN_*`.
    """

    def __init__(self, app: ASGIApp) -> None:
        from openviper.conf import settings

        super().__init__(app)
        self.allowed_hosts: tuple[str, ...] = tuple(settings.ALLOWED_HOSTS)
        self.redirect: bool = settings.SECURE_SSL_REDIRECT
        self._headers = _response_headers(settings)
        self._strict = _strict_transport(settings)
        self._known: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request and add headers to its response."""
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        # Only a caller in the same process can put the mark of the test client into a scope.
        if not self._host_allowed(host) and not (host == b"testserver" and TEST_CLIENT in scope):
            await self._refuse(scope, receive, send)
            return
        secure = scope.get("scheme") in ("https", "wss")
        if kind == "websocket":
            await self.app(scope, receive, send)
            return
        headers = [*self._headers, *self._strict] if secure and self._strict else self._headers

        def add(message: Message) -> Awaitable[None]:  # Plain, for it runs twice in every request.
            if message["type"] == "http.response.start":
                own = message.get("headers") or ()
                present = {name for name, _ in own}
                message["headers"] = [*own, *(pair for pair in headers if pair[0] not in present)]
            return send(message)

        if self.redirect and not secure:
            await _to_https(scope, host)(scope, receive, add)
            return
        await self.app(scope, receive, add)

    def _host_allowed(self, raw: bytes) -> bool:
        allowed = self._known.get(raw)
        if allowed is None:
            text = raw.decode("latin-1")
            allowed = valid_host(text) and matches_host(split_host(text)[0], self.allowed_hosts)
            if (
                len(self._known) < 256
            ):  # Anybody can send any host; what is remembered stays bounded.
                self._known[raw] = allowed
        return allowed

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await PlainTextResponse("Bad Request: this host is not allowed.", 400)(scope, receive, send)


def _to_https(scope: Scope, host: bytes) -> Response:
    name = split_host(host.decode("latin-1"))[0]
    query = scope.get("query_string", b"").decode("latin-1")
    path = quote(scope["path"], safe="/:@!$&()*+,;=~-._")
    target = f"https://{name}{path}{'?' + query if query else ''}"
    # 308 keeps method and body, which 301 does not (RFC 9110, 15.4).
    status = 301 if scope["method"] in ("GET", "HEAD") else 308
    return Response(None, status, {"location": target})


def _response_headers(settings: Any) -> RawHeaders:
    values: dict[str, str | None] = {
        "x-content-type-options": "nosniff",
        "x-frame-options": settings.X_FRAME_OPTIONS,
        "referrer-policy": "strict-origin-when-cross-origin",
        "content-security-policy": _policy(settings.SECURE_CONTENT_SECURITY_POLICY),
        "permissions-policy": settings.SECURE_PERMISSIONS_POLICY,
        "cross-origin-opener-policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "cross-origin-embedder-policy": settings.SECURE_CROSS_ORIGIN_EMBEDDER_POLICY,
        "cross-origin-resource-policy": settings.SECURE_CROSS_ORIGIN_RESOURCE_POLICY,
    }
    return [encode_header(name, value) for name, value in values.items() if value]


def _strict_transport(settings: Any) -> RawHeaders:
    if not settings.SECURE_HSTS_SECONDS:
        return []
    value = f"max-age={settings.SECURE_HSTS_SECONDS}"
    if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS:
        value += "; includeSubDomains"
    if settings.SECURE_HSTS_PRELOAD:
        value += "; preload"
    return [encode_header("strict-transport-security", value)]


def _policy(value: Mapping[str, Any] | str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    parts = []
    for directive, sources in value.items():
        text = sources if isinstance(sources, str) else " ".join(sources or ())
        parts.append(f"{directive} {text}".strip())
    return "; ".join(parts)
