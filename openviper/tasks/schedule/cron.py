"""Cron expressions: five fields, as in crontab(5), or a nickname such as ``@daily``.

Minute, hour, day of the month, month, day of the week; each ``*``, a number, a range, a step, or a list of these; months
and weekdays also by name. Days of the month also ``L`` (the last), ``L-3``, ``15W`` (the weekday nearest to the 15th) and ``LW``;
days of the week also ``5L`` (the last Friday of the month) and ``mon#2`` (the second Monday). When both kinds of day are
restricted, either one matches.

Times are those of the wall clock of a time zone, as ISC cron has them: an expression for fixed times fires at the next minute
there is when the clock skips its time, and the first time when the clock shows it twice; one whose minute or hour begins with
``*`` follows real time, and has neither a gap nor a repetition when the clock is changed: of a time that the clock skips, it makes up
for what no other firing stands for.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
HORIZON_YEARS = 401
"""Years within which an expression has to match: after 400 the calendar repeats itself."""
MAX_LENGTH = 250
"""Most characters of an expression."""
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

DayRule = Callable[[datetime], bool]
"""Returns whether a day is meant."""


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: dict[str, int]


_MINUTES = _Field("minute", 0, 59, {})
_HOURS = _Field("hour", 0, 23, {})
_DAYS = _Field("day of month", 1, 31, {})
_MONTH = _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)})
_WEEK = _Field("day of week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)})


class CronExpression(NamedTuple):
    """A parsed expression; weekdays count from 0 for Sunday.

    Attributes:
        days: Days of the month by number; `day_rules` are those that depend on the month.
        weekdays: Days of the week; `week_rules` are those that depend on the month.
        either_day: Whether a day matches when the month's or the week's condition does, instead of both.
        follows_time: Whether it fires on each minute of real time that matches, repeated ones too.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    day_rules: tuple[DayRule, ...]
    week_rules: tuple[DayRule, ...]
    either_day: bool
    follows_time: bool

    def matches_day(self, moment: datetime) -> bool:
        """Return whether the expression can match on this day."""
        if moment.month not in self.months:
            return False
        by_month = moment.day in self.days or any(rule(moment) for rule in self.day_rules)
        by_week = moment.isoweekday() % 7 in self.weekdays or any(
            rule(moment) for rule in self.week_rules
        )
        return (by_month or by_week) if self.either_day else (by_month and by_week)

    def matches(self, wall: datetime) -> bool:
        """Return whether the expression matches this minute of the wall clock."""
        if wall.minute not in self.minutes or wall.hour not in self.hours:
            return False
        return self.matches_day(wall)

    def next_wall(self, after: datetime) -> datetime | None:
        """Return the next naive wall-clock time after another one, or `None` if there is none at all."""
        start = after.replace(second=0, microsecond=0) + _MINUTE
        day = start.replace(hour=0, minute=0)
        limit = min(start.year + HORIZON_YEARS, 9998)
        while day.year < limit:
            if day.month not in self.months:
                # The first of the next month.
                day = day.replace(day=1) + timedelta(days=monthrange(day.year, day.month)[1])
                continue
            moment = self._on_day(day, start) if self.matches_day(day) else None
            if moment is not None:
                return moment
            day += _DAY
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
        ValueError: If it is no nickname and has not five fields, a field cannot be understood, or no date ever matches.
    """
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"a cron expression is a text of at most {MAX_LENGTH} characters")
    parts = NICKNAMES.get(expression.strip().lower(), expression).split()
    if len(parts) != 5:
        raise ValueError(
            f"cron expression {expression!r} has {len(parts)} fields, not five; "
            f"nicknames are {', '.join(NICKNAMES)}"
        )
    minute, hour, day, month, weekday = parts
    days, day_rules = _split_days(expression, day)
    weekdays, week_rules = _split_weekdays(expression, weekday)
    parsed = CronExpression(
        " ".join(parts),
        tuple(sorted(_parse_field(expression, minute, _MINUTES))),
        tuple(sorted(_parse_field(expression, hour, _HOURS))),
        frozenset(days),
        frozenset(_parse_field(expression, month, _MONTH)),
        frozenset(number % 7 for number in weekdays),
        day_rules,
        week_rules,
        # As in Vixie cron, a star with a step does not restrict.
        either_day=not day.startswith("*") and not weekday.startswith("*"),
        follows_time=minute.startswith("*") or hour.startswith("*"),
    )
    if parsed.next_wall(datetime(2024, 1, 1)) is None:
        raise ValueError(f"cron expression {expression!r} never matches")
    return parsed


# Days that depend on the month


_LAST = re.compile(r"l(?:-(\d{1,2}))?\Z", re.IGNORECASE | re.ASCII)
_NEAREST = re.compile(r"(\d{1,2})w\Z", re.IGNORECASE | re.ASCII)


def _split_days(expression: str, text: str) -> tuple[set[int], tuple[DayRule, ...]]:
    numbers: set[int] = set()
    rules: list[DayRule] = []
    for item in text.split(","):
        rule = _day_rule(expression, item)
        if rule is None:
            numbers |= _parse_item(expression, item, _DAYS)
        else:
            rules.append(rule)
    return numbers, tuple(rules)


def _day_rule(expression: str, item: str) -> DayRule | None:
    if item.lower() == "lw":
        return lambda day: day.day == _nearest_weekday(day, _month_length(day))
    if match := _LAST.match(item):
        return _before_last(expression, item, int(match[1] or 0))
    if match := _NEAREST.match(item):
        return _near(_number(expression, match[1], _DAYS))
    return None


def _before_last(expression: str, item: str, before: int) -> DayRule:
    if before > 30:
        raise ValueError(f"cron expression {expression!r}: {item!r} is before every month")
    return lambda day: day.day == _month_length(day) - before


def _near(wanted: int) -> DayRule:
    return lambda day: wanted <= _month_length(day) and day.day == _nearest_weekday(day, wanted)


def _month_length(day: datetime) -> int:
    return monthrange(day.year, day.month)[1]


def _nearest_weekday(day: datetime, wanted: int) -> int:
    """Return the day of the month from Monday to Friday that is nearest to one, in the same month."""
    weekday = day.replace(day=wanted).weekday()
    if weekday == 5:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 6:
        return wanted + 1 if wanted < _month_length(day) else wanted - 2
    return wanted


def _split_weekdays(expression: str, text: str) -> tuple[set[int], tuple[DayRule, ...]]:
    numbers: set[int] = set()
    rules: list[DayRule] = []
    for item in text.split(","):
        name, mark, count = item.partition("#")
        if mark:
            rules.append(_nth_weekday(expression, name, count))
        elif len(item) > 1 and item[-1] in "lL":
            rules.append(_last_weekday(_number(expression, item[:-1], _WEEK) % 7))
        else:
            numbers |= _parse_item(expression, item, _WEEK)
    return numbers, tuple(rules)


def _nth_weekday(expression: str, name: str, count: str) -> DayRule:
    weekday = _number(expression, name, _WEEK) % 7
    number = _number(expression, count, _Field("number of the weekday", 1, 5, {}))
    return lambda day: day.isoweekday() % 7 == weekday and (day.day - 1) // 7 + 1 == number


def _last_weekday(weekday: int) -> DayRule:
    return lambda day: day.isoweekday() % 7 == weekday and day.day + 7 > _month_length(day)


# Fields


def _parse_field(expression: str, text: str, field: _Field) -> set[int]:
    values: set[int] = set()
    for item in text.split(","):
        values |= _parse_item(expression, item, field)
    return values


def _parse_item(expression: str, item: str, field: _Field) -> set[int]:
    span, slash, step_text = item.partition("/")
    step_field = _Field(f"step of {field.name}", 1, field.high, {})
    step = _number(expression, step_text, step_field) if slash else 1
    if span == "*":
        low, high = field.low, field.high
    else:
        first, dash, last = span.partition("-")
        low = _number(expression, first, field)
        # As in Vixie cron, a step behind a single number goes on to the end.
        end = field.high if slash else low
        high = _number(expression, last, field) if dash else end
    if field is _WEEK and high == 0 < low:
        high = 7  # At the end of a range, Sunday is behind Saturday.
    if low > high:
        raise ValueError(
            f"cron expression {expression!r}: {span!r} in {field.name} ends before it begins"
        )
    return set(range(low, high + 1, step))


def _number(expression: str, text: str, field: _Field) -> int:
    named = field.names.get(text.lower())
    if named is not None:
        return named
    if _is_number(text) and field.low <= int(text) <= field.high:
        return int(text)
    raise ValueError(
        f"cron expression {expression!r}: {text!r} is not a value for {field.name}, "
        f"{field.low} to {field.high}"
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4


# Moments


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
    if zone is None:
        return _required(expr, base, parsed.next_wall(base.replace(fold=0)))
    return _following(expr, parsed, base, zone)


def _required(expr: str, base: datetime, wall: datetime | None) -> datetime:
    if wall is None:
        raise ValueError(f"cron expression {expr!r} never matches after {base}")
    return wall


def _following(expr: str, parsed: CronExpression, base: datetime, zone: tzinfo) -> datetime:
    after = base.astimezone(UTC)
    wall = base.replace(tzinfo=None, fold=0)
    while True:
        wall = _required(expr, base, parsed.next_wall(wall))
        moment = _existing(wall, zone)
        if parsed.follows_time and _fires_in_its_place(parsed, wall, zone):
            continue
        # Of an hour that the clock shows twice the first one counts, which may be over.
        if moment.astimezone(UTC) > after:
            break
    if parsed.follows_time:
        repeated = _in_repeated_time(parsed, after, moment.astimezone(UTC), zone)
        return repeated or moment
    return moment


def _in_repeated_time(
    parsed: CronExpression, after: datetime, before: datetime, zone: tzinfo
) -> datetime | None:
    """Return the first match after one moment and before another that only the second showing of a time has."""
    change = _next_fall_back(after, before, zone)
    if change is None:
        return None
    moment = max(change, after.replace(second=0, microsecond=0) + _MINUTE)
    while moment < before:
        local = moment.astimezone(zone)
        if not local.fold:
            return None
        if parsed.matches(local.replace(tzinfo=None, fold=0)):
            return local
        moment += _MINUTE
    return None


def _next_fall_back(after: datetime, before: datetime, zone: tzinfo) -> datetime | None:
    """Return the start of a repeated time that is not over, between two moments in UTC and within a day and a half."""
    moment = after.replace(second=0, microsecond=0) - timedelta(hours=3)
    end = min(before, after + timedelta(hours=36))
    offset = moment.astimezone(zone).utcoffset()
    while moment < end:
        later = moment + timedelta(hours=1)
        new = later.astimezone(zone).utcoffset()
        if new is not None and offset is not None and new < offset:
            start = _change_within(moment, later, zone)
            if start + (offset - new) > after:
                return start
        moment, offset = later, new
    return None


def _change_within(moment: datetime, later: datetime, zone: tzinfo) -> datetime:
    """Return the first minute that has the later moment's offset."""
    offset = later.astimezone(zone).utcoffset()
    while moment < later and moment.astimezone(zone).utcoffset() != offset:
        moment += _MINUTE
    return moment


def _existing(wall: datetime, zone: tzinfo) -> datetime:
    """Return a wall-clock time in a zone, or the first one after it if the clock skips it."""
    for _ in range(24 * 60):
        moment = wall.replace(tzinfo=zone)
        if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall:
            return moment
        wall += _MINUTE
    return wall.replace(tzinfo=zone)


def _fires_in_its_place(parsed: CronExpression, wall: datetime, zone: tzinfo) -> bool:
    """Return whether an expression fires as well when a clock that had not been changed would show this time, which is skipped."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    return moment != wall and parsed.matches(moment)


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
    # In UTC: wall-clock arithmetic would lose an hour where the clock is changed.
    zone, now = base.tzinfo, base.astimezone(UTC)
    for window in _LOOK_BACK:
        moment = compute_next_cron_fire(expr, (now - window).astimezone(zone))
        if moment.astimezone(UTC) <= now:
            return _last_of(expr, moment, now)
    return None


def _last_of(expr: str, moment: datetime, now: datetime) -> datetime:
    """Return the last match from one on, up to a moment."""
    while True:
        following = compute_next_cron_fire(expr, moment)
        if following.astimezone(UTC) > now:
            return moment
        moment = following
