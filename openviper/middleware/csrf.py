"""Keeps other sites from sending forms in our users' names (cross-site request forgery).

First the browser is asked where a request comes from (``Sec-Fetch-Site``, ``Origin``): nobody but the browser writes these.
Then the token has to be there: in a cookie and in the form or a header, both the same secret, and the cookie signed for the
very session it is sent with, so that a sub-domain which sets cookies for us cannot have it accept a secret of its own.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import re
import secrets
from collections.abc import Awaitable
from urllib.parse import urlsplit

from openviper.conf import settings
from openviper.conf.signing import fingerprint, fits_fingerprint
from openviper.core.context import current_router
from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import (
    BODY,
    CSRF,
    FORGERY_PROOF,
    KEPT_SESSION,
    ROUTE,
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
)
from openviper.http.body import Body
from openviper.http.connection import Connection
from openviper.http.cookies import build_cookie, needs_secure
from openviper.http.errors import answer
from openviper.http.hosts import Origins, is_own_origin
from openviper.http.methods import SAFE
from openviper.http.request import MULTIPART, URLENCODED, Request
from openviper.http.responses import Response
from openviper.http.shortcut import Shortcut
from openviper.routing.paths import below_root
from openviper.sessions.cookie import cookie_values
from openviper.sessions.middleware import present_session
from openviper.sessions.session import Session, keep_private
from openviper.template.context import CSRF_FIELD
from openviper.utils.datastructures import RawHeaders

logger = logging.getLogger("openviper.security")

HEADER = "x-csrftoken"
"""The header with the token, for requests that scripts send."""
OF_BROWSERS = frozenset({"sec-fetch-site", "origin", "referer"})
"""Headers of which a browser sends at least one with whatever changes something (Fetch, 3.1 and 4.5)."""
MARKS = frozenset({b"sec-fetch-site", b"origin", b"referer", b"cookie"})
"""A request without any of these has been sent by no browser, and brings nothing that a browser keeps for us."""
SECRET = "openviper.csrf_secret"
"""Where the scope keeps the secret once a token was handed out."""
RENEWED = "openviper.csrf_renewed"
"""Marks a request in which somebody has logged in or out: no earlier secret is good any more."""
PURPOSE = "csrf"
SECRET_BYTES = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class CSRFMiddleware:
    """Answers 403 to requests that would change something and may come from another site.

    Left alone are methods that change nothing, requests with a token of ours (a bearer token or an API key) in place of a
    session, and those that no browser has sent: without a cookie of ours, and without the headers that every browser adds.
    Stands inside of `SessionMiddleware` and `AuthenticationMiddleware`.

    Args:
        app: The application inside.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._cookie = settings.CSRF_COOKIE_NAME.encode()
        self._session_cookie = settings.SESSION_COOKIE_NAME.encode()
        self._trusted = Origins(settings.CSRF_TRUSTED_ORIGINS)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Check a request; plain, for most need no check."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        if KEPT_SESSION not in scope:
            raise ImproperlyConfigured(
                "CSRFMiddleware has to stand behind SessionMiddleware in MIDDLEWARE"
            )
        scope[CSRF] = self
        if scope["method"] in SAFE or MARKS.isdisjoint(dict(scope["headers"])):
            return self.app(scope, receive, send)
        if scope.get(FORGERY_PROOF):
            return self.app(scope, receive, send)
        return self._check(scope, receive, send)

    def request_shortcut(self) -> Shortcut:
        """Return what becomes of a request that needs no check."""
        needs = frozenset({KEPT_SESSION})
        return Shortcut(unsafe_headers=MARKS, constants={CSRF: self}, needs=needs)

    async def _check(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        reason = await self._refusal(request)
        if reason:
            await _refused(request, reason)(scope, receive, send)
            return
        body: Body | None = scope.get(BODY)
        if body is not None and body.is_streamed:
            receive = _again(body.data, receive)
        await self.app(scope, receive, send)

    async def _refusal(self, request: Request) -> str:
        """Return why a request is refused; empty if it is not."""
        headers = request.headers
        foreign = self._foreign(request, headers.get("sec-fetch-site"), headers.get("origin"))
        if foreign:
            return foreign
        if not OF_BROWSERS & set(headers) and not self._has_our_cookies(request.scope):
            return ""
        return await self._wrong_token(request)

    def _has_our_cookies(self, scope: Scope) -> bool:
        """Return whether a request brings a session, good or not, or the cookie that a token is compared with."""
        names = (self._session_cookie, self._cookie)
        return any(cookie_values(scope["headers"], name) for name in names)

    async def _wrong_token(self, request: Request) -> str:
        """Return what is wrong with the token of a request; empty if nothing is."""
        own = self._secrets(request.scope, _binding(request.scope))
        if not own:
            return "the CSRF cookie is missing, or not of this session"
        given = request.headers.get(HEADER) or await self._field(request)
        if not given:
            return "the CSRF token is missing"
        return "" if self._fits(given, own, request.scope) else "the CSRF token is wrong"

    def _fits(self, given: str, own: list[bytes], scope: Scope) -> bool:
        """Return whether a token, or a cookie that a script has found and sends as it is, stands for a secret."""
        return given in self._sent(scope) or any([_is_same(given, secret) for secret in own])

    # Where it comes from

    def _foreign(self, request: Request, site: str | None, origin: str | None) -> str:
        """Return what the browser says against a request; empty if nothing."""
        if origin is not None:
            return "" if self._is_ours(request, origin) else f"the page is of {origin[:200]!r}"
        if site is not None:
            is_own = site in ("same-origin", "none")
            return "" if is_own else f"the browser calls it {site[:20]!r}"
        referer = request.headers.get("referer")
        if referer is not None and not self._is_ours(request, _origin_of(referer)):
            return "the page that sends it is of another origin"
        return ""

    def _is_ours(self, request: Request, origin: str) -> bool:
        """Return whether an origin is the one that is asked, or trusted. ``null`` is neither."""
        own = request.headers.get("host", "")
        return self._trusted.allow(origin) or is_own_origin(
            origin, own, is_secure=request.is_secure()
        )

    async def _field(self, request: Request) -> str:
        """Return the token of a form; empty if there is none. The handler gets the same form."""
        if _media_type(request) not in (URLENCODED, MULTIPART):
            return ""
        _find_route(request.scope)  # How large a form may be is the route's to say.
        return (await request.form()).get(CSRF_FIELD, "")

    # Secrets and tokens

    def _sent(self, scope: Scope) -> list[str]:
        return cookie_values(scope["headers"], self._cookie)

    def _secrets(self, scope: Scope, binding: str) -> list[bytes]:
        """Return the secrets in a request's cookies that are signed for a session."""
        found = [_secret_in(value, binding) for value in self._sent(scope)]
        return [secret for secret in found if secret is not None]

    def token(self, request: Connection) -> str:
        """Return a token for a form of this browser, masked anew each time."""
        scope = request.scope
        request.note_personal()
        if SECRET not in scope:
            own = [] if RENEWED in scope else self._secrets(scope, _binding(scope))
            scope[SECRET] = own[0] if own else secrets.token_bytes(SECRET_BYTES)
        return _masked(scope[SECRET])

    def renew(self, scope: Scope) -> None:
        """Let no secret from before be good any more, as somebody logs in or out."""
        scope.pop(SECRET, None)
        scope[RENEWED] = True

    def settle(self, session: Session, headers: RawHeaders) -> None:
        """Put the cookie into the head of an answer, if the browser needs another one than it has."""
        secret = self._secret_to_send(session)
        binding = session.id or ""
        if secret is not None and secret not in self._secrets(session.scope, binding):
            cookie = _cookie(_signed(secret, binding), is_secure=session.is_secure)
            headers.append((b"set-cookie", cookie.encode("ascii")))
            keep_private(headers)

    def _secret_to_send(self, session: Session) -> bytes | None:
        """Return the secret that the browser is to have; `None` if what it has will do."""
        scope = session.scope
        handed_out: bytes | None = scope.get(SECRET)
        if handed_out is not None:
            return handed_out
        if RENEWED in scope:
            return self._renewed(scope)
        return None if session.id == session.first_id else self._carried_over(session)

    def _renewed(self, scope: Scope) -> bytes | None:
        # Pages that are open go on, if they look into the cookie.
        return secrets.token_bytes(SECRET_BYTES) if self._sent(scope) else None

    def _carried_over(self, session: Session) -> bytes | None:
        # The session has just begun: forms that were handed out before stay good.
        own = self._secrets(session.scope, session.first_id or "")
        return own[0] if own else None


def _refused(request: Request, reason: str) -> Response:
    """Return the answer to a request that may come from another site."""
    logger.warning("%s %s refused: %s", request.method, request.path, reason)
    detail = {
        "message": "This request may come from another site.",
        "reason": reason,
        "code": "csrf_failed",
    }
    return answer(request, 403, detail)


def _cookie(value: str, *, is_secure: bool) -> str:
    name = settings.CSRF_COOKIE_NAME
    return build_cookie(
        name,
        value,
        secure=is_secure or settings.CSRF_COOKIE_SECURE or needs_secure(name),
        httponly=settings.CSRF_COOKIE_HTTPONLY,
        samesite=settings.CSRF_COOKIE_SAMESITE,
    )


def _binding(scope: Scope) -> str:
    session = present_session(scope)
    return "" if session is None else session.id or ""


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _origin_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def _find_route(scope: Scope) -> None:
    router = current_router.get()
    if router is None or ROUTE in scope:
        return
    path = below_root(scope) if scope.get("root_path") else scope["path"]
    found = router.find_for(scope, scope["method"], path)
    if isinstance(found, tuple):
        scope[ROUTE] = found[0]


def _again(data: bytes | None, receive: Receive) -> Receive:
    """Return a `receive` that gives a body once more to an application that does not look into the scope."""
    pending: list[bytes] = [] if data is None else [data]

    async def again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        if data is None:
            raise RuntimeError(
                "a form with files was read to find its CSRF token; to read its bytes as they come, send the token "
                "in the header X-CSRFToken"
            )
        return await receive()

    return again


def _masked(secret: bytes) -> str:
    mask = secrets.token_bytes(SECRET_BYTES)
    return _text(mask + _mixed(mask, secret))


def _mixed(mask: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(mask, other, strict=True))


def _is_same(token: str, secret: bytes) -> bool:
    """Return whether a token stands for a secret."""
    if _TOKEN.fullmatch(token) is None:
        return False
    raw = base64.urlsafe_b64decode(token + "=")
    return hmac.compare_digest(_mixed(raw[:SECRET_BYTES], raw[SECRET_BYTES:]), secret)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _signed(secret: bytes, binding: str) -> str:
    text = _text(secret)
    return f"{text}.{fingerprint(PURPOSE, text, binding)}"


def _secret_in(cookie: str, binding: str) -> bytes | None:
    """Return the secret in a cookie that is signed for a session; `None` if it is not."""
    text, _, signature = cookie.partition(".")
    if not fits_fingerprint(signature, PURPOSE, text, binding):
        return None
    try:
        secret = base64.urlsafe_b64decode(text + "==")
    except (ValueError, binascii.Error):
        return None
    return secret if len(secret) == SECRET_BYTES else None
