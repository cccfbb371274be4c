"""Settings from environment variables: ``OPENVIPER_<FIELD>``, or else the bare ``<FIELD>``."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from openviper.conf.base import Settings, is_sensitive
from openviper.conf.types import EnvValue
from openviper.exceptions import SettingsValidationError

S = TypeVar("S", bound=Settings)

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def cast_bool(raw: str) -> bool:
    """Return the truth of a word.

    Raises:
        ValueError: If it is none of ``1 true yes on 0 false no off`` in any case, or empty.
    """
    word = raw.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("is not one of 1, true, yes, on, 0, false, no, off")


def cast_tuple(raw: str) -> tuple[str, ...]:
    """Split at commas; parts are trimmed and empty ones dropped."""
    return tuple(part.strip() for part in raw.split(",") if part.strip())


def cast_timedelta(raw: str) -> timedelta:
    """Return a duration given in seconds, or as ``90s``, ``15m``, ``12h``, ``7d``.

    Raises:
        ValueError: If it is neither.
    """
    text = raw.strip()
    unit = UNITS.get(text[-1:].lower())
    try:
        return timedelta(seconds=float(text[:-1] if unit else text) * (unit or 1))
    except (ValueError, OverflowError):
        raise ValueError("is not a duration such as 90, 90s, 15m, 12h or 7d") from None


def _cast_int(raw: str) -> int:
    try:
        return int(raw.strip())
    except ValueError:
        raise ValueError("is not a whole number") from None


def _cast_float(raw: str) -> float:
    try:
        return float(raw.strip())
    except ValueError:
        raise ValueError("is not a number") from None


ENV_CASTERS: dict[type, Callable[[str], EnvValue]] = {
    bool: cast_bool,
    int: _cast_int,
    float: _cast_float,
    str: str,
    tuple: cast_tuple,
    list: lambda raw: list(cast_tuple(raw)),
    timedelta: cast_timedelta,
}
"""What turns text into a value, by the type of the present one."""

_ANNOTATIONS: dict[str, type] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "timedelta": timedelta,
}


def cast_env_value(current: Any, raw: str) -> EnvValue:
    """Convert text to the type of the present value.

    Raises:
        ValueError: If the text does not fit.
        TypeError: If values of this type cannot come from the environment.
    """
    for kind in type(current).__mro__:
        caster = ENV_CASTERS.get(kind)
        if caster is not None:
            return caster(raw)
    raise TypeError(f"a {type(current).__name__} cannot be set from the environment")


def _cast_field(field: dataclasses.Field[Any], current: Any, raw: str) -> EnvValue:
    if current is not None:
        return cast_env_value(current, raw)
    # The value is None, so the annotation (text, as annotations are postponed) says what else it may be.
    if not raw.strip():
        return None
    for name in str(field.type).replace(" ", "").split("|"):
        if name in _ANNOTATIONS:
            return ENV_CASTERS[_ANNOTATIONS[name]](raw)
    return raw


def is_overridable(field: dataclasses.Field[Any], current: Any) -> bool:
    """Tell whether a setting with this present value can come from the environment."""
    return (
        field.name.isupper() and field.metadata.get("env", True) and not isinstance(current, dict)
    )


def _variable(name: str) -> str | None:
    prefixed = f"OPENVIPER_{name}"
    if prefixed in os.environ:
        return prefixed
    # VERSION is too common a name to mean ours.
    return name if name in os.environ and name != "VERSION" else None


def apply_env_overrides(instance: S) -> S:
    """Return the settings with the values that the environment gives.

    ``OPENVIPER_DATABASE_URL`` replaces the URL of the default database; ``DATABASE_URL``, which may be another program's, only
    fills an empty one.

    Raises:
        SettingsValidationError: If a value does not fit its field; names the variable, never a secret value.
    """
    changes: dict[str, Any] = {}
    errors: list[str] = []
    for field in dataclasses.fields(instance):
        current = getattr(instance, field.name)
        if not is_overridable(field, current):
            if field.name.isupper() and f"OPENVIPER_{field.name}" in os.environ:
                errors.append(
                    f"environment variable OPENVIPER_{field.name}: {field.name} is not text and cannot be given there; "
                    "set it in the settings module, from os.environ if need be"
                )
            continue
        variable = _variable(field.name)
        if variable is None:
            continue
        raw = os.environ[variable]
        try:
            changes[field.name] = _cast_field(field, current, raw)
        except (ValueError, TypeError) as error:
            shown = "its value" if is_sensitive(field.name) else repr(raw)
            errors.append(f"environment variable {variable}: {shown} {error}")
    if errors:
        raise SettingsValidationError(errors)
    changes = {name: value for name, value in changes.items() if value != getattr(instance, name)}
    url = changes.get("DATABASE_URL", instance.DATABASE_URL)
    databases = _with_default_url(
        instance.DATABASES, url, replace="OPENVIPER_DATABASE_URL" in os.environ
    )
    if databases is not None:
        changes["DATABASES"] = databases
    return dataclasses.replace(instance, **changes) if changes else instance


def _with_default_url(databases: Any, url: str, *, replace: bool) -> dict[str, Any] | None:
    if not url or not isinstance(databases, dict):
        return None
    default = databases.get("default") or {}
    options = default.get("OPTIONS") or {}
    if not replace and (options.get("URL") or default.get("URL")):
        return None
    return {**databases, "default": {**default, "OPTIONS": {**options, "URL": url}}}
