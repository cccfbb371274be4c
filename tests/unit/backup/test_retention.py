"""Which backups remain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from openviper.backup.paths import ValidationError
from openviper.backup.retention import Retention

NOW = datetime(2025, 6, 18, 12, 0, tzinfo=UTC)  # a Wednesday


def every(step: timedelta, number: int) -> list[datetime]:
    return [NOW - step * index for index in range(number)]


def test_the_newest_so_many_remain() -> None:
    assert Retention(last=2).kept(every(timedelta(hours=1), 5)) == {0, 1}
    assert Retention(last=9).kept(every(timedelta(hours=1), 2)) == {0, 1}


def test_the_newest_of_each_of_the_last_days_that_have_one_remains() -> None:
    moments = every(timedelta(hours=6), 12)
    assert Retention(daily=2).kept(moments) == {0, 3}
    gap = [NOW, NOW - timedelta(days=9), NOW - timedelta(days=9, hours=1)]
    assert Retention(daily=2).kept(gap) == {0, 1}


def test_weeks_begin_on_monday_and_months_with_their_first_day() -> None:
    days = every(timedelta(days=1), 60)
    assert [days[index].strftime("%d.%m") for index in sorted(Retention(weekly=3).kept(days))] == [
        "18.06", "15.06", "08.06",
    ]  # fmt: skip
    assert [days[index].strftime("%d.%m") for index in sorted(Retention(monthly=3).kept(days))] == [
        "18.06", "31.05", "30.04",
    ]  # fmt: skip


def test_what_is_young_enough_remains() -> None:
    moments = every(timedelta(days=1), 5)
    assert Retention(within=timedelta(days=2)).kept(moments, NOW) == {0, 1, 2}


def test_a_backup_remains_when_one_part_of_the_rule_keeps_it() -> None:
    moments = every(timedelta(days=1), 40)
    rule = Retention(last=1, daily=3, weekly=2, monthly=2, within=timedelta(days=1))
    assert rule.kept(moments, NOW) == {0, 1, 2, 3, 18}


def test_days_are_those_of_utc() -> None:
    far = timezone(timedelta(hours=14))
    moments = [datetime(2025, 6, 18, 1, tzinfo=far), datetime(2025, 6, 17, 23, tzinfo=far)]
    assert Retention(daily=5).kept(moments) == {0}


def test_no_rule_is_none_and_keeps_nothing_by_itself() -> None:
    assert not Retention()
    assert Retention(monthly=1) and Retention().kept([NOW]) == set()


@pytest.mark.parametrize(
    "options", [{"last": 0}, {"daily": -1}, {"weekly": 0}, {"monthly": 0}, {"within": timedelta(0)}]
)
def test_a_rule_that_would_keep_nothing_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="Invalid"):
        Retention(**options)  # type: ignore[arg-type]  # a wrong value is the point
