"""Which backups remain: the newest so many, and the newest of each of the last so many days, weeks and months."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from openviper.backup.paths import ValidationError


@dataclass(frozen=True, slots=True)
class Retention:
    """A rule of what remains; a backup remains when one part of the rule says so. Days begin at midnight UTC.

    Attributes:
        last: The newest so many.
        daily: The newest of each of the last so many days that have one.
        weekly: Likewise of weeks (Monday to Sunday).
        monthly: Likewise of months.
        within: All that are younger.
    """

    last: int | None = None
    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None
    within: timedelta | None = None

    def __post_init__(self) -> None:
        for name in ("last", "daily", "weekly", "monthly"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ValidationError(
                    f"Invalid number of backups to keep {number!r} ({name}): at least 1"
                )
        if self.within is not None and self.within <= timedelta(0):
            raise ValidationError(f"Invalid age of backups to keep {self.within!r}: more than 0")

    def __bool__(self) -> bool:
        return any((self.last, self.daily, self.weekly, self.monthly, self.within))

    def kept(self, moments: Sequence[datetime], now: datetime | None = None) -> set[int]:
        """Return the indexes of those that remain.

        Args:
            moments: When each backup was made, aware, the newest first.
            now: The present; the clock's when `None`.
        """
        newest = set(range(min(self.last or 0, len(moments))))
        return newest.union(
            _newest_of_each(moments, self.daily, _day),
            _newest_of_each(moments, self.weekly, _week),
            _newest_of_each(moments, self.monthly, _month),
            _younger(moments, self.within, now or datetime.now(UTC)),
        )


def _younger(moments: Sequence[datetime], age: timedelta | None, now: datetime) -> set[int]:
    if age is None:
        return set()
    return {index for index, moment in enumerate(moments) if moment >= now - age}


def _newest_of_each(
    moments: Sequence[datetime], number: int | None, period: Callable[[datetime], tuple[int, ...]]
) -> set[int]:
    newest: dict[tuple[int, ...], int] = {}
    for index, moment in enumerate(moments):
        newest.setdefault(period(moment.astimezone(UTC)), index)
    return set(list(newest.values())[: number or 0])


def _day(moment: datetime) -> tuple[int, ...]:
    return moment.year, moment.month, moment.day


def _week(moment: datetime) -> tuple[int, ...]:
    return tuple(moment.isocalendar()[:2])


def _month(moment: datetime) -> tuple[int, ...]:
    return moment.year, moment.month
