"""Periodic jobs: functions that the scheduler sends again and again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from openviper.tasks.actors import Registry
from openviper.tasks.registry import ScheduleEntry

F = TypeVar("F", bound=Callable[..., Any])

_INTERVAL = re.compile(r"(\d+)\s?([smhd])\Z", re.IGNORECASE | re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_interval(every: str | int) -> int:
    """Return an interval in seconds.

    Args:
        every: Seconds, or a number with the unit ``s``, ``m``, ``h`` or ``d``, such as ``"5m"``.

    Raises:
        ValueError: If it cannot be understood or is not positive.
    """
    if isinstance(every, int) and not isinstance(every, bool):
        seconds = every
    else:
        match = _INTERVAL.match(every.strip()) if isinstance(every, str) else None
        if match is None:
            raise ValueError(
                f"interval {every!r} is not a number of seconds or a text such as '30s', '5m', '1h', '2d'"
            )
        seconds = int(match[1]) * _UNITS[match[2].lower()]
    if seconds <= 0:
        raise ValueError(f"interval {every!r} is not positive")
    return seconds


def periodic(
    *,
    cron: str | None = None,
    every: str | int | None = None,
    startup: bool = False,
    retries: int = 3,
) -> Callable[[F], F]:
    """Have the scheduler send a function again and again.

    Args:
        cron: A cron expression in the project's time zone.
        every: An interval, see `parse_interval`; exactly one of the two is given.
        startup: Also once when the workers start.
        retries: Runs after the first failure.

    Raises:
        ValueError: If neither or both are given, one cannot be understood, or a job has the name already.
    """
    if (cron is None) == (every is None):
        raise ValueError("periodic() takes either cron or every")
    seconds = None if every is None else parse_interval(every)
    text = str(seconds)
    if cron is not None:
        from openviper.tasks.schedule.cron import parse_cron

        text = parse_cron(cron).text

    def decorate(fn: F) -> F:
        from openviper.tasks.actors import Actor

        function = fn.fn if isinstance(fn, Actor) else fn
        name = (
            fn.actor_name
            if isinstance(fn, Actor)
            else f"{function.__module__}.{function.__qualname__}"
        )
        entry: ScheduleEntry = {
            "name": name,
            "schedule": text,
            "cron": cron,
            "every": seconds,
            "startup": startup,
            "retries": retries,
            "app_label": _app_label(function.__module__),
        }
        Registry.add_schedule(entry)
        if isinstance(fn, Actor):
            fn.max_retries = retries
            return fn
        Registry.register_actor(Actor(function, max_retries=retries))
        # An @actor above this decorator makes an actor of its own, which takes this one's place.
        vars(function)["__periodic_options__"] = {"max_retries": retries}
        return fn

    return decorate


def _app_label(module: str) -> str:
    parts = module.split(".")
    return parts[-2] if len(parts) > 1 else parts[0]
