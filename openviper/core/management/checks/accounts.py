"""Checks of sessions, logins and forms before production."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from openviper.conf import settings
from openviper.core.management.checks.findings import Finding

SESSION = "SessionMiddleware"
CSRF = "CSRFMiddleware"
ORDER = (SESSION, "AuthenticationMiddleware", CSRF)
"""The outermost first: each needs what those before it have found."""


def check_accounts() -> Iterator[Finding]:
    """Yield the findings about sessions, logins and forms."""
    yield from _middleware()
    yield from _sessions()


def _middleware() -> Iterator[Finding]:
    names = [path.rpartition(".")[2] for path in settings.MIDDLEWARE]
    listed = [name for name in names if name in ORDER]
    if sorted(listed, key=ORDER.index) != listed:
        yield Finding(
            "security.W011",
            "the middleware of sessions, authentication and CSRF stand in another order than they need",
            f"List them as {', '.join(ORDER)}.",
            "MIDDLEWARE",
        )
    yield from _unprotected(listed)


def _unprotected(listed: Sequence[str]) -> Iterator[Finding]:
    if SESSION in listed and CSRF not in listed:
        yield Finding(
            "security.W012",
            "there are sessions and no CSRFMiddleware: other sites can send forms in the names of users",
            f"Add 'openviper.middleware.{CSRF}'.",
            "MIDDLEWARE",
        )


def _sessions() -> Iterator[Finding]:
    if not settings.SESSION_COOKIE_HTTPONLY:
        yield Finding(
            "security.W013",
            "SESSION_COOKIE_HTTPONLY is False: a script that gets into a page can take sessions along",
            where="SESSION_COOKIE_HTTPONLY",
        )
    if settings.SESSION_STORE == "memory":
        yield Finding(
            "security.W014",
            "SESSION_STORE is 'memory': each worker has sessions of its own, and a restart ends them",
            "Set it to 'database'.",
            "SESSION_STORE",
        )
