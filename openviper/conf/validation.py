"""The rules that settings have to keep, all checked before any error is raised."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from openviper.conf.base import Settings
from openviper.exceptions import SettingsValidationError

INSECURE_SECRET_KEYS = frozenset({"", "INSECURE-CHANGE-ME", "dev-insecure-key"})
INSECURE_JWT_ALGORITHMS = frozenset({"none"})
JWT_ALGORITHMS = tuple(f"{family}{size}" for family in ("HS", "RS", "ES") for size in (256, 384, 512))
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
    _validate_choices(s, errors)
    _validate_types(s, errors)
    _validate_maps(s, errors)
    for prefix in ("SESSION", "CSRF"):
        same_site = getattr(s, f"{prefix}_COOKIE_SAMESITE")
        if same_site == "None" and not (getattr(s, f"{prefix}_COOKIE_SECURE") or s.SECURE_COOKIES):
            errors.append(f"{prefix}_COOKIE_SAMESITE 'None' needs {prefix}_COOKIE_SECURE to be True.")
    if is_production(env):
        validate_production(s, errors)
    if errors:
        raise SettingsValidationError(errors)


def _validate_choices(s: Settings, errors: list[str]) -> None:
    for name, allowed in CHOICES.items():
        _check_choice(name, getattr(s, name), allowed, errors)
    if str(s.LOG_LEVEL).upper() not in LOG_LEVELS:
        errors.append(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {s.LOG_LEVEL!r}.")
    if not _is_time_zone(s.TIME_ZONE):
        errors.append(f"TIME_ZONE {s.TIME_ZONE!r} is not a known time zone such as 'UTC' or 'Europe/Vienna'.")


def _check_choice(name: str, value: Any, allowed: Collection[str], errors: list[str]) -> None:
    if value not in allowed:
        errors.append(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")


def _is_time_zone(name: Any) -> bool:
    if name == "UTC":
        return True
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except Exception:  # A missing key, a path that leads outside or a wrong type: all mean the same here.
        return False
    return True


def _validate_types(s: Settings, errors: list[str]) -> None:
    for name in s.__dataclass_fields__:
        default = _DEFAULTS.get(name)
        value = getattr(s, name)
        if isinstance(default, tuple):
            if isinstance(value, str) or not isinstance(value, (tuple, list)):
                errors.append(f"{name} must be a tuple of strings, not {type(value).__name__}.")
        elif isinstance(default, bool) and not isinstance(value, (bool, int)):
            errors.append(f"{name} must be True or False, not {value!r}.")


_DEFAULTS: dict[str, Any] = Settings().as_dict(mask_sensitive=False)


def _validate_maps(s: Settings, errors: list[str]) -> None:
    # The values are the project's: whatever the annotations promise, they may be anything.
    databases: Any = s.DATABASES
    email: Any = s.EMAIL
    if not isinstance(databases, dict) or "default" not in databases:
        errors.append("DATABASES must be a mapping with an entry 'default'.")
    if not isinstance(email, dict):
        errors.append(f"EMAIL must be a mapping, not {type(email).__name__}.")
    elif email.get("use_tls") and email.get("use_ssl"):
        errors.append("EMAIL: 'use_tls' and 'use_ssl' exclude each other.")


def validate_production(s: Settings, errors: list[str]) -> None:
    """Add the violations of the rules for production."""
    if s.DEBUG:
        errors.append("DEBUG must be False in production.")
    if is_insecure_secret_key(s.SECRET_KEY):
        errors.append("SECRET_KEY must be set in production.")
    elif len(s.SECRET_KEY) < MIN_SECRET_KEY_LENGTH:
        errors.append(f"SECRET_KEY must have at least {MIN_SECRET_KEY_LENGTH} characters in production.")
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
        errors.append("ALLOWED_HOSTS must name the hosts in production; it must not be empty or hold '*'.")


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
