"""Checking settings: every rule is tried before any error is raised."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from openviper.conf.base import Settings, is_sensitive
from openviper.conf.declaration import Declaration, declaration
from openviper.conf.production import is_internal_http, validate_production
from openviper.exceptions import SettingsValidationError
from openviper.project.deployment import is_production


class _Accepted(NamedTuple):
    types: tuple[type, ...]
    words: str


# By the name in the annotation. `bool` is an `int` to Python, and is refused where a number is asked for.
ACCEPTED: dict[str, _Accepted] = {
    "tuple": _Accepted((tuple, list), "a tuple of strings"),
    "bool": _Accepted((bool, int), "True or False"),
    "int": _Accepted((int,), "a whole number"),
    "float": _Accepted((int, float), "a number"),
    "timedelta": _Accepted((timedelta,), "a timedelta"),
    "str": _Accepted((str,), "a string"),
    "dict": _Accepted((dict,), "a mapping"),
    "ConfigMap": _Accepted((dict,), "a mapping"),
}
"""What is accepted for each annotation of `Settings`, and how to say so."""


def validate_settings(s: Settings, env: str) -> None:
    """Check every rule; nothing is changed.

    Args:
        s: The settings.
        env: The value of `OPENVIPER_ENV`.

    Raises:
        SettingsValidationError: With one sentence per violation.
    """
    errors = [error for field in dataclasses.fields(Settings) for error in _field_errors(s, field)]
    # The other rules compare values, which needs them to be of the right types.
    if not errors:
        errors += _contradictions(s)
        if is_production(env):
            validate_production(s, errors)
    if errors:
        raise SettingsValidationError(errors)


def value_errors(s: Settings, names: Collection[str]) -> list[str]:
    """Return one sentence per value, of some settings, that is not of the declared type or breaks a rule of its own."""
    fields = [field for field in dataclasses.fields(Settings) if field.name in names]
    return [error for field in fields for error in _field_errors(s, field)]


def _field_errors(s: Settings, field: dataclasses.Field[Any]) -> Iterator[str]:
    value = getattr(s, field.name)
    problem = _type_error(field, value) or _rule_error(declaration(field), value)
    if problem is not None:
        shown = type(value).__name__ if is_sensitive(field.name) else repr(value)
        yield f"{field.name} {problem}, not {shown}."


def _type_error(field: dataclasses.Field[Any], value: Any) -> str | None:
    """Return "must be ..." unless the value has the declared type; annotations are text here."""
    name, _, alternative = str(field.type).replace(" ", "").partition("|")
    if value is None and alternative == "None":
        return None
    accepted = ACCEPTED[name.partition("[")[0]]
    fits = isinstance(value, accepted.types) and not _is_mistaken(value, accepted, field.name)
    return None if fits else f"must be {accepted.words}"


def _is_mistaken(value: Any, accepted: _Accepted, name: str) -> bool:
    """Return whether Python takes a value for the type and a person would not."""
    if isinstance(value, bool):
        return bool not in accepted.types
    if isinstance(value, float):
        return not math.isfinite(value)  # No limit has such a value, and nothing compares with it.
    if isinstance(value, tuple | list):
        # A router may be given as an object.
        return name != "DATABASE_ROUTERS" and not all(isinstance(item, str) for item in value)
    return False


def _rule_error(declared: Declaration, value: Any) -> str | None:
    if declared.choices and value not in declared.choices:
        return f"must be one of {', '.join(declared.choices)}"
    return declared.check(value) if declared.check is not None else None


def _contradictions(s: Settings) -> Iterator[str]:
    if is_internal_http(s) and (s.SECURE_SSL_REDIRECT or s.SECURE_HSTS_SECONDS):
        yield (
            "DEPLOYMENT 'internal-http' excludes SECURE_SSL_REDIRECT and SECURE_HSTS_SECONDS, "
            "which send browsers to HTTPS."
        )
    yield from _impossible_cookies(s)
    if "default" not in s.DATABASES:
        yield "DATABASES must have an entry 'default'."
    yield from _unknown_caches(s)
    if s.EMAIL.get("use_tls") and s.EMAIL.get("use_ssl"):
        yield "EMAIL: 'use_tls' and 'use_ssl' exclude each other."


def _unknown_caches(s: Settings) -> Iterator[str]:
    known = {"", "default", *s.CACHES}
    used = {"QUERY_CACHE": s.QUERY_CACHE}
    if s.SESSION_STORE == "cache":
        used["SESSION_CACHE"] = s.SESSION_CACHE
    for name, alias in used.items():
        if alias not in known:
            yield f"{name} {alias!r} is not an alias of CACHES."


def _impossible_cookies(s: Settings) -> Iterator[str]:
    """Yield what browsers would not take (RFC 6265bis, 4.1.3 and 5.6)."""
    yield from _same_site_errors("SESSION", s.SESSION_COOKIE_SAMESITE, s.SESSION_COOKIE_SECURE)
    yield from _same_site_errors("CSRF", s.CSRF_COOKIE_SAMESITE, s.CSRF_COOKIE_SECURE)
    is_everywhere = s.SESSION_COOKIE_PATH == "/" and not s.SESSION_COOKIE_DOMAIN
    if s.SESSION_COOKIE_NAME.lower().startswith("__host-") and not is_everywhere:
        yield (
            f"SESSION_COOKIE_NAME {s.SESSION_COOKIE_NAME!r} needs SESSION_COOKIE_PATH '/' and no "
            "SESSION_COOKIE_DOMAIN, or browsers drop the cookie."
        )


def _same_site_errors(name: str, same_site: str, is_secure: bool) -> Iterator[str]:
    if same_site == "None" and not is_secure:
        yield f"{name}_COOKIE_SAMESITE 'None' needs {name}_COOKIE_SECURE, or browsers drop the cookie."
