"""Neutral column types and which changes between them are safe."""

from __future__ import annotations

import re

from openviper.exceptions import MigrationError

_ARGUMENTS = re.compile(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")

_INTEGERS = {"SMALLINT": 1, "INTEGER": 2, "BIGINT": 3}
_TEXTS = {"VARCHAR", "STRING", "TEXT"}
_NON_TEXTS = {
    "INTEGER", "BIGINT", "SMALLINT", "REAL", "FLOAT", "NUMERIC", "BOOLEAN",
    "DATETIME", "DATE", "TIME", "UUID", "JSON", "BINARY",
}  # fmt: skip
_REJECTED: dict[str, set[str]] = {
    **dict.fromkeys(
        _INTEGERS, _TEXTS | {"BOOLEAN", "UUID", "DATE", "DATETIME", "TIME", "BINARY", "JSON"}
    ),
    **dict.fromkeys(("REAL", "FLOAT"), {*_INTEGERS, "BOOLEAN", "UUID", "DATE", "DATETIME", "TIME"}),
    "NUMERIC": {*_INTEGERS, "BOOLEAN"},
    **dict.fromkeys(_TEXTS, _NON_TEXTS),
    "DATETIME": {"DATE", "TIME", *_INTEGERS, "REAL", "FLOAT", "NUMERIC", "UUID"},
    "DATE": _NON_TEXTS - {"DATE", "DATETIME"},
    "TIME": _NON_TEXTS - {"TIME"},
    "BOOLEAN": {"DATE", "DATETIME", "TIME", "UUID", "JSON", "BINARY"},
    "UUID": _NON_TEXTS - {"UUID"},
    "JSON": _NON_TEXTS - {"JSON"},
    "BINARY": _NON_TEXTS - {"BINARY"},
}


def base_type(neutral_type: str) -> str:
    """Return the part before the parenthesis in upper case; arrays keep their ``[]``."""
    array = "[]" if neutral_type.endswith("[]") else ""
    return neutral_type.removesuffix("[]").partition("(")[0].strip().upper() + array


def type_arguments(neutral_type: str) -> tuple[int | None, int | None]:
    """Return length or precision, and scale."""
    match = _ARGUMENTS.search(neutral_type)
    if match is None:
        return None, None
    return int(match[1]), None if match[2] is None else int(match[2])


def is_rejected(old: str, new: str) -> bool:
    """Tell whether a change of type needs ``--force``."""
    old_base, new_base = base_type(old), base_type(new)
    if old_base == new_base:
        return False
    if old_base.endswith("[]") or new_base.endswith("[]"):
        return True
    return new_base in _REJECTED.get(old_base, ())


def is_narrowing(old: str, new: str) -> bool:
    """Tell whether values of the old type may not fit the new one although the change is allowed."""
    old_base, new_base = base_type(old), base_type(new)
    (old_size, old_scale), (new_size, new_scale) = type_arguments(old), type_arguments(new)
    if old_base in _INTEGERS and new_base in _INTEGERS:
        return _INTEGERS[new_base] < _INTEGERS[old_base]
    if old_base in ("REAL", "FLOAT"):
        return new_base == "NUMERIC"
    if old_base == "NUMERIC":
        if new_base != "NUMERIC":
            return new_base in ("REAL", "FLOAT")
        # A bare NUMERIC of an old file says nothing about its digits.
        if None in (old_size, new_size):
            return False
        old_places, new_places = old_scale or 0, new_scale or 0
        assert old_size is not None and new_size is not None
        return (
            new_places < old_places
            or new_size - new_places < old_size - old_places
            or new_size < old_size
        )
    if old_base in _TEXTS and new_base in _TEXTS:
        if old_base == "TEXT" or (old_base == "VARCHAR" and new_base == "STRING"):
            return new_base != "TEXT"
        return old_size is not None and new_size is not None and new_size < old_size
    return False


def validate_type_change(old: str, new: str, *, force: bool = False) -> str | None:
    """Judge a change of a column's type.

    Args:
        old: The neutral type of the schema file.
        new: The neutral type of the model.
        force: Accept what would be rejected.

    Returns:
        A warning when values may not fit, else `None`.

    Raises:
        MigrationError: If the change is not safe and `force` is not set.
    """
    if is_rejected(old, new):
        if not force:
            raise MigrationError(
                f"type change from {old!r} to {new!r} is not safe; --force permits it"
            )
        return f"type changes from {old} to {new} by force; `migrate` stops if a value cannot be converted"
    if is_narrowing(old, new):
        return f"type narrows from {old} to {new}; `migrate` stops if a value does not fit"
    return None
