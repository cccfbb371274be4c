"""Host check, refusal of requests that two servers could read differently, redirect to https, and security headers."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from urllib.parse import quote

from openviper.conf import settings
from openviper.http.answer import Answer, finishing
from openviper.http.asgi import TEST_CLIENT, ASGIApp, Receive, Scope, Send
from openviper.http.csp import ContentSecurityPolicy
from openviper.http.hosts import matches_host
from openviper.http.responses import PlainTextResponse, Response
from openviper.http.shortcut import CR, LF, NUL, HeadCheck, Shortcut, has_break
from openviper.http.url import split_host, valid_host
from openviper.http.websockets import POLICY
from openviper.middleware.base import BaseMiddleware
from openviper.utils.datastructures import RawHeaders, encode_header

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_METHOD = re.compile(r"[A-Z][A-Z0-9_-]{0,31}")
MAX_REMEMBERED = 256
"""Most hosts whose verdict is remembered: anybody can send any host."""


class SecurityMiddleware(BaseMiddleware):
    """Refuses requests for other hosts and ambiguous ones, redirects to https, and adds security headers.

    Headers that a response sets itself are left alone. The settings are read when the chain is built: `ALLOWED_HOSTS`,
    `SECURE_SSL_REDIRECT`, `SECURE_HSTS_*`, `X_FRAME_OPTIONS`, `SECURE_CONTENT_SECURITY_POLICY`, `SECURE_CSP_REPORT_ONLY`,
    `SECURE_REFERRER_POLICY`, `SECURE_PERMISSIONS_POLICY`, `SECURE_CROSS_ORIGIN_*`.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self.allowed_hosts: tuple[str, ...] = tuple(settings.ALLOWED_HOSTS)
        self.redirect: bool = settings.SECURE_SSL_REDIRECT
        self._redirected = "http" if self.redirect else ""
        self._policy = ContentSecurityPolicy(settings.SECURE_CONTENT_SECURITY_POLICY)
        self._policy_name = (
            b"content-security-policy-report-only"
            if settings.SECURE_CSP_REPORT_ONLY
            else b"content-security-policy"
        )
        self._plain = _response_headers(self._policy.text, self._policy_name)
        self._secure = [*self._plain, *_strict_transport()]
        self._names = frozenset(name for name, _ in self._secure)
        self._known: dict[bytes, bool] = {}
        # By whether the request came over TLS; bound once, and not by each request.
        self._finishes = (self._finish_plain, self._finish_secure)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Check the request and have headers added to its response."""
        if scope["type"] != "http":
            return self._pass_on(scope, receive, send)
        scheme = scope.get("scheme")
        finish = self._finishes[scheme == "https"]
        if send.__class__ is Answer and send.finish is None:
            send.finish = finish  # As `finishing` would, for a call less.
        else:
            send = finishing(finish, scope, receive, send)
        raw = scope["headers"]
        headers = dict(raw)
        values = b"".join(headers.values())
        breaks = (LF in values) | (CR in values) | (NUL in values)
        is_suspect = (len(headers) != len(raw)) | (b"transfer-encoding" in headers) | breaks
        is_known = self._known.get(headers.get(b"host", b""))
        # Nearly every request is let through here; `_refusal` would find nothing, for a call more.
        if is_suspect or not is_known or scope.get("method") not in METHODS:
            refusal = self._refusal(scope, headers)
            if refusal:
                return _refuse(refusal, scope, receive, send)
        if scheme == self._redirected:
            return _to_https(scope)(scope, receive, send)
        app = self.app
        return app(scope, receive, send)

    def request_shortcut(self) -> Shortcut:
        """Return what becomes of a request whose head is like most."""
        finishes = {
            (scheme, method): finish
            for scheme, finish in zip(("http", "https"), self._finishes, strict=True)
            for method in METHODS
            if scheme != self._redirected
        }
        head = HeadCheck(self._known, SINGLE, finishes)
        return Shortcut(headers=frozenset({b"transfer-encoding"}), head=head)

    def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Check a WebSocket; all else is none of its business."""
        if scope["type"] == "websocket":
            refusal = self._refusal(scope, dict(scope["headers"]))
            # No browser follows a redirect of a WebSocket, so one without TLS is refused where pages are redirected.
            if refusal or (self.redirect and scope.get("scheme") == "ws"):
                return _refuse(refusal, scope, receive, send)
        return self.app(scope, receive, send)

    def _finish_plain(self, answer: Answer, own: RawHeaders) -> RawHeaders:
        """Return an answer's headers with those it does not set itself."""
        names = self._names
        for name, _ in own:
            if name in names:
                return self._merged(answer.nonce, own, self._plain)
        if answer.nonce is None:
            return own + self._plain
        return self._merged(answer.nonce, own, self._plain)

    def _finish_secure(self, answer: Answer, own: RawHeaders) -> RawHeaders:
        return self._merged(answer.nonce, own, self._secure)

    def _merged(self, nonce: str | None, own: RawHeaders, headers: RawHeaders) -> RawHeaders:
        """Return an answer's headers with those it does not set itself, and the nonce that it has used."""
        present = {name for name, _ in own}
        added = [pair for pair in headers if pair[0] not in present]
        if nonce is not None and self._policy.text and self._policy_name not in present:
            policy = (self._policy_name, self._policy.with_nonce(nonce).encode("latin-1"))
            added = [policy if pair[0] == self._policy_name else pair for pair in added]
        return [*own, *added]

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """Return what is wrong with the head of a request; empty if nothing is.

        Parsers differ in what they let pass. What two of them can read differently lets one request hide in another
        (RFC 9112, 11.2), or a link lead to a host that only we believe in.
        """
        fault = _fault(scope["headers"], headers)
        if fault:
            return fault
        if scope.get("method", "GET") not in METHODS and not _METHOD.fullmatch(scope["method"]):
            return "the method is not valid"
        host = headers.get(b"host", b"")
        is_ours = self._known.get(host) or self._is_ours(host, TEST_CLIENT in scope)
        return "" if is_ours else "this host is not allowed"

    def _is_ours(self, host: bytes, is_test: bool) -> bool:
        return (is_test and host == b"testserver") or self._learn(host)

    def _learn(self, raw: bytes) -> bool:
        """Return whether a host is allowed, and remember it."""
        text = raw.decode("latin-1")
        allowed = valid_host(text) and matches_host(split_host(text)[0], self.allowed_hosts)
        if len(self._known) < MAX_REMEMBERED:
            self._known[raw] = allowed
        return allowed


def _fault(raw: RawHeaders, headers: dict[bytes, bytes]) -> str:
    """Return what is wrong with headers; empty if nothing is."""
    if _repeats(raw):
        return "a header occurs more than once"
    if b"transfer-encoding" in headers and b"content-length" in headers:
        return "both a length and a transfer encoding are given"
    broken = has_break([value for _, value in raw])
    return "a header holds a line break" if broken else ""


async def _refuse(refusal: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY})
        return
    # Closed, as what follows on this connection may not be what it seems.
    response = PlainTextResponse(f"Bad Request: {refusal}.", 400, {"connection": "close"})
    await response(scope, receive, send)


SINGLE = frozenset({b"host", b"content-length", b"transfer-encoding", b"content-type", b"origin"})
"""Headers that must not occur twice."""


def _repeats(headers: RawHeaders) -> bool:
    names = [name for name, _ in headers if name in SINGLE]
    return len(names) != len(set(names))


_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


def _to_https(scope: Scope) -> Response:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    name = split_host(host.decode("latin-1"))[0]
    # Whatever a parser lets through of an address, a header has it encoded.
    query = quote(scope.get("query_string", b""), safe=_VISIBLE)
    path = quote(scope["path"], safe="/:@!$&()*+,;=~-._", errors="replace")
    target = f"https://{name}{path}{'?' + query if query else ''}"
    # 308 keeps method and body, which 301 does not (RFC 9110, 15.4).
    status = 301 if scope["method"] in ("GET", "HEAD") else 308
    return Response(None, status, {"location": target})


def _response_headers(policy: str, policy_name: bytes) -> RawHeaders:
    values: dict[str, str | None] = {
        "x-content-type-options": "nosniff",
        "x-frame-options": settings.X_FRAME_OPTIONS,
        "referrer-policy": settings.SECURE_REFERRER_POLICY,
        policy_name.decode(): policy,
        "permissions-policy": settings.SECURE_PERMISSIONS_POLICY,
        "cross-origin-opener-policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "cross-origin-embedder-policy": settings.SECURE_CROSS_ORIGIN_EMBEDDER_POLICY,
        "cross-origin-resource-policy": settings.SECURE_CROSS_ORIGIN_RESOURCE_POLICY,
    }
    return [encode_header(name, value) for name, value in values.items() if value]


def _strict_transport() -> RawHeaders:
    if not settings.SECURE_HSTS_SECONDS:
        return []
    value = f"max-age={settings.SECURE_HSTS_SECONDS}"
    if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS:
        value += "; includeSubDomains"
    if settings.SECURE_HSTS_PRELOAD:
        value += "; preload"
    return [encode_header("strict-transport-security", value)]
