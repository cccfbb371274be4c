"""Neutral column types and which changes between them are safe."""

from __future__ import annotations

from collections.abc import Callable

from openviper.exceptions import MigrationError
from openviper.utils.importing import lazy_pattern

_ARGUMENTS = lazy_pattern(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")

_INTEGERS = {"SMALLINT": 1, "INTEGER": 2, "BIGINT": 3}
_WIDEST = 3
_FLOATS = ("REAL", "FLOAT")
_TEXTS = {"VARCHAR", "STRING", "TEXT"}
_NON_TEXTS = {
    "INTEGER", "BIGINT", "SMALLINT", "REAL", "FLOAT", "NUMERIC", "BOOLEAN",
    "DATETIME", "DATE", "TIME", "UUID", "JSON", "BINARY",
}  # fmt: skip
_REJECTED: dict[str, set[str]] = {
    **dict.fromkeys(
        _INTEGERS, _TEXTS | {"BOOLEAN", "UUID", "DATE", "DATETIME", "TIME", "BINARY", "JSON"}
    ),
    **dict.fromkeys(_FLOATS, {*_INTEGERS, "BOOLEAN", "UUID", "DATE", "DATETIME", "TIME"}),
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
    """Return whether a change of type needs ``--force``."""
    old_base, new_base = base_type(old), base_type(new)
    if old_base == new_base:
        return False
    if old_base.endswith("[]") or new_base.endswith("[]"):
        return True
    return new_base in _REJECTED.get(old_base, ())


def is_narrowing(old: str, new: str) -> bool:
    """Return whether values of the old type may not fit the new one although the change is allowed."""
    judge = _NARROWINGS.get(base_type(old))
    return judge is not None and judge(old, new)


def _narrows_integer(old: str, new: str) -> bool:
    return _INTEGERS.get(base_type(new), _WIDEST) < _INTEGERS[base_type(old)]


def _narrows_float(_old: str, new: str) -> bool:
    return base_type(new) == "NUMERIC"


def _narrows_decimal(old: str, new: str) -> bool:
    if base_type(new) != "NUMERIC":
        return base_type(new) in _FLOATS
    old_digits, new_digits = _digits(old), _digits(new)
    # A bare NUMERIC of an old file says nothing about its digits.
    if old_digits is None or new_digits is None:
        return False
    return any(after < before for before, after in zip(old_digits, new_digits, strict=True))


def _digits(neutral_type: str) -> tuple[int, int, int] | None:
    """Return all digits of a decimal type, those behind the point and those before it, or `None` if it does not say."""
    size, scale = type_arguments(neutral_type)
    places = scale or 0
    return None if size is None else (size, places, size - places)


def _narrows_text(old: str, new: str) -> bool:
    old_base, new_base = base_type(old), base_type(new)
    if new_base not in _TEXTS:
        return False
    if old_base == "TEXT" or (old_base, new_base) == ("VARCHAR", "STRING"):
        return new_base != "TEXT"
    old_size, new_size = type_arguments(old)[0], type_arguments(new)[0]
    if old_size is None or new_size is None:
        return False
    return new_size < old_size


_NARROWINGS: dict[str, Callable[[str, str], bool]] = {
    **dict.fromkeys(_INTEGERS, _narrows_integer),
    **dict.fromkeys(_FLOATS, _narrows_float),
    "NUMERIC": _narrows_decimal,
    **dict.fromkeys(_TEXTS, _narrows_text),
}


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
