"""A clock that is moved, and put back."""

from __future__ import annotations

import datetime as module
import functools
import pickle
import time
from datetime import UTC, date, datetime, timedelta

import pytest

from openviper.auth.jwt import decode_access_token
from openviper.cache import InMemoryCache
from openviper.conf import settings
from openviper.db import CharField, DateField, DateTimeField, FloatField, Model
from openviper.db.fields.moments import current_moment
from openviper.exceptions import TokenExpired
from openviper.middleware.counters import MemoryCounter
from openviper.middleware.ratelimit import Limit
from openviper.sessions.lifetime import end_of
from openviper.sessions.record import SessionRecord
from openviper.sessions.stores.memory import MemorySessionStore
from openviper.testing import TestUser, override_openviper_settings, token_for_user, travel

THEN = datetime(2030, 5, 1, 12, tzinfo=UTC)


def test_the_project_and_the_framework_see_another_time() -> None:
    with travel(THEN, tick=False):
        assert datetime.now(UTC) == THEN
        assert module.datetime.now(UTC) == THEN
        assert current_moment() == THEN
        assert time.time() == THEN.timestamp()
        assert time.time_ns() == int(THEN.timestamp()) * 10**9
        assert date.today() == datetime.fromtimestamp(THEN.timestamp()).date()
    assert datetime.now(UTC) < THEN and time.time() < THEN.timestamp()
    assert datetime.__module__ == "datetime"


def test_moments_made_meanwhile_are_ordinary_ones() -> None:
    real = type(datetime.now(UTC))
    with travel(THEN):
        made = datetime(2020, 1, 2)
        assert type(made) is real and type(datetime.now(UTC)) is real
        assert isinstance(made, (datetime,))
        assert isinstance(made, (date,))
        assert not isinstance(date(2020, 1, 1), datetime)
        assert pickle.loads(pickle.dumps(made)) == made
        assert datetime.fromisoformat("2020-01-02") == made


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2030-05-01T12:00:00+00:00", THEN),
        ("2030-05-01T14:00:00+02:00", THEN),
        (datetime(2030, 5, 1, 12), THEN),
        (THEN.timestamp(), THEN),
        (date(2030, 5, 1), THEN.replace(hour=0)),
    ],
)
def test_a_time_is_given_in_many_ways(moment: object, expected: datetime) -> None:
    with travel(moment, tick=False):  # type: ignore[arg-type]  # Each of them is one.
        assert datetime.now(UTC) == expected


def test_a_distance_is_from_now() -> None:
    before = datetime.now(UTC)
    with travel(timedelta(days=2)):
        assert before + timedelta(days=2) <= datetime.now(UTC) < before + timedelta(days=2, hours=1)


def test_a_clock_goes_on_or_stands_still_and_is_moved() -> None:
    with travel(THEN, tick=False) as clock:
        clock.move(hours=1)
        assert datetime.now(UTC) == THEN + timedelta(hours=1)
        clock.to(THEN)
        assert datetime.now(UTC) == THEN
    with travel(THEN):
        first = time.time()
        while time.time() == first:
            pass
        assert time.time() > first


def test_a_journey_within_a_journey_ends_in_the_outer_one() -> None:
    with travel(THEN, tick=False):
        with travel(timedelta(days=1), tick=False):
            assert datetime.now(UTC) == THEN + timedelta(days=1)
        assert datetime.now(UTC) == THEN


@travel(THEN, tick=False)
def test_a_decorated_test_runs_at_another_time() -> None:
    assert datetime.now(UTC) == THEN


@travel(THEN, tick=False)
async def test_a_decorated_async_test_does_too() -> None:
    assert datetime.now(UTC) == THEN


@pytest.mark.parametrize(
    ("moment", "error", "said"),
    [
        ("nonsense", ValueError, "nonsense"),
        ("", ValueError, "isoformat"),
        ("2030-13-01", ValueError, "month"),
        (None, TypeError, "None is no moment"),
        (True, TypeError, "True is no moment"),
        (b"2030-01-01", TypeError, "is no moment"),
        (float("nan"), ValueError, "nan is outside of the years 1 to 9999"),
        (float("inf"), ValueError, "inf is outside"),
        (-1e30, ValueError, "outside of the years"),
        (10**400, ValueError, "outside of the years"),
        (timedelta.max, ValueError, "outside of the years"),
        (timedelta.min, ValueError, "outside of the years"),
    ],
)
def test_what_is_no_moment_is_refused_and_moves_nothing(
    moment: object, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said), travel(moment):  # type: ignore[arg-type]  # None is one.
        raise AssertionError("not reached")
    assert abs(time.time() - datetime.now(UTC).timestamp()) < 60
    with travel(THEN, tick=False) as clock:
        with pytest.raises(error, match=said):
            clock.to(moment)  # type: ignore[arg-type]  # As above.
        assert datetime.now(UTC) == THEN


def test_a_clock_cannot_leave_the_years_that_there_are() -> None:
    with travel(THEN, tick=False) as clock:
        with pytest.raises(ValueError, match="outside of the years 1 to 9999"):
            clock.move(days=365 * 9000)
        with pytest.raises(TypeError, match="minute"):
            clock.move(minute=1)
        clock.move(days=-1, hours=12)
        assert datetime.now(UTC) == THEN - timedelta(hours=12)


def test_every_function_that_tells_the_time_tells_the_moved_one() -> None:
    from time import gmtime, localtime, strftime

    assert gmtime().tm_year != 2030
    with travel(THEN, tick=False):
        assert time.gmtime()[:5] == (2030, 5, 1, 12, 0)
        assert time.localtime() == time.localtime(THEN.timestamp())
        assert time.strftime("%Y") == "2030"
        assert time.strftime("%Y", time.gmtime(0)) == "1970"
        assert time.ctime() == time.ctime(THEN.timestamp()) and time.ctime(0) != time.ctime()
        assert time.asctime() == time.ctime() and time.asctime(time.gmtime(0)).endswith("1970")
        assert time.gmtime(0).tm_year == 1970
    assert time.gmtime().tm_year != 2030
    assert (time.gmtime, time.localtime, time.strftime) == (gmtime, localtime, strftime)


def test_clocks_that_measure_go_on() -> None:
    before = time.monotonic(), time.perf_counter()
    with travel(THEN, tick=False):
        assert time.monotonic() >= before[0] and time.perf_counter() >= before[1]
        assert time.monotonic() - before[0] < 3600


async def test_values_in_a_cache_in_memory_age_with_the_clock() -> None:
    cache = InMemoryCache()
    await cache.set("before", 1, 60)
    with travel(timedelta(0), tick=False) as clock:
        await cache.set("short", 1, 60)
        await cache.set("long", 2, 3600)
        await cache.set("endless", 3, None)
        clock.move(seconds=59)
        assert await cache.get("short") == 1
        clock.move(seconds=2)
        assert [await cache.get(key) for key in ("before", "short", "long")] == [None, None, 2]
        clock.move(days=10_000)
        assert await cache.get("long") is None
    await cache.set("after", 1, 60)
    assert await cache.get("after") == 1


def test_a_token_ends_when_the_clock_says_so() -> None:
    with travel(THEN, tick=False) as clock:
        token = token_for_user(TestUser())
        assert decode_access_token(token)["exp"] > THEN.timestamp()
        clock.move(days=400)
        with pytest.raises(TokenExpired):
            decode_access_token(token)


@pytest.mark.parametrize("late", [0, 29])
def test_a_token_has_its_leeway_at_the_moved_clock(late: int) -> None:
    with override_openviper_settings(JWT_LEEWAY_SECONDS=30), travel(THEN, tick=False) as clock:
        token = token_for_user(TestUser())
        clock.to(decode_access_token(token)["exp"])
        clock.move(seconds=late)
        assert decode_access_token(token)["sub"] == "1"
        clock.move(seconds=31)
        with pytest.raises(TokenExpired):
            decode_access_token(token)


def test_an_error_puts_the_clock_back() -> None:
    with pytest.raises(KeyError), travel(THEN):
        raise KeyError
    assert datetime.now(UTC) < THEN and time.gmtime().tm_year < 2030


def test_a_decorator_serves_many_calls() -> None:
    @travel(THEN, tick=False)
    def year(add: int) -> int:
        return datetime.now(UTC).year + add

    assert [year(0), year(1)] == [2030, 2031]
    assert year.__name__ == "year" and datetime.now(UTC) < THEN


async def test_a_session_lives_as_long_as_the_clock_says_however_far_it_was_moved() -> None:
    store = MemorySessionStore()
    for then in (THEN, datetime(2001, 1, 1, tzinfo=UTC)):
        with travel(then, tick=False) as clock:
            record = SessionRecord()
            assert (record.created_at, record.used_at) == (then.timestamp(), then.timestamp())
            record.expires_at = end_of(record, time.time())
            key = await store.create(record)
            clock.move(seconds=settings.SESSION_TIMEOUT.total_seconds() - 1)
            assert await store.load(key) is not None
            clock.move(seconds=2)
            assert await store.load(key) is None


async def test_a_limit_counts_by_the_clock() -> None:
    limit = Limit(1, 60, MemoryCounter())
    with travel(THEN, tick=False) as clock:
        assert [(await limit.take("a")).retry_after for _ in range(2)] == [0, 120]
        clock.move(minutes=2)
        assert (await limit.take("a")).retry_after == 0


class Reading(Model):
    """A row whose fields begin at the clock."""

    taken = DateTimeField(default=functools.partial(datetime.now, UTC))
    local = DateTimeField(default=datetime.now)
    day = DateField(default=date.today)
    seconds = FloatField(default=time.time)
    title = CharField(max_length=9, default="x")

    class Meta:
        """Not one of any app."""

        managed = False


def test_fields_whose_default_is_a_clock_begin_at_the_moved_one() -> None:
    before = {name: field.default for name, field in Reading._fields.items()}
    with travel(THEN, tick=False), travel(timedelta(hours=1), tick=False):
        row, then = Reading(), THEN + timedelta(hours=1)
        assert (row.taken, row.seconds, row.title) == (then, then.timestamp(), "x")
        assert row.local == datetime.fromtimestamp(then.timestamp())
        assert row.day == date.fromtimestamp(then.timestamp())
    assert {name: field.default for name, field in Reading._fields.items()} == before
    taken = Reading().taken
    assert taken is not None and taken < THEN
