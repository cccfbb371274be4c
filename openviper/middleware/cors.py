"""Cross-origin requests (Fetch standard, 3.2): which pages of other origins may read our answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from openviper.conf import settings
from openviper.conf.rules import methods
from openviper.core.context import current_router
from openviper.exceptions import HTTPException
from openviper.http.answer import Answer, finishing
from openviper.http.asgi import ROUTE, ASGIApp, Receive, Scope, Send
from openviper.http.hosts import Origins
from openviper.http.responses import PlainTextResponse, Response
from openviper.middleware.base import BaseMiddleware
from openviper.routing.paths import below_root
from openviper.routing.route import Route
from openviper.routing.router import Router
from openviper.routing.table import Found
from openviper.utils.datastructures import Headers, RawHeaders, add_vary, encode_header

H = TypeVar("H", bound=Callable[..., Any])
ATTRIBUTE = "cors_policy"
"""Where a handler keeps the policy of its own."""


class CORSPolicy:
    """What pages of other origins may do.

    Args:
        allowed_origins: Origins, ``https://*.example.org`` for sub-domains, or ``*``.
        allow_credentials: Let them send cookies along.
        allowed_methods: The methods they may use; ``*`` for any.
        allowed_headers: The headers they may send; ``*`` for any.
        expose_headers: Headers of answers they may read beside the usual ones.
        max_age: Seconds for which browsers remember it.
        allow_private_network: Let public pages reach this server in a private network.

    Raises:
        TypeError: If several of something are one text.
        ValueError: If no page has such an origin, or no request such a method or header; if every origin may send cookies: any
            page could act for our users; if `expose_headers` has a star beside cookies, which browsers take for a name.
    """

    def __init__(
        self,
        allowed_origins: Sequence[str],
        *,
        allow_credentials: bool = False,
        allowed_methods: Sequence[str] = ("GET", "HEAD", "POST"),
        allowed_headers: Sequence[str] = (),
        expose_headers: Sequence[str] = (),
        max_age: int = 600,
        allow_private_network: bool = False,
    ) -> None:
        self._origins = Origins(allowed_origins)
        self.is_open = self._origins.is_open
        if self.is_open and allow_credentials:
            raise ValueError("allow_credentials and the origin '*' exclude each other")
        self.allow_credentials = allow_credentials
        self.methods = tuple(map(str.upper, _words(allowed_methods, "allowed_methods")))
        self.headers = tuple(map(str.lower, _words(allowed_headers, "allowed_headers")))
        self.expose_headers = _words(expose_headers, "expose_headers")
        if allow_credentials and "*" in self.expose_headers:
            raise ValueError("with allow_credentials '*' among expose_headers is a name: list them")
        self.max_age = max_age
        self.allow_private_network = allow_private_network

    def allows(self, origin: str) -> bool:
        """Return whether pages of an origin may read answers."""
        return self._origins.allow(origin)

    def answer_headers(self, origin: str) -> list[tuple[str, str]]:
        """Return the headers that an allowed origin gets with every answer."""
        headers = [("access-control-allow-origin", "*" if self.is_open else origin)]
        if self.allow_credentials:
            headers.append(("access-control-allow-credentials", "true"))
        if self.expose_headers:
            headers.append(("access-control-expose-headers", ", ".join(self.expose_headers)))
        return headers

    def refusal(self, origin: str, method: str, headers: str) -> str:
        """Return why what a page wants to send is not allowed; empty if it is.

        Args:
            origin: The page's origin.
            method: The method.
            headers: The names of the headers, between commas.
        """
        if not self.allows(origin):
            return "origin"
        if not _allowed([method.upper()], self.methods):
            return "method"
        return "" if _allowed(_listed(headers.lower()), self.headers) else "headers"


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _allowed(wanted: Sequence[str], named: Sequence[str]) -> bool:
    """Return whether methods or headers are among those named, or any and there can be such in a request."""
    return set(wanted) <= set(named) or ("*" in named and methods(wanted) is None)


def _words(given: Sequence[str], name: str) -> tuple[str, ...]:
    """Return methods or names of headers.

    Raises:
        TypeError: If they are one text, whose characters would be taken for them.
        ValueError: If one of them is in no request.
    """
    if isinstance(given, str):
        raise TypeError(f"{name} are a list such as [{given!r}], not a text")
    fault = methods(given)
    if fault is not None:
        raise ValueError(f"{name} {fault}, not {list(given)!r}")
    return tuple(given)


def cors_policy(policy: CORSPolicy) -> Callable[[H], H]:
    """Give a handler, a view or one of its methods a policy of its own, in place of that of `CORSMiddleware`.

    Raises:
        TypeError: If it is no policy, as where the decorator is written without one.
    """
    if not isinstance(policy, CORSPolicy):
        raise TypeError(f"cors_policy() takes a CORSPolicy, not {policy!r}")

    def mark(handler: H) -> H:
        setattr(handler, ATTRIBUTE, policy)
        return handler

    return mark


class CORSMiddleware(BaseMiddleware):
    """Lets pages of the allowed origins read answers, those to errors too, and answers their preflight requests.

    A request without ``Origin`` passes untouched but for ``Vary``, which caches need.

    Args:
        app: The application inside.
        policy: What is allowed; the settings `CORS_*` when not given.

    Raises:
        ValueError: If every origin may send cookies.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp, policy: CORSPolicy | None = None) -> None:
        super().__init__(app)
        self.policy = policy or CORSPolicy(
            settings.CORS_ALLOWED_ORIGINS,
            allow_credentials=settings.CORS_ALLOW_CREDENTIALS,
            allowed_methods=settings.CORS_ALLOWED_METHODS,
            allowed_headers=settings.CORS_ALLOWED_HEADERS,
            expose_headers=settings.CORS_EXPOSE_HEADERS,
            max_age=settings.CORS_MAX_AGE,
            allow_private_network=settings.CORS_ALLOW_PRIVATE_NETWORK,
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a preflight request, or have headers added to an answer."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        headers = Headers(scope["headers"])
        origin = headers.get("origin")
        asks_first = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if asks_first and origin:
            return self._preflight(scope, origin, headers)(scope, receive, send)

        def finish(answer: Answer, given: RawHeaders) -> RawHeaders:
            # A middleware inside may have replaced the scope, and the route is in the one that was answered.
            request = answer.made_request
            seen = scope if request is None or ROUTE in scope else request.scope
            return self._answer_headers(seen, origin, given)

        return self.app(scope, receive, finishing(finish, scope, receive, send))

    def _preflight(self, scope: Scope, origin: str, headers: Headers) -> Response:
        method = headers["access-control-request-method"]
        policy = _asked_policy(scope, method) or self.policy
        return _preflight(policy, origin, method, headers)

    def _answer_headers(self, scope: Scope, origin: str | None, given: RawHeaders) -> RawHeaders:
        headers = list(given)
        route = scope.get(ROUTE)
        policy = (None if route is None else _policy_of(route, scope["method"])) or self.policy
        if not policy.is_open:
            add_vary(headers, "Origin")
        if origin is not None and policy.allows(origin):
            _add_missing(headers, policy.answer_headers(origin))
        return headers


def _add_missing(headers: RawHeaders, pairs: Sequence[tuple[str, str]]) -> None:
    present = {name for name, _ in headers}
    added = [encode_header(*pair) for pair in pairs]
    headers += [pair for pair in added if pair[0] not in present]


def _asked_policy(scope: Scope, method: str) -> CORSPolicy | None:
    """Return the policy of the handler that a preflight request asks about, or `None`."""
    router = current_router.get()
    found = None if router is None else _found(router, scope, method)
    return _policy_of(found[0], method.upper()) if isinstance(found, tuple) else None


def _policy_of(route: Route, method: str) -> CORSPolicy | None:
    """Return the policy of a handler: for views that of the method, of what was made of the class, or of the class."""
    view = route.view
    places: list[Any] = [route.handler]
    if view is not None:
        places = [view.method_for(method), route.handler, view, view.view]
    policies = (getattr(place, ATTRIBUTE, None) for place in places)
    return next((policy for policy in policies if policy is not None), None)


def _found(router: Router, scope: Scope, method: str) -> Found | None:
    try:
        return router.find_for(scope, method.upper(), below_root(scope))
    except HTTPException:
        return None


def _preflight(policy: CORSPolicy, origin: str, method: str, headers: Headers) -> Response:
    wanted = ", ".join(_listed(",".join(headers.getlist("access-control-request-headers"))))
    refusal = policy.refusal(origin, method, wanted)
    vary = {"vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
    if refusal:
        return PlainTextResponse(f"This {refusal} is not allowed.", 400, vary)
    response = Response(None, 204, vary)
    for name, value in [*policy.answer_headers(origin), *_permissions(policy, method, wanted)]:
        response.headers[name] = value
    asks_private = headers.get("access-control-request-private-network") == "true"
    if asks_private and policy.allow_private_network:
        response.headers["access-control-allow-private-network"] = "true"
    return response


def _permissions(policy: CORSPolicy, method: str, wanted: str) -> list[tuple[str, str]]:
    """Return the headers that say what a page may send."""
    permissions = [
        ("access-control-allow-methods", _any_or(method, policy.methods)),
        ("access-control-max-age", str(policy.max_age)),
        ("access-control-allow-headers", _any_or(wanted, policy.headers)),
    ]
    return [pair for pair in permissions if pair[1]]


def _any_or(wanted: str, named: Sequence[str]) -> str:
    """Return what is wanted, where everything is allowed; else what is."""
    return wanted if "*" in named else ", ".join(named)
