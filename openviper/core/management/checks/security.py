"""Checks for production: the rules that are enforced there, and further advice."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator

from openviper.conf import settings
from openviper.conf.process import GENERATED_KEY_VARIABLE
from openviper.conf.production import Violation, is_internal_http, violations
from openviper.core.management.aliases import database_aliases
from openviper.core.management.checks.accounts import check_accounts
from openviper.core.management.checks.findings import Finding
from openviper.db.connection import connections
from openviper.exceptions import OpenViperException
from openviper.project.deployment import is_production
from openviper.project.dotenv_file import find_dotenv

MIDDLEWARE = "openviper.middleware.security.SecurityMiddleware"


def check_security() -> list[Finding]:
    """Return the findings about settings that are wrong in production."""
    return [*_rules(), *_advice(), *check_accounts(), *_readable_files()]


def _rules() -> Iterator[Finding]:
    assert settings.instance is not None
    for violation in violations(settings.instance):
        yield _finding(violation)
    if settings.SECRET_KEY == os.environ.get(GENERATED_KEY_VARIABLE):
        # Development has filled it in.
        yield Finding("security.E002", "SECRET_KEY must be set", where="SECRET_KEY")


def _finding(violation: Violation) -> Finding:
    return Finding(violation.code, violation.message, where=violation.setting)


def _advice() -> Iterator[Finding]:
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
    if not is_production():
        yield Finding(
            "security.W007",
            "OPENVIPER_ENV is not 'production'",
            "Set OPENVIPER_ENV=production, so that the rules are enforced at every start.",
        )
    if is_internal_http(settings):
        yield Finding(
            "security.W010",
            "DEPLOYMENT is 'internal-http': passwords and cookies cross the network in clear",
            "Leave it so in a closed network only.",
            "DEPLOYMENT",
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
    if path is not None and _is_written_down(settings.SECRET_KEY):
        yield from _readable(path, ", which holds the secret key")
    dotenv = find_dotenv()
    for name in filter(None, (dotenv, *_sqlite_files())):
        yield from _readable(name)


def _readable(path: str, what: str = "") -> Iterator[Finding]:
    if _others_can_read(path):
        yield Finding("security.W009", f"others can read {path!r}{what}", f"chmod 600 {path}", path)


def _sqlite_files() -> Iterator[str]:
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
