"""Periodic jobs: functions that the scheduler sends again and again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from openviper.tasks.actors import Actor, Registry
from openviper.tasks.message import encode_arguments
from openviper.tasks.registry import Overlap, ScheduleEntry
from openviper.tasks.schedule.cron import parse_cron
from openviper.tasks.sending import as_arguments, as_named_arguments
from openviper.tasks.units import Duration, to_count, to_flag, to_ms

F = TypeVar("F", bound=Callable[..., Any])

_INTERVAL = re.compile(r"(\d{1,12})\s?([smhd])\Z", re.IGNORECASE | re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MAX_INTERVAL = 10 * 366 * 86_400
"""Seconds: ten years."""
OVERLAPS = ("skip", "queue", "allow")


def _seconds(every: object) -> int:
    match = _INTERVAL.match(every.strip()) if isinstance(every, str) else None
    if match is None:
        raise ValueError(
            f"interval {every!r} is not a number of seconds or a text such as '30s', '5m', '1h', '2d'"
        )
    return int(match[1]) * _UNITS[match[2].lower()]


def parse_interval(every: str | int) -> int:
    """Return an interval in seconds.

    Args:
        every: Seconds, or a number with the unit ``s``, ``m``, ``h`` or ``d``, such as ``"5m"``.

    Raises:
        ValueError: If it cannot be understood, is not positive, or is longer than ten years.
    """
    is_number = isinstance(every, int) and not isinstance(every, bool)
    seconds = int(every) if is_number else _seconds(every)
    if seconds <= 0:
        raise ValueError(f"interval {every!r} is not positive")
    if seconds > MAX_INTERVAL:
        raise ValueError("an interval is ten years at most")
    return seconds


def make_entry(
    name: str,
    actor_name: str,
    *,
    cron: object = None,
    every: str | int | None = None,
    startup: bool = False,
    retries: int | None = None,
    app_label: str = "",
    timezone: str | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    jitter: Duration = 0,
    overlap: Overlap = "skip",
    queue_name: str | None = None,
) -> ScheduleEntry:
    """Return a periodic job, checked.

    Raises:
        ValueError: If neither or both of `cron` and `every` are given, or a value cannot be used.
        TypeError: If the arguments cannot be written as JSON.
    """
    if (cron is None) == (every is None):
        raise ValueError("a periodic job takes either cron or every")
    if overlap not in OVERLAPS:
        raise ValueError(f"overlap={overlap!r} must be one of {', '.join(OVERLAPS)}")
    seconds = None if every is None else parse_interval(every)
    if not isinstance(cron, (str, type(None))):
        raise ValueError(f"cron expression {cron!r} is not a text")
    expression = None if cron is None else parse_cron(cron).text
    arguments, named = as_arguments(args), as_named_arguments(kwargs)
    encode_arguments(name, arguments, named)
    return ScheduleEntry(
        name,
        actor_name,
        schedule=str(seconds) if expression is None else expression,
        cron=expression,
        every=seconds,
        startup=to_flag("startup", startup),
        retries=None if retries is None else to_count("retries", retries, least=0),
        app_label=app_label,
        timezone=_checked_zone(timezone, cron),
        args=arguments,
        kwargs=dict(named),
        jitter_ms=to_ms("jitter", jitter),
        overlap=overlap,
        queue_name=queue_name,
    )


def _checked_zone(name: str | None, cron: object) -> str | None:
    if name is None:
        return None
    if cron is None:
        raise ValueError("an interval has no time zone")
    # Late: it takes 10 ms, which a worker without time zones of its own does not need before its first task.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name).key
    except (LookupError, ValueError, OSError, TypeError) as error:
        raise ValueError(f"timezone={name!r} is not known") from error


def periodic(
    *,
    cron: str | None = None,
    every: str | int | None = None,
    startup: bool = False,
    retries: int | None = None,
    timezone: str | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    jitter: Duration = 0,
    overlap: Overlap = "skip",
) -> Callable[[F], F]:
    """Have the scheduler send a function again and again.

    Args:
        cron: A cron expression, or a nickname such as ``@daily``.
        every: An interval, see `parse_interval`; exactly one of the two is given.
        startup: Also once when the workers start.
        retries: Runs after the first failure; those of the actor when not given.
        timezone: The time zone of `cron`, such as ``"Europe/Berlin"``; the project's when not given.
        args: Positional arguments.
        kwargs: Keyword arguments.
        jitter: Each start is put off by a random time up to this one, in milliseconds or as a `timedelta`.
        overlap: What happens when it is due while an earlier run is queued or running: ``"skip"`` leaves it out,
            ``"queue"`` runs it afterwards, ``"allow"`` runs both at the same time.

    Raises:
        ValueError: If a value cannot be used, or a job has the name already.
        TypeError: If the function cannot be called so, or the arguments cannot be written as JSON.
    """
    # Values that cannot work are an error where they are written.
    options: dict[str, Any] = {
        "cron": cron,
        "every": every,
        "startup": startup,
        "retries": retries,
        "timezone": timezone,
        "jitter": jitter,
        "overlap": overlap,
    }
    make_entry("", "", **options)
    arguments, named = as_arguments(args), as_named_arguments(kwargs)

    def decorate(fn: F) -> F:
        own: dict[str, Any] = {} if retries is None else {"max_retries": retries}
        actor = fn if isinstance(fn, Actor) else Actor(fn, **own)
        actor.check_overlap(overlap)
        sent_args, sent_kwargs = actor.sent(arguments, named)
        label = _app_label(actor.fn.__module__)
        name = actor.actor_name
        Registry.add_schedule(
            make_entry(name, name, app_label=label, args=sent_args, kwargs=sent_kwargs, **options)
        )
        if isinstance(fn, Actor):
            fn.max_retries = fn.max_retries if retries is None else retries
            return fn
        Registry.register_actor(actor)
        # An @actor above this decorator makes an actor of its own, which takes this one's place.
        vars(fn)["__periodic_options__"] = own
        return fn

    return decorate


def _app_label(module: str) -> str:
    parts = module.split(".")
    return parts[-2] if len(parts) > 1 else parts[0]
