"""The language of a request: the user's own, else that of a cookie, else that of the browser."""

from __future__ import annotations

from collections.abc import Sequence

from openviper.conf import settings
from openviper.http.accept import parse_choices
from openviper.http.answer import Answer, finishing
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.i18n import get_language, override_language
from openviper.middleware.base import BaseMiddleware
from openviper.utils.datastructures import RawHeaders, add_vary

MOST_PARTS = 8
"""Parts of a language tag that are looked at."""


class LocaleMiddleware(BaseMiddleware):
    """Chooses the language of a request from `LANGUAGES`.

    In this order: ``user.language``, the cookie `LANGUAGE_COOKIE_NAME`, ``Accept-Language``, `LANGUAGE_CODE`. Stands behind
    the middleware that finds the user.

    Args:
        app: The application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._languages = _by_lower_case(settings.LANGUAGES)
        self._cookie = settings.LANGUAGE_COOKIE_NAME

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the language that fits."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if scope["type"] == "http":
            send = finishing(_with_language, scope, receive, send)
        with override_language(self.choose(Connection(scope))):
            await self.app(scope, receive, send)

    def choose(self, request: Connection) -> str:
        """Return the language for a request."""
        wishes = [getattr(request.user, "language", None), request.cookies.get(self._cookie)]
        for wish in wishes:
            if isinstance(wish, str) and wish.lower() in self._languages:
                return self._languages[wish.lower()]
        header = ",".join(request.headers.getlist("accept-language"))
        return best_language(header, tuple(self._languages.values())) or settings.LANGUAGE_CODE


def _by_lower_case(languages: Sequence[str]) -> dict[str, str]:
    # Capitals make no other language of it (RFC 5646, 2.1.1).
    return {language.lower(): language for language in languages}


def _with_language(_answer: Answer, given: RawHeaders) -> RawHeaders:
    """Return an answer's headers with its language, and that it depends on the wishes of the client."""
    headers = list(given)
    add_vary(headers, "Accept-Language")
    if b"content-language" not in dict(headers):
        headers.append((b"content-language", get_language().encode()))
    return headers


def best_language(header: str, languages: Sequence[str]) -> str | None:
    """Return the language that an ``Accept-Language`` header wants most, or `None` if there is none of its wishes.

    ``zh-hans-cn`` is content with ``zh-hans``, then with ``zh``, and ``de`` with ``de-at`` (RFC 4647, 3.4).
    """
    spelled = _by_lower_case(languages)
    choices = parse_choices(header)
    wishes = sorted(
        (name for name in choices if choices[name] > 0), key=lambda name: -choices[name]
    )
    # What a client wants by no means is not what "*" stands for.
    wanted = [language for language in spelled if choices.get(language, 1) > 0]
    fitting = (_fitting(wish, wanted) for wish in wishes)
    return next((spelled[language] for language in fitting if language is not None), None)


def _fitting(wish: str, languages: Sequence[str]) -> str | None:
    if wish == "*":
        return languages[0] if languages else None
    # A tag of thousands of parts is none.
    parts = wish.split("-", MOST_PARTS)[:MOST_PARTS]
    for count in range(len(parts), 0, -1):
        tag = "-".join(parts[:count])
        if tag in languages:
            return tag
    return next((name for name in languages if name.partition("-")[0] == parts[0]), None)
