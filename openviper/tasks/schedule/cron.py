"""Cron expressions: five fields, as in crontab(5).

Minute, hour, day of the month, month, day of the week; each ``*``, a number, a range, a step, or a list of these; months
and weekdays also by name. When both kinds of day are restricted, either one matches. Times are those of the wall clock of
a time zone: one that the clock skips fires at the next minute there is, one that it shows twice fires the first time.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MINUTE = timedelta(minutes=1)
HORIZON_YEARS = 9
"""Years within which an expression has to match: 29 February can be eight years away."""


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: dict[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of month", 1, 31, {}),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}),
)


class CronExpression(NamedTuple):
    """A parsed expression; weekdays count from 0 for Sunday.

    Attributes:
        either_day: Whether a day matches when the month's or the week's condition does, instead of both.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def matches_day(self, moment: datetime) -> bool:
        """Tell whether the expression can match on this day."""
        if moment.month not in self.months:
            return False
        by_month = moment.day in self.days
        by_week = moment.isoweekday() % 7 in self.weekdays
        return (by_month or by_week) if self.either_day else (by_month and by_week)

    def next_wall(self, after: datetime) -> datetime | None:
        """Return the next naive wall-clock time after another one, or `None` if there is none for years."""
        start = after.replace(second=0, microsecond=0) + _MINUTE
        day = start.replace(hour=0, minute=0)
        limit = start.year + HORIZON_YEARS
        while day.year < limit:
            if day.month not in self.months:
                # The first of the next month.
                day = day.replace(day=1) + timedelta(days=monthrange(day.year, day.month)[1])
                continue
            if self.matches_day(day):
                found = self._on_day(day, start)
                if found is not None:
                    return found
            day += timedelta(days=1)
        return None

    def _on_day(self, day: datetime, start: datetime) -> datetime | None:
        for hour in self.hours:
            for minute in self.minutes:
                moment = day.replace(hour=hour, minute=minute)
                if moment >= start:
                    return moment
        return None


@lru_cache(maxsize=256)
def parse_cron(expression: str) -> CronExpression:
    """Parse an expression.

    Raises:
        ValueError: If it has not five fields, a field cannot be understood, or no date ever matches.
    """
    parts = expression.split()
    if len(parts) != 5:
        raise ValueError(f"cron expression {expression!r} has {len(parts)} fields, not five")
    minutes, hours, days, months, weekdays = (
        _parse_field(expression, part, field) for part, field in zip(parts, _FIELDS, strict=True)
    )
    parsed = CronExpression(
        " ".join(parts),
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        frozenset(day % 7 for day in weekdays),
        # As in Vixie cron, a star with a step does not restrict.
        either_day=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )
    if parsed.next_wall(datetime(2024, 1, 1)) is None:
        raise ValueError(f"cron expression {expression!r} never matches")
    return parsed


def _parse_field(expression: str, text: str, field: _Field) -> set[int]:
    values: set[int] = set()
    for item in text.split(","):
        span, slash, step_text = item.partition("/")
        step = (
            _number(expression, step_text, _Field(f"step of {field.name}", 1, field.high, {}))
            if slash
            else 1
        )
        if span == "*":
            low, high = field.low, field.high
        else:
            first, dash, last = span.partition("-")
            low = _number(expression, first, field)
            # As in Vixie cron, a step behind a single number goes on to the end.
            high = _number(expression, last, field) if dash else (field.high if slash else low)
        if low > high:
            raise ValueError(
                f"cron expression {expression!r}: {span!r} in {field.name} ends before it begins"
            )
        values.update(range(low, high + 1, step))
    return values


def _number(expression: str, text: str, field: _Field) -> int:
    named = field.names.get(text.lower())
    if named is not None:
        return named
    if text.isascii() and text.isdigit() and len(text) < 4 and field.low <= int(text) <= field.high:
        return int(text)
    raise ValueError(
        f"cron expression {expression!r}: {text!r} is no {field.name} from {field.low} to {field.high}"
    )


def compute_next_cron_fire(expr: str, base: datetime) -> datetime:
    """Return the next time an expression matches.

    Args:
        expr: The expression.
        base: Strictly before the result. Its time zone is that of the expression; a naive one is taken as wall time.

    Raises:
        ValueError: If the expression cannot be understood.
    """
    parsed = parse_cron(expr)
    zone = base.tzinfo
    wall = base.replace(tzinfo=None, fold=0)
    while True:
        found = parsed.next_wall(wall)
        if found is None:
            raise ValueError(f"cron expression {expr!r} never matches after {base}")
        if zone is None:
            return found
        moment = _existing(found, zone)
        # Of an hour that the clock shows twice the first one counts, which may be over.
        if moment.astimezone(UTC) > base.astimezone(UTC):
            return moment
        wall = found


def _existing(wall: datetime, zone: tzinfo) -> datetime:
    """Return a wall-clock time in a zone, or the first one after it if the clock skips it."""
    for _ in range(24 * 60):
        moment = wall.replace(tzinfo=zone)
        if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall:
            return moment
        wall += _MINUTE
    return wall.replace(tzinfo=zone)


_LOOK_BACK = (
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=8),
    timedelta(days=32),
    timedelta(days=367),
)


def find_last_cron_fire(expr: str, base: datetime) -> datetime | None:
    """Return the last time an expression matched, `base` included, within about a year; or `None`.

    Args:
        expr: The expression.
        base: An aware time; its zone is that of the expression.
    """
    for window in _LOOK_BACK:
        found = compute_next_cron_fire(expr, base - window)
        if found <= base:
            while (following := compute_next_cron_fire(expr, found)) <= base:
                found = following
            return found
    return None
