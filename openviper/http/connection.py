"""What requests and WebSockets have in common: address, headers, cookies, state."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import quote

from openviper.conf import settings
from openviper.core.context import current_exchange, current_router
from openviper.http.asgi import AUTH, CSRF, KEPT_SESSION, PERSONAL, STATE, USER, Scope
from openviper.http.cookies import parse_cookies
from openviper.http.hosts import is_host_of_ours
from openviper.http.messages import UserMessage, add_message, stored_messages
from openviper.http.sessions import AbsentSession, KeptSession, SessionAccess
from openviper.http.url import URL, split_host, valid_host
from openviper.i18n import get_language
from openviper.utils.datastructures import Headers, QueryParams

_SAFE = "/!$&()*+,;=:@"
"""Characters of a path that stay as they are."""


class Connection:
    """The head of a request or a WebSocket; everything is read when it is first asked for.

    Args:
        scope: The ASGI scope.
    """

    _headers: Headers | None = None
    _query: QueryParams | None = None
    _cookies: dict[str, str] | None = None

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    @property
    def path_params(self) -> dict[str, Any]:
        """The converted parameters of the path."""
        params: dict[str, Any] = self.scope.setdefault("path_params", {})
        return params

    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        path: str = self.scope["path"]
        return path

    @property
    def root_path(self) -> str:
        """Where the application is mounted."""
        root_path: str = self.scope.get("root_path", "")
        return root_path

    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the other side."""
        client = self.scope.get("client")
        return (client[0], client[1]) if client else None

    @property
    def headers(self) -> Headers:
        """The headers."""
        if self._headers is None:
            self._headers = Headers(self.scope["headers"])
        return self._headers

    @property
    def query_params(self) -> QueryParams:
        """The parameters after ``?``."""
        if self._query is None:
            self._query = QueryParams(self.scope.get("query_string", b""))
        return self._query

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies by name."""
        if self._cookies is None:
            self._cookies = parse_cookies("; ".join(self.headers.getlist("cookie")))
        return self._cookies

    @property
    def url(self) -> URL:
        """The address, with the host from a valid ``Host`` header, else that of the server."""
        netloc = self.headers.get("host", "")
        if not valid_host(netloc):
            server = self.scope.get("server") or ("localhost", None)
            netloc = f"{server[0]}:{server[1]}" if server[1] else str(server[0])
        query = self.scope.get("query_string", b"").decode("latin-1")
        return URL(self.scope.get("scheme", "http"), netloc, self.path, query)

    @property
    def has_read_cookies(self) -> bool:
        """Whether somebody has looked at `cookies`, since the last call of `forget_cookies` if there was one."""
        return self._cookies is not None

    def forget_cookies(self) -> None:
        """Have the cookies read again when they are next asked for."""
        self._cookies = None

    @property
    def state(self) -> dict[str, Any]:
        """What middleware and handlers share about this request."""
        state: dict[str, Any] = self.scope.setdefault(STATE, {})
        return state

    @property
    def user(self) -> Any:
        """The user that authentication found, or `None` where nothing authenticates."""
        self.note_personal()
        return self.scope.get(USER)

    @property
    def auth(self) -> Any:
        """What authentication told about the credentials, or `None`."""
        self.note_personal()
        return self.scope.get(AUTH)

    @property
    def session(self) -> SessionAccess:
        """What is kept for this browser from one request to the next.

        Nothing is stored, sent or said about it until it is used. Where `SessionMiddleware` is missing it is empty, and
        setting something in it raises `ImproperlyConfigured`.
        """
        kept: KeptSession | None = self.scope.get(KEPT_SESSION)
        self.scope[PERSONAL] = True
        return AbsentSession() if kept is None else kept.open(self.scope)

    def note_personal(self) -> None:
        """Note that the answer depends on who asks, so that no cache gives it to somebody else."""
        self.scope[PERSONAL] = True
        kept: KeptSession | None = self.scope.get(KEPT_SESSION)
        if kept is not None:
            kept.note(self.scope)

    @property
    def csrf_token(self) -> str:
        """What a form has to send back to show that it is ours; empty where `CSRFMiddleware` is missing.

        In a field ``csrfmiddlewaretoken``, or in the header ``X-CSRFToken``. Another text each time, for one secret: what
        is compressed together with text of a stranger can be guessed letter by letter (BREACH).
        """
        guard = self.scope.get(CSRF)
        return "" if guard is None else str(guard.token(self))

    @property
    def csp_nonce(self) -> str:
        """A nonce for scripts and styles of this answer; asking for it puts it into the content security policy.

        Outside an application, where there is no policy, it is another one each time.

        Raises:
            RuntimeError: If the head of the answer is sent, with a policy and without a nonce.
        """
        exchange = current_exchange.get()
        if exchange is None:
            return secrets.token_urlsafe(18)
        if exchange.nonce is None:
            if exchange.is_started and settings.SECURE_CONTENT_SECURITY_POLICY:
                raise RuntimeError(
                    "the policy of this answer is sent; ask for csp_nonce before its first piece"
                )
            exchange.nonce = secrets.token_urlsafe(18)
        return exchange.nonce

    @property
    def language(self) -> str:
        """The language of this request, as `LocaleMiddleware` has chosen it, else `LANGUAGE_CODE`."""
        return get_language()

    @property
    def has_messages(self) -> bool:
        """Whether messages wait for the user."""
        return bool(stored_messages(self, keep=True))

    def add_message(self, text: str, level: str = "info") -> None:
        """Leave a message for the user: in the next page that shows messages, or without a session in this answer only.

        Args:
            text: The message.
            level: ``debug``, ``info``, ``success``, ``warning`` or ``error``; becomes a class of the page.

        Raises:
            ValueError: If the level is another word.
        """
        add_message(self, text, level)

    def take_messages(self) -> list[UserMessage]:
        """Return the messages that wait for the user; they wait no longer."""
        return stored_messages(self, keep=False)

    def header(self, name: bytes) -> bytes | None:
        """Return the raw value of a header given in lower case, without building `headers`."""
        value: bytes
        for key, value in self.scope["headers"]:
            if key == name:
                return value
        return None

    def is_secure(self) -> bool:
        """Return whether the request came over TLS."""
        return self.scope.get("scheme", "http") in ("https", "wss")

    def url_for(self, name: str, /, **params: Any) -> str:
        """Return the path of a named route as browsers have to ask for it, with the prefix the application is served under.

        Raises:
            LookupError: If there is no route of this name.
            ValueError: If a parameter is missing or does not fit.
        """
        router = current_router.get()
        if router is None:
            raise LookupError(f"no application answers, so there is no route {name!r}")
        path = str(router.url_for(name, **params))
        root = quote(self.root_path.rstrip("/"), safe=_SAFE) if self.root_path else ""
        if not path.startswith("//"):
            return root + path
        host, slash, rest = path[2:].partition("/")
        return f"//{host}{root}{slash}{rest}"

    def absolute_url_for(self, name: str, /, **params: Any) -> str:
        """Return the address of a named route with scheme and host, for mails and other places outside.

        The host is that of the request, and only if `ALLOWED_HOSTS` has it: anybody can send any ``Host`` header.

        Raises:
            LookupError: If there is no route of this name.
            ValueError: If a parameter is missing or does not fit, or the host of the request is not allowed.
        """
        path = self.url_for(name, **params)
        scheme = "https" if self.is_secure() else "http"
        if path.startswith("//"):
            return f"{scheme}:{path}"
        netloc = self.url.netloc
        if not is_host_of_ours(split_host(netloc)[0], self.scope):
            raise ValueError(f"host {netloc!r} is not in ALLOWED_HOSTS")
        return f"{scheme}://{netloc}{path}"
