"""Cron expressions: grammar, days, and clocks that are put forward and back."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from openviper.tasks.schedule.cron import compute_next_cron_fire, find_last_cron_fire, parse_cron
from openviper.tasks.schedule.stored_jobs import describe_cron

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("expression", "base", "expected"),
    [
        ("* * * * *", "2024-05-01 10:00:00", "2024-05-01 10:01"),
        ("* * * * *", "2024-05-01 10:00:59", "2024-05-01 10:01"),
        ("*/15 * * * *", "2024-05-01 10:44", "2024-05-01 10:45"),
        ("5-10/2 * * * *", "2024-05-01 10:07", "2024-05-01 10:09"),
        ("50/3 * * * *", "2024-05-01 10:50", "2024-05-01 10:53"),
        ("0 9,17 * * *", "2024-05-01 09:00", "2024-05-01 17:00"),
        ("30 4 1 * *", "2024-05-01 04:30", "2024-06-01 04:30"),
        ("0 0 31 * *", "2024-04-01 00:00", "2024-05-31 00:00"),
        ("0 0 29 2 *", "2024-03-01 00:00", "2028-02-29 00:00"),
        ("0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00"),
        ("0 0 * jan-mar mon", "2024-03-30 00:00", "2025-01-06 00:00"),
        ("0 0 * * 7", "2024-05-01 00:00", "2024-05-05 00:00"),
        ("0 0 * * SUN", "2024-05-01 00:00", "2024-05-05 00:00"),
        ("0 0 * * 5-7", "2024-05-05 00:00", "2024-05-10 00:00"),
        ("0 0 13 * fri", "2024-05-04 00:00", "2024-05-10 00:00"),  # Either day matches.
        (
            "0 0 */2 * mon",
            "2024-05-01 00:00",
            "2024-05-13 00:00",
        ),  # A star with a step restricts nothing by itself.
        ("59 23 31 12 *", "2024-12-31 23:59", "2025-12-31 23:59"),
    ],
)
def test_the_next_time_is_found(expression: str, base: str, expected: str) -> None:
    assert compute_next_cron_fire(
        expression, datetime.fromisoformat(base)
    ) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("* * * *", "has 4 fields"),
        ("", "has 0 fields"),
        ("* * * * * *", "has 6 fields"),
        ("60 * * * *", "'60' is not a value for minute"),
        ("* 24 * * *", "'24' is not a value for hour"),
        ("* * 0 * *", "'0' is not a value for day of month"),
        ("* * * 13 *", "'13' is not a value for month"),
        ("* * * * 8", "'8' is not a value for day of week"),
        ("*/0 * * * *", "'0' is not a value for step of minute"),
        ("5-1 * * * *", "'5-1' in minute ends before it begins"),
        ("1,,2 * * * *", "'' is not a value for minute"),
        ("a * * * *", "'a' is not a value for minute"),
        ("-1 * * * *", "'' is not a value for minute"),
        ("\u0661 * * * *", "is not a value for minute"),
        ("* * * january *", "'january' is not a value for month"),
        ("0 0 30 2 *", "never matches"),
        ("0 0 31 4,6,9,11 *", "never matches"),
    ],
)
def test_what_cannot_be_understood_is_named(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match="cron expression") as caught:
        parse_cron(expression)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("weekdays", "same"),
    [("sat-sun", "6,0"), ("mon-sun", "*"), ("5-0", "5,6,0"), ("fri-sun/2", "5,0"), ("0-0", "0")],
)
def test_a_range_of_weekdays_may_end_with_sunday(weekdays: str, same: str) -> None:
    parsed, wanted = (parse_cron(f"0 0 * * {field}") for field in (weekdays, same))
    assert parsed.weekdays == wanted.weekdays


def test_a_time_that_the_clock_skips_fires_at_the_next_minute_there_is() -> None:
    # On 31 March 2024 it went from 02:00 to 03:00.
    fire = compute_next_cron_fire("30 2 * * *", datetime(2024, 3, 30, 12, tzinfo=BERLIN))
    assert fire.isoformat() == "2024-03-31T03:00:00+02:00"
    following = compute_next_cron_fire("30 2 * * *", fire)
    assert following.isoformat() == "2024-04-01T02:30:00+02:00"


def test_a_time_that_the_clock_shows_twice_fires_the_first_time() -> None:
    # On 27 October 2024 it went from 03:00 back to 02:00.
    fire = compute_next_cron_fire("30 2 * * *", datetime(2024, 10, 26, 12, tzinfo=BERLIN))
    assert fire.isoformat() == "2024-10-27T02:30:00+02:00"
    between = datetime(2024, 10, 27, 2, 15, tzinfo=BERLIN, fold=1)
    assert compute_next_cron_fire("30 2 * * *", between).isoformat() == "2024-10-28T02:30:00+01:00"


def test_every_minute_of_a_long_day_is_counted_once() -> None:
    moment = datetime(2024, 10, 26, 23, 59, tzinfo=BERLIN)
    fires = []
    while (moment := compute_next_cron_fire("*/30 * * * *", moment)) < datetime(
        2024, 10, 28, tzinfo=BERLIN
    ):
        fires.append(moment)
    instants = [fire.astimezone(UTC) for fire in fires]
    assert instants == sorted(set(instants))
    assert len(fires) == 50  # It has 25 hours, and none of them is silent.


def test_random_expressions_agree_with_looking_at_every_minute() -> None:
    chance = random.Random(5)

    def part(low: int, high: int) -> str:
        one, other = sorted((chance.randint(low, high), chance.randint(low, high)))
        return chance.choice(
            ["*", str(one), f"{one}-{other}", f"*/{chance.randint(2, 6)}", f"{one},{other}"]
        )

    for _ in range(60):
        text = f"{part(0, 59)} {part(0, 23)} {part(1, 28)} {part(1, 12)} {part(0, 6)}"
        parsed = parse_cron(text)
        base = datetime(2023, 1, 1) + timedelta(minutes=chance.randrange(500_000))
        fire = compute_next_cron_fire(text, base)
        assert fire > base
        minutes, hours = set(parsed.minutes), set(parsed.hours)

        def matches(moment: datetime) -> bool:
            return moment.minute in minutes and moment.hour in hours and parsed.matches_day(moment)  # noqa: B023

        assert matches(fire)
        look = base.replace(second=0) + timedelta(minutes=1)
        for _ in range(min(3000, int((fire - look).total_seconds() // 60))):
            assert not matches(look), text
            look += timedelta(minutes=1)


def test_the_last_time_is_found_within_a_year() -> None:
    base = datetime(2024, 5, 1, 10, 0, tzinfo=UTC)
    assert find_last_cron_fire("0 10 * * *", base) == base
    assert find_last_cron_fire("1 10 * * *", base) == datetime(2024, 4, 30, 10, 1, tzinfo=UTC)
    assert find_last_cron_fire("0 0 1 1 *", base) == datetime(2024, 1, 1, tzinfo=UTC)
    assert find_last_cron_fire("0 0 29 2 *", datetime(2027, 5, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("7 * * * *", "every hour at minute 7"),
        ("15 3 * * *", "every day at 03:15"),
        ("0 9 * * mon,fri", "every Monday, Friday at 09:00"),
        ("0 9 2 * *", "on day 2 of every month at 09:00"),
        ("0 9 1-5 jan *", "cron 0 9 1-5 jan *"),
    ],
)
def test_expressions_are_said_in_words(expression: str, words: str) -> None:
    assert describe_cron(expression) == words


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 L * *", ["2024-02-29", "2024-03-31", "2024-04-30"]),
        ("0 0 L-1 * *", ["2024-02-28", "2024-03-30", "2024-04-29"]),
        ("0 0 15W * *", ["2024-02-15", "2024-03-15", "2024-04-15"]),
        ("0 0 1W * *", ["2024-03-01", "2024-04-01", "2024-05-01", "2024-06-03"]),
        ("0 0 31W * *", ["2024-03-29", "2024-05-31", "2024-07-31"]),
        ("0 0 LW * *", ["2024-02-29", "2024-03-29", "2024-04-30"]),
        ("0 0 1,L * *", ["2024-02-29", "2024-03-01", "2024-03-31"]),
        ("0 0 * * 5L", ["2024-02-23", "2024-03-29", "2024-04-26"]),
        ("0 0 * * friL", ["2024-02-23", "2024-03-29"]),
        ("0 0 * * mon#2", ["2024-02-12", "2024-03-11", "2024-04-08"]),
        ("0 0 * * 0#5", ["2024-03-31", "2024-06-30"]),
        ("0 0 * * 7#1,3L", ["2024-02-04", "2024-02-28", "2024-03-03", "2024-03-27"]),
    ],
)
def test_days_that_depend_on_the_month(expression: str, days: list[str]) -> None:
    moment = datetime(2024, 2, 1, 12)
    for day in days:
        moment = compute_next_cron_fire(expression, moment)
        assert f"{moment:%Y-%m-%d}" == day


@pytest.mark.parametrize(
    ("nickname", "expression"),
    [
        ("@hourly", "0 * * * *"),
        ("@DAILY", "0 0 * * *"),
        (" @midnight ", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_nicknames(nickname: str, expression: str) -> None:
    assert parse_cron(nickname) == parse_cron(expression)


@pytest.mark.parametrize(
    "expression",
    ["@reboot", "0 0 L-31 * *", "0 0 0W * *", "0 0 32W * *", "0 0 W * *", "0 0 * * mon#6", "0 0 * * mon#0",
     "0 0 * * #1", "0 0 * * xL", "L * * * *", "* * * L *", "x" * 300, "0 0 * * mon#1#2"],
)  # fmt: skip
def test_odd_days_that_cannot_be(expression: str) -> None:
    with pytest.raises(ValueError, match="cron expression"):
        parse_cron(expression)


def test_a_match_that_is_far_away_is_found_and_one_that_never_comes_is_refused() -> None:
    assert compute_next_cron_fire("46 21 */21 8 1", datetime(2024, 8, 2)) == datetime(
        2033, 8, 1, 21, 46
    )
    assert compute_next_cron_fire("0 0 29 2 *", datetime(2097, 1, 1)) == datetime(2104, 2, 29)
    for expression in ("0 0 30 2 *", "0 0 31 2,4,6 *", "0 0 L-30 2 *"):
        with pytest.raises(ValueError, match="never matches"):
            parse_cron(expression)


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", "2026-10-24T20:00"),
        ("America/New_York", "2026-10-31T20:00"),
        ("Australia/Lord_Howe", "2026-04-04T05:00"),
        ("Europe/Berlin", "2026-03-28T20:00"),
    ],
)
@pytest.mark.parametrize("expression", ["*/10 * * * *", "7 * * * *", "*/7 1-3 * * *", "* * * * *"])
def test_what_follows_time_matches_each_minute_of_real_time_once(
    zone: str, start: str, expression: str
) -> None:
    tz, parsed = ZoneInfo(zone), parse_cron(expression)
    moment = datetime.fromisoformat(start).replace(tzinfo=UTC)
    end = moment + timedelta(hours=16)
    wanted, minute = [], moment + timedelta(minutes=1)
    while minute < end:
        if parsed.matches(minute.astimezone(tz).replace(tzinfo=None, fold=0)):
            wanted.append(minute)
        minute += timedelta(minutes=1)
    found = []
    fire = moment.astimezone(tz)
    while (fire := compute_next_cron_fire(expression, fire)).astimezone(UTC) < end:
        found.append(fire.astimezone(UTC))
    # A time that the clock skips is made up for at the first minute there is.
    assert [each for each in found if each in wanted] == wanted
    assert len(found) - len(wanted) <= 1


@pytest.mark.parametrize(
    ("zone", "day", "expression", "wanted"),
    [
        # Each hour goes on: half past three stands for half past two.
        ("Europe/Berlin", "2026-03-29T01:45", "30 * * * *", "2026-03-29T03:30:00+02:00"),
        # Half an hour is skipped, and nothing stands for 02:15.
        ("Australia/Lord_Howe", "2026-10-04T01:45", "15 * * * *", "2026-10-04T02:30:00+11:00"),
        ("Europe/Berlin", "2026-03-29T01:45", "0 */2 * * *", "2026-03-29T03:00:00+02:00"),
        ("America/Havana", "2026-03-07T23:45", "20 * * * *", "2026-03-08T01:20:00-04:00"),
        # A whole day is skipped.
        ("Pacific/Apia", "2011-12-29T23:45", "30 * * * *", "2011-12-31T00:30:00+14:00"),
        ("Pacific/Apia", "2011-12-29T23:45", "30 * 30 12 *", "2011-12-31T00:00:00+14:00"),
    ],
)
def test_of_a_time_that_is_skipped_only_what_nothing_stands_for_is_made_up_for(
    zone: str, day: str, expression: str, wanted: str
) -> None:
    base = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    assert compute_next_cron_fire(expression, base).isoformat() == wanted
