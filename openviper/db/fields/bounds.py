"""Numbers that the options of fields are, checked where they are written."""

from __future__ import annotations


def whole_number(name: str, value: object, *, least: int = 1) -> int:
    """Return an option that has to be a whole number: it becomes part of a column's type.

    Raises:
        ValueError: If it is not one, or below the least.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name}={value!r} is not a whole number")
    if value < least:
        wanted = "positive" if least == 1 else f"at least {least}"
        raise ValueError(f"{name}={value!r} is not {wanted}")
    return value
