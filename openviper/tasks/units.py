"""Numbers that callers give, checked: milliseconds, which may also be a `timedelta`, and whole numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MAX_MS = 10 * 366 * 86_400_000
"""Ten years: nothing that is waited for is further away, and every sum of two such times can be computed."""

CLOCK_ACCIDENT = 3600.0
"""Seconds by which a moment that has passed may lie ahead; one that lies further was noted by a clock that was wrong."""

Duration = int | float | timedelta
"""Milliseconds, or a `timedelta`."""


def to_ms(name: str, value: object, *, least: float = 0) -> float:
    """Return a duration in milliseconds.

    Args:
        name: What the caller knows it by, for messages.
        value: Milliseconds, or a `timedelta`.
        least: The smallest one that makes sense, in milliseconds.

    Raises:
        TypeError: If it is neither a number nor a `timedelta`.
        ValueError: If it is not finite, smaller than `least`, or longer than ten years.
    """
    ms = _in_ms(name, value)
    if ms < 0:
        raise ValueError(f"{name}={short_repr(value)} is negative")
    if not least <= ms <= MAX_MS:
        raise ValueError(f"{name}={short_repr(value)} must be from {least:g} ms to ten years")
    return ms


def to_optional_ms(name: str, value: Duration | None) -> float | None:
    """Return a duration of at least a millisecond as `to_ms` does, or `None` for none."""
    return None if value is None else to_ms(name, value, least=1)


def _in_ms(name: str, value: object) -> float:
    if isinstance(value, timedelta):
        return value / timedelta(milliseconds=1)
    if isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        # A whole number may be too large for a float.
        return float(max(-1, min(value, 2 * MAX_MS)))
    raise TypeError(f"{name}={value!r} must be milliseconds or a timedelta")


def to_count(name: str, value: object, *, least: int, most: int = 1_000_000) -> int:
    """Return a whole number.

    Raises:
        ValueError: If it is not one, or outside of the bounds.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(
            f"{name}={short_repr(value)} must be a whole number of at least {least}, at most {most}"
        )
    return value


def to_flag(name: str, value: object) -> bool:
    """Return a yes or no.

    Raises:
        TypeError: If it is neither; a text such as "no" would be a yes.
    """
    if value is not True and value is not False:
        raise TypeError(f"{name}={value!r} must be True or False")
    return value is True


def to_moment(name: str, value: object) -> float:
    """Return a moment in seconds since the epoch.

    Raises:
        TypeError: If it is not a `datetime`.
        ValueError: If it has no time zone, or is more than ten years away.
    """
    if not isinstance(value, datetime):
        raise TypeError(f"{name}={value!r} must be a datetime")
    if value.tzinfo is None:
        raise ValueError(f"{name}={value!r} has no time zone")
    if abs(value - datetime.now(UTC)) > timedelta(milliseconds=MAX_MS):
        raise ValueError(f"{name}={value!r} is more than ten years away")
    return value.timestamp()


def short_repr(value: object) -> str:
    """Return the text of a value; that of a huge number is refused by Python, or thousands of digits long."""
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    return repr(value)
