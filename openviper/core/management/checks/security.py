"""Checks for production: the rules that are enforced there, and further advice."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator

from openviper.conf import settings
from openviper.conf.lazy import GENERATED_KEY_VARIABLE
from openviper.conf.validation import is_production, validate_production
from openviper.core.management.checks.findings import Finding

RULES = {
    "DEBUG": "security.E001",
    "SECRET_KEY": "security.E002",
    "SECURE_SSL_REDIRECT": "security.E003",
    "SECURE_HSTS_SECONDS": "security.E004",
    "ALLOWED_HOSTS": "security.E005",
    "SECURE_COOKIES": "security.E006",
    "SESSION_COOKIE_SECURE": "security.E007",
    "CSRF_COOKIE_SECURE": "security.E008",
    "OPENAPI": "security.E009",
    "CORS_ALLOWED_HEADERS": "security.E010",
}
"""The code for each setting that has a rule in production."""
MIN_JWT_KEY_LENGTH = 32
"""Characters; RFC 7518 section 3.2 asks for as many bytes as the hash has, 32 for HS256."""
MIDDLEWARE = "openviper.middleware.security.SecurityMiddleware"


def check_security() -> list[Finding]:
    """Return the findings about settings that are wrong in production."""
    return [*_rules(), *_advice(), *_readable_files()]


def _rules() -> Iterator[Finding]:
    errors: list[str] = []
    assert settings.instance is not None
    validate_production(settings.instance, errors)
    if settings.SECRET_KEY == os.environ.get(GENERATED_KEY_VARIABLE):
        errors.append("SECRET_KEY must be set in production.")  # Development has filled it in.
    for error in errors:
        name = error.replace("[", " ").split()[0]
        yield Finding(RULES[name], error.rstrip(".").removesuffix(" in production"), where=name)


def _advice() -> Iterator[Finding]:
    if not settings.SESSION_COOKIE_HTTPONLY:
        yield Finding(
            "security.W001", "SESSION_COOKIE_HTTPONLY is False: scripts can read the session cookie"
        )
    if "*" in settings.CORS_ALLOWED_ORIGINS:
        yield Finding(
            "security.W002",
            "CORS_ALLOWED_ORIGINS holds '*': every site's scripts may call this one",
        )
    if settings.RATE_LIMIT_REQUESTS == 0:
        yield Finding("security.W003", "RATE_LIMIT_REQUESTS is 0: requests are not limited")
    if settings.JWT_SECRET_KEY and len(settings.JWT_SECRET_KEY) < MIN_JWT_KEY_LENGTH:
        yield Finding(
            "security.W004", f"JWT_SECRET_KEY has fewer than {MIN_JWT_KEY_LENGTH} characters"
        )
    if _is_written_down(settings.SECRET_KEY):
        yield Finding(
            "security.W005",
            "SECRET_KEY is written in the settings module",
            "Set SECRET_KEY in the environment, where no copy of the source holds it.",
        )
    if MIDDLEWARE not in settings.MIDDLEWARE:
        yield Finding(
            "security.W006",
            "MIDDLEWARE has no SecurityMiddleware, so no security header is sent",
            f"Add {MIDDLEWARE!r}.",
        )
    if not is_production(os.environ.get("OPENVIPER_ENV", "")):
        yield Finding(
            "security.W007",
            "OPENVIPER_ENV is not 'production'",
            "Set OPENVIPER_ENV=production, so that the rules are enforced at every start.",
        )
    if settings.TESTING:
        yield Finding("security.W008", "TESTING is True")


def _settings_file() -> str | None:
    module = sys.modules.get(os.environ.get("OPENVIPER_SETTINGS_MODULE", ""))
    return getattr(module, "__file__", None)


def _is_written_down(key: str) -> bool:
    path = _settings_file()
    if not key or path is None:
        return False
    try:
        with open(path, encoding="utf-8") as file:
            return key in file.read()
    except (OSError, UnicodeError):
        return False


def _readable_files() -> Iterator[Finding]:
    if os.name != "posix":
        return  # Other systems do not say it in the mode.
    path = _settings_file()
    if path is not None and _is_written_down(settings.SECRET_KEY) and _others_can_read(path):
        yield Finding(
            "security.W009",
            f"others can read {path!r}, which holds the secret key",
            f"chmod 600 {path}",
            path,
        )
    for name in (".env", *_sqlite_files()):
        if _others_can_read(name):
            yield Finding("security.W009", f"others can read {name!r}", f"chmod 600 {name}", name)


def _sqlite_files() -> Iterator[str]:
    from openviper.core.management.utils import database_aliases
    from openviper.db.connection import connections
    from openviper.exceptions import OpenViperException

    for alias in database_aliases():
        try:
            url = connections.get(alias).url
        except OpenViperException:
            continue  # A finding of the group `database`.
        if url.vendor == "sqlite" and not url.is_memory:
            yield str(url.path)


def _others_can_read(path: str) -> bool:
    try:
        return bool(os.stat(path).st_mode & stat.S_IROTH)
    except OSError:
        return False
