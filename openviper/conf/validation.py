"""Checking settings: every rule is tried before any error is raised."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from openviper.conf.base import Settings, is_sensitive
from openviper.conf.declaration import declaration
from openviper.conf.production import validate_production
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
        errors += _map_errors(s)
        if is_production(env):
            validate_production(s, errors)
    if errors:
        raise SettingsValidationError(errors)


def _field_errors(s: Settings, field: dataclasses.Field[Any]) -> Iterator[str]:
    value = getattr(s, field.name)
    wrong = _type_error(field, value)
    if wrong is not None:
        shown = type(value).__name__ if is_sensitive(field.name) else repr(value)
        yield f"{field.name} {wrong}, not {shown}."
        return
    declared = declaration(field)
    if declared.choices and value not in declared.choices:
        yield f"{field.name} must be one of {', '.join(declared.choices)}, not {value!r}."
    problem = declared.check(value) if declared.check is not None else None
    if problem is not None:
        yield f"{field.name} {problem}, not {value!r}."


def _type_error(field: dataclasses.Field[Any], value: Any) -> str | None:
    """Return "must be ..." unless the value has the declared type; annotations are text here."""
    name, _, rest = str(field.type).replace(" ", "").partition("|")
    if value is None and rest == "None":
        return None
    accepted = ACCEPTED[name.partition("[")[0]]
    is_wrong_number = isinstance(value, bool) and accepted.types[0] is int
    if is_wrong_number or not isinstance(value, accepted.types):
        return f"must be {accepted.words}"
    if name.startswith("tuple") and not _holds_strings(field.name, value):
        return f"must be {accepted.words}"
    return None


def _holds_strings(name: str, values: Any) -> bool:
    # A router may be given as an object.
    return name == "DATABASE_ROUTERS" or all(isinstance(value, str) for value in values)


def _map_errors(s: Settings) -> Iterator[str]:
    if "default" not in s.DATABASES:
        yield "DATABASES must have an entry 'default'."
    if s.EMAIL.get("use_tls") and s.EMAIL.get("use_ssl"):
        yield "EMAIL: 'use_tls' and 'use_ssl' exclude each other."
