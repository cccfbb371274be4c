"""Settings from environment variables: ``OPENVIPER_<FIELD>``, or else the bare ``<FIELD>``."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from openviper.conf.base import Settings, is_sensitive
from openviper.conf.declaration import declaration
from openviper.conf.types import EnvValue
from openviper.exceptions import SettingsValidationError
from openviper.utils.importing import lazy_pattern

S = TypeVar("S", bound=Settings)

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})
LIST_FORM = """as a,b or as ["a", "b"]"""
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
    """Return the parts of a list: ``a, b`` split at commas, trimmed, or a list in JSON: ``["a", "b"]``.

    Raises:
        ValueError: If it looks like a list in another notation.
    """
    text = raw.strip()
    if text.startswith("[") and '"' in text:
        return _parse_json_list(text)
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if any(_looks_quoted(part) for part in parts):
        raise ValueError(f"is not a list; write it {LIST_FORM}")
    return parts


def _parse_json_list(text: str) -> tuple[str, ...]:
    import json

    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, list) or not all(isinstance(part, str) for part in parsed):
        raise ValueError(f"is not a list of strings; write it {LIST_FORM}")
    return tuple(parsed)


def _looks_quoted(part: str) -> bool:
    # An IPv6 address stands in brackets of its own: [::1].
    if part.startswith("[") and part.endswith("]") and ":" in part:
        return False
    return part[0] in "[({'\"" or part[-1] in "])}'\""


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
    "timedelta": timedelta,
    "tuple": tuple,
    "list": list,
    "str": str,
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
    # The value is None, so the annotation (mostly text, as annotations are postponed) says what else it may be.
    if not raw.strip():
        return None
    names = _names_in(field.type)
    # Text last: it takes whatever it is given.
    for name in _ANNOTATIONS:
        if name in names:
            return ENV_CASTERS[_ANNOTATIONS[name]](raw)
    if names & {"Any", "object"}:
        return raw
    raise TypeError(f"cannot become {field.type}; set it in the settings module")


_BRACKETS = lazy_pattern(r"\[[^\[\]]*\]")


def _names_in(annotation: object) -> set[str]:
    """Return the names of the types of a union, without their modules and what stands in their brackets."""
    text = str(annotation).replace(" ", "")
    optional = re.fullmatch(r"(?:\w+\.)*(?:Optional|Union)\[(.*)\]", text)
    if optional is not None:
        text = optional[1]
    while _BRACKETS.search(text):
        text = _BRACKETS.sub("", text)
    return {name.rpartition(".")[2] for name in re.split(r"[|,]", text)}


def is_overridable(field: dataclasses.Field[Any], current: Any) -> bool:
    """Return whether a setting with this present value can come from the environment."""
    return field.name.isupper() and declaration(field).env and not isinstance(current, dict)


def _variable(name: str) -> str | None:
    prefixed = f"OPENVIPER_{name}"
    if prefixed in os.environ:
        return prefixed
    # VERSION, which a project may declare, is too common a name to mean ours.
    return name if name in os.environ and name != "VERSION" else None


def apply_env_overrides(instance: S) -> S:
    """Return the settings with the values that the environment gives.

    ``OPENVIPER_DATABASE_URL`` replaces the URL of the default database; ``DATABASE_URL``, which may be another program's, only
    fills an empty one.

    Raises:
        SettingsValidationError: If a value does not fit its field; names the variable, never a secret value.
    """
    changes = _given_values(instance)
    databases = _with_default_url(
        instance.DATABASES,
        changes.get("DATABASE_URL", instance.DATABASE_URL),
        replace="OPENVIPER_DATABASE_URL" in os.environ,
    )
    if databases is not None:
        changes["DATABASES"] = databases
    return dataclasses.replace(instance, **changes) if changes else instance


def _given_values(instance: Settings) -> dict[str, Any]:
    """Return the values that differ from the present ones, by name."""
    errors: list[str] = []
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(instance):
        current = getattr(instance, field.name)
        try:
            value = _given_value(field, current)
        except SettingsValidationError as error:
            errors += error.errors
            continue
        if value != current:
            changes[field.name] = value
    if errors:
        raise SettingsValidationError(errors)
    return changes


def _given_value(field: dataclasses.Field[Any], current: Any) -> Any:
    """Return what the environment gives for a field, else the present value."""
    if not is_overridable(field, current):
        _refuse_given(field.name)
        return current
    variable = _variable(field.name)
    return current if variable is None else _cast_variable(field, current, variable)


def _refuse_given(name: str) -> None:
    """Refuse a variable for a setting that is not text."""
    if name.isupper() and f"OPENVIPER_{name}" in os.environ:
        raise SettingsValidationError([_not_text(name)])


def _cast_variable(field: dataclasses.Field[Any], current: Any, variable: str) -> Any:
    raw = os.environ[variable]
    try:
        return _cast_field(field, current, raw)
    except (ValueError, TypeError) as error:
        shown = "its value" if is_sensitive(field.name) else repr(raw)
        problem = f"environment variable {variable}: {shown} {error}"
        raise SettingsValidationError([problem]) from None


def _not_text(name: str) -> str:
    return (
        f"environment variable OPENVIPER_{name}: {name} is not text and cannot be given there; "
        "set it in the settings module, from os.environ if need be"
    )


def _with_default_url(databases: Any, url: str, *, replace: bool) -> dict[str, Any] | None:
    if not url or not isinstance(databases, dict):
        return None
    default = databases.get("default") or {}
    options = default.get("OPTIONS") or {}
    has_url = bool(options.get("URL") or default.get("URL"))
    if has_url and not replace:
        return None
    return {**databases, "default": {**default, "OPTIONS": {**options, "URL": url}}}
