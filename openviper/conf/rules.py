"""Rules for the value of one setting: each takes it and returns what is wrong with it, or `None`."""

from __future__ import annotations

from datetime import timedelta

from openviper.conf.declaration import Check

LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")


def more_than(bound: float) -> Check:
    """Return the rule that a number is above `bound`."""

    def check(value: float) -> str | None:
        return None if value > bound else f"must be more than {bound}"

    return check


def at_least(least: int) -> Check:
    """Return the rule that a number is not below `least`; `None`, where it is allowed, passes."""

    def check(value: float | None) -> str | None:
        return f"must be at least {least}" if value is not None and value < least else None

    return check


def log_level(value: str) -> str | None:
    """Demand the name of a level, in any case."""
    if value.upper() in LOG_LEVELS:
        return None
    return f"must be one of {', '.join(LOG_LEVELS)}"


def time_zone(value: str) -> str | None:
    """Demand the name of a time zone that this machine knows."""
    if value == "UTC":
        return None  # Known everywhere, and asked at each start.
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (LookupError, OSError, ValueError):  # Unknown, a folder, or a path that leads outside.
        return "must be a known time zone such as 'UTC' or 'Europe/Vienna'"
    return None


def positive_time(value: timedelta) -> str | None:
    """Demand a duration of at least a second."""
    return None if value >= timedelta(seconds=1) else "must be at least a second"


SESSION_STORES = ("database", "cookie", "redis", "memory")


def session_store(value: str) -> str | None:
    """Demand the word for a store, or a dotted path."""
    if value in SESSION_STORES or "." in value:
        return None
    return f"must be one of {', '.join(SESSION_STORES)}, or the dotted path of a store"
