"""Durations, whole numbers and moments that callers give: in one unit, or refused with their value."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from openviper.tasks.units import MAX_MS, short_repr, to_count, to_moment, to_ms

HUGE = 10**5000
"""A number whose text Python refuses to write."""


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (0, 0.0),
        (1500, 1500.0),
        (0.25, 0.25),
        (-0.0, 0.0),
        (timedelta(0), 0.0),
        (timedelta(seconds=1.5), 1500.0),
        (timedelta(microseconds=1), 0.001),
        (timedelta(days=3660), float(MAX_MS)),
        (MAX_MS, float(MAX_MS)),
    ],
)
def test_a_duration_is_milliseconds_however_it_is_written(value: Any, ms: float) -> None:
    result = to_ms("delay", value)
    assert result == ms
    assert isinstance(result, float)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (-1, "delay=-1 is negative"),
        (-0.001, "delay=-0.001 is negative"),
        (timedelta(microseconds=-1), "is negative"),
        (float("-inf"), "delay=-inf is negative"),
        (float("nan"), "delay=nan must be from 0 ms to ten years"),
        (float("inf"), "delay=inf must be from 0 ms to ten years"),
        (MAX_MS + 1, f"delay={MAX_MS + 1} must be from 0 ms to ten years"),
        (timedelta.max, "must be from 0 ms to ten years"),
        (HUGE, "delay=a number of more than 30 digits must be"),
        (-HUGE, "delay=a number of more than 30 digits is negative"),
    ],
    ids=lambda value: "" if isinstance(value, int) else None,
)
def test_a_duration_that_cannot_be_waited_for_is_named(value: Any, problem: str) -> None:
    with pytest.raises(ValueError, match="delay=") as caught:
        to_ms("delay", value)
    assert problem in str(caught.value)


@pytest.mark.parametrize("value", [True, None, "5", Decimal(5), 5j, [5], b"5"])
def test_what_is_no_duration_is_another_error(value: object) -> None:
    with pytest.raises(TypeError, match="ttl=.* must be milliseconds or a timedelta"):
        to_ms("ttl", value)


@pytest.mark.parametrize(
    ("value", "fits"), [(9.999, False), (10, True), (timedelta(seconds=1), True)]
)
def test_a_duration_may_have_a_least(value: Any, fits: bool) -> None:
    if fits:
        assert to_ms("time_limit", value, least=10) >= 10
        return
    with pytest.raises(ValueError, match="must be from 10 ms to ten years"):
        to_ms("time_limit", value, least=10)


@pytest.mark.parametrize("value", [3, 4, 5])
def test_a_whole_number_within_its_bounds_is_taken(value: int) -> None:
    assert to_count("retries", value, least=3, most=5) == value


@pytest.mark.parametrize("value", [2, 6, -3, True, 3.0, "3", None, math.nan, HUGE], ids=type)
def test_another_one_is_refused_with_both_bounds(value: object) -> None:
    with pytest.raises(ValueError, match="^retries=.* of at least 3, at most 5$") as caught:
        to_count("retries", value, least=3, most=5)
    assert len(str(caught.value)) < 120


def test_a_moment_is_seconds_since_the_epoch_in_any_zone() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    there = now.astimezone(timezone(timedelta(hours=-11)))
    assert to_moment("eta", now) == to_moment("eta", there) == now.timestamp()


@pytest.mark.parametrize("value", [None, 5.0, "2030-01-01", date(2030, 1, 1), timedelta(1)])
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="eta=.* must be a datetime"):
        to_moment("eta", value)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        to_moment("eta", datetime(2030, 1, 1))


@pytest.mark.parametrize("years", [-11, 11])
def test_a_moment_more_than_ten_years_away_is_refused_on_either_side(years: int) -> None:
    far = datetime.now(UTC) + timedelta(days=366 * years)
    with pytest.raises(ValueError, match="more than ten years away"):
        to_moment("eta", far)
    assert to_moment("eta", far - timedelta(days=366 * years // 2))


@pytest.mark.parametrize("extreme", [datetime.min, datetime.max])
def test_the_ends_of_the_calendar_are_refused_too(extreme: datetime) -> None:
    with pytest.raises(ValueError, match="more than ten years away"):
        to_moment("eta", extreme.replace(tzinfo=UTC))


@pytest.mark.parametrize("value", ["x", 10**30, -(10**30), None, 1e300])
def test_the_text_of_a_value_is_its_own(value: object) -> None:
    assert short_repr(value) == repr(value)


@pytest.mark.parametrize("value", [10**30 + 1, -(10**31), HUGE], ids=["a", "b", "c"])
def test_the_text_of_a_huge_number_is_not(value: int) -> None:
    assert short_repr(value) == "a number of more than 30 digits"
