"""The rules that settings have to keep, all checked before any error is raised."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from openviper.conf.base import Settings, is_sensitive
from openviper.exceptions import SettingsValidationError

INSECURE_SECRET_KEYS = frozenset({"", "INSECURE-CHANGE-ME", "dev-insecure-key"})
INSECURE_JWT_ALGORITHMS = frozenset({"none"})
JWT_ALGORITHMS = tuple(
    f"{family}{size}" for family in ("HS", "RS", "ES") for size in (256, 384, 512)
)
MIN_SECRET_KEY_LENGTH = 50
MIN_HSTS_SECONDS = 31_536_000
LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")
CHOICES: dict[str, tuple[str, ...]] = {
    "LOG_FORMAT": ("text", "json"),
    "RATE_LIMIT_BY": ("ip", "user", "path"),
    "RATE_LIMIT_BACKEND": ("memory", "redis"),
    "SESSION_COOKIE_SAMESITE": ("Lax", "Strict", "None"),
    "CSRF_COOKIE_SAMESITE": ("Lax", "Strict", "None"),
    "STATIC_STORAGE": ("local",),
    "MEDIA_STORAGE": ("local",),
    "JWT_ALGORITHM": JWT_ALGORITHMS,
}
# The kind of a default, what is accepted for it, and how to say so; `bool` is a kind of `int` and comes first.
KINDS: tuple[tuple[type, tuple[type, ...], str], ...] = (
    (tuple, (tuple, list), "a tuple of strings"),
    (bool, (bool, int), "True or False"),
    (int, (int,), "a whole number"),
    (timedelta, (timedelta, int, float), "a timedelta or a number of seconds"),
    (str, (str,), "a string"),
    (dict, (dict,), "a mapping"),
)


def is_production(environment: str) -> bool:
    """Tell whether a value of `OPENVIPER_ENV` means production."""
    return environment.strip().lower() in ("production", "prod")


def is_insecure_secret_key(key: str) -> bool:
    """Tell whether a key is empty or one that everybody knows."""
    return key in INSECURE_SECRET_KEYS


def validate_settings(s: Settings, env: str) -> None:
    """Check every rule; nothing is changed.

    Args:
        s: The settings.
        env: The value of `OPENVIPER_ENV`.

    Raises:
        SettingsValidationError: With one sentence per violation.
    """
    errors: list[str] = []
    _validate_types(s, errors)
    well_typed = not errors
    _validate_choices(s, errors)
    _validate_maps(s, errors)
    for prefix in ("SESSION", "CSRF"):
        same_site = getattr(s, f"{prefix}_COOKIE_SAMESITE")
        if same_site == "None" and not (getattr(s, f"{prefix}_COOKIE_SECURE") or s.SECURE_COOKIES):
            errors.append(
                f"{prefix}_COOKIE_SAMESITE 'None' needs {prefix}_COOKIE_SECURE to be True."
            )
    # The rules for production compare values, which needs them to be of the right kind.
    if is_production(env) and well_typed:
        validate_production(s, errors)
    if errors:
        raise SettingsValidationError(errors)


def _validate_choices(s: Settings, errors: list[str]) -> None:
    for name, allowed in CHOICES.items():
        _check_choice(name, getattr(s, name), allowed, errors)
    if str(s.LOG_LEVEL).upper() not in LOG_LEVELS:
        errors.append(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {s.LOG_LEVEL!r}.")
    if not _is_time_zone(s.TIME_ZONE):
        errors.append(
            f"TIME_ZONE {s.TIME_ZONE!r} is not a known time zone such as 'UTC' or 'Europe/Vienna'."
        )


def _check_choice(name: str, value: Any, allowed: Collection[str], errors: list[str]) -> None:
    if value not in allowed:
        errors.append(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")


def _is_time_zone(name: Any) -> bool:
    if name == "UTC":
        return True
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (
        Exception
    ):  # A missing key, a path that leads outside or a wrong type: all mean the same here.
        return False
    return True


def _validate_types(s: Settings, errors: list[str]) -> None:
    for name, default in _DEFAULTS.items():
        value: Any = getattr(s, name)
        for kind, accepted, words in KINDS:
            if isinstance(default, kind):
                if not isinstance(value, accepted) or (
                    kind is tuple and not _holds_strings(name, value)
                ):
                    shown = type(value).__name__ if is_sensitive(name) else repr(value)
                    errors.append(f"{name} must be {words}, not {shown}.")
                break


def _holds_strings(name: str, values: Any) -> bool:
    # A router may be given as an object.
    return name == "DATABASE_ROUTERS" or all(isinstance(value, str) for value in values)


_DEFAULTS: dict[str, Any] = Settings().as_dict(mask_sensitive=False)


def _validate_maps(s: Settings, errors: list[str]) -> None:
    # The values are the project's: whatever the annotations promise, they may be anything.
    databases: Any = s.DATABASES
    email: Any = s.EMAIL
    if isinstance(databases, dict) and "default" not in databases:
        errors.append("DATABASES must have an entry 'default'.")
    if isinstance(email, dict) and email.get("use_tls") and email.get("use_ssl"):
        errors.append("EMAIL: 'use_tls' and 'use_ssl' exclude each other.")


def validate_production(s: Settings, errors: list[str]) -> None:
    """Add the violations of the rules for production."""
    if s.DEBUG:
        errors.append("DEBUG must be False in production.")
    if is_insecure_secret_key(s.SECRET_KEY):
        errors.append("SECRET_KEY must be set in production.")
    elif len(s.SECRET_KEY) < MIN_SECRET_KEY_LENGTH:
        errors.append(
            f"SECRET_KEY must have at least {MIN_SECRET_KEY_LENGTH} characters in production."
        )
    validate_production_security(s, errors)
    validate_production_cookies(s, errors)
    validate_production_api(s, errors)


def validate_production_security(s: Settings, errors: list[str]) -> None:
    """Add the violations that concern transport and hosts."""
    if not s.SECURE_SSL_REDIRECT:
        errors.append("SECURE_SSL_REDIRECT must be True in production.")
    if s.SECURE_HSTS_SECONDS < MIN_HSTS_SECONDS:
        errors.append(f"SECURE_HSTS_SECONDS must be at least {MIN_HSTS_SECONDS} in production.")
    if not s.ALLOWED_HOSTS or "*" in s.ALLOWED_HOSTS:
        errors.append(
            "ALLOWED_HOSTS must name the hosts in production; it must not be empty or hold '*'."
        )


def validate_production_cookies(s: Settings, errors: list[str]) -> None:
    """Add the violations that concern cookies."""
    for name in ("SECURE_COOKIES", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
        if not getattr(s, name):
            errors.append(f"{name} must be True in production.")


def validate_production_api(s: Settings, errors: list[str]) -> None:
    """Add the violations that concern the public interface."""
    if s.OPENAPI.get("enabled", True):
        errors.append("OPENAPI['enabled'] must be False in production.")
    if "*" in s.CORS_ALLOWED_HEADERS:
        errors.append("CORS_ALLOWED_HEADERS must not hold '*' in production.")
