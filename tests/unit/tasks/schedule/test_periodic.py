"""Periodic jobs as they are written: checked where they stand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from openviper.tasks import actor, add_schedule, periodic
from openviper.tasks.actors import Actor, Registry
from openviper.tasks.schedule.firing import job_message
from openviper.tasks.schedule.periodic import MAX_INTERVAL, make_entry, parse_interval


@pytest.mark.parametrize(
    ("every", "seconds"),
    [
        (1, 1),
        (MAX_INTERVAL, MAX_INTERVAL),
        ("90s", 90),
        (" 5 m ", 300),
        ("1H", 3600),
        ("2d", 172_800),
        ("000000000001s", 1),
    ],
)
def test_an_interval_is_a_number_of_seconds(every: Any, seconds: int) -> None:
    assert parse_interval(every) == seconds


@pytest.mark.parametrize(
    ("every", "problem"),
    [
        (0, "interval 0 is not positive"),
        (-5, "interval -5 is not positive"),
        ("0s", "interval '0s' is not positive"),
        (MAX_INTERVAL + 1, "ten years at most"),
        ("999999999999d", "ten years at most"),
        (10**5000, "ten years at most"),
        ("", "interval '' is not a number of seconds"),
        ("5", "interval '5' is not a number of seconds"),
        ("5 minutes", "is not a number of seconds"),
        ("1h30m", "is not a number of seconds"),
        ("-5s", "is not a number of seconds"),
        ("1.5h", "is not a number of seconds"),
        ("٣s", "is not a number of seconds"),
        (True, "interval True is not"),
        (1.5, "interval 1.5 is not"),
        (None, "interval None is not"),
        (timedelta(seconds=5), "is not a number of seconds"),
    ],
    ids=lambda value: "" if isinstance(value, int) else None,
)
def test_an_interval_that_cannot_be_is_named(every: Any, problem: str) -> None:
    with pytest.raises(ValueError, match="interval") as caught:
        parse_interval(every)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({}, "takes either cron or every"),
        ({"cron": "* * * * *", "every": 5}, "takes either cron or every"),
        ({"every": 5, "overlap": "wait"}, "overlap='wait' must be one of skip, queue, allow"),
        ({"cron": 5}, "cron expression 5 is not a text"),
        ({"cron": "* * *"}, "has 3 fields"),
        ({"cron": "*" * 300}, "at most 250 characters"),
        ({"every": 5, "timezone": "UTC"}, "an interval has no time zone"),
        ({"cron": "@daily", "timezone": "Nowhere/City"}, "timezone='Nowhere/City' is not known"),
        ({"cron": "@daily", "timezone": ""}, "timezone='' is not known"),
        ({"cron": "@daily", "timezone": "../UTC"}, "timezone='../UTC' is not known"),
        ({"cron": "@daily", "timezone": "Europe"}, "timezone='Europe' is not known"),
        ({"cron": "@daily", "timezone": 5}, "timezone=5 is not known"),
        ({"every": 5, "retries": -1}, "retries=-1 must be a whole number of at least 0"),
        ({"every": 5, "jitter": -1}, "jitter=-1 is negative"),
    ],
)
def test_a_job_that_cannot_be_is_refused(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        make_entry("job", "work", **keys)
    assert problem in str(caught.value)


def test_arguments_that_json_has_not_are_refused() -> None:
    with pytest.raises(TypeError, match="arguments of 'job' cannot be written as JSON"):
        make_entry("job", "work", every=5, args=({1},))


def test_a_job_keeps_what_it_was_given_and_not_the_callers_own_objects() -> None:
    kwargs: dict[str, Any] = {"a": 1}
    entry = make_entry("job", "work", every="5m", args=[1], kwargs=kwargs, jitter=timedelta(seconds=2))  # type: ignore[arg-type]  # a list is taken too  # fmt: skip
    kwargs["a"] = 2
    assert (entry.args, entry.kwargs, entry.jitter_ms) == ((1,), {"a": 1}, 2000.0)
    assert (entry.every, entry.cron, entry.schedule) == (300, None, "300")


def test_an_expression_is_kept_in_its_plain_form() -> None:
    entry = make_entry("job", "work", cron=" @Daily ", timezone="Europe/Berlin")
    assert (entry.cron, entry.schedule, entry.timezone) == (
        "0 0 * * *",
        "0 0 * * *",
        "Europe/Berlin",
    )
    assert make_entry("job", "work", cron="0  3\t* * *").cron == "0 3 * * *"


# The decorator


def test_a_decorated_function_stays_a_function_and_its_actor_runs_it() -> None:
    @periodic(every="1h", retries=7)
    def work() -> int:
        return 5

    assert work() == 5
    (entry,) = Registry.schedule()
    found = Registry.get_actor(entry.actor_name)
    assert (found.fn, found.max_retries, entry.retries) == (work, 7, 7)
    assert entry.name == f"{__name__}.{work.__qualname__}"
    assert entry.app_label == "schedule"


def test_on_top_of_an_actor_the_job_runs_that_one() -> None:
    @periodic(cron="@hourly", retries=1)
    @actor(actor_name="tidy", queue_name="slow", max_retries=9)
    def work() -> None: ...

    (entry,) = Registry.schedule()
    assert isinstance(work, Actor)
    assert (entry.name, entry.actor_name, work.max_retries) == ("tidy", "tidy", 1)
    assert Registry.actors() == [work]


@pytest.mark.parametrize("own", [0, 9])
def test_without_retries_of_its_own_a_job_has_those_of_its_actor(own: int) -> None:
    @periodic(every=60)
    @actor(actor_name="above", max_retries=own)
    def above() -> None: ...

    @actor(actor_name="below", max_retries=own)
    @periodic(every=60)
    def below() -> None: ...

    assert [each.max_retries for each in Registry.actors()] == [own, own]
    assert {entry.actor_name for entry in Registry.schedule()} == {"above", "below"}
    for entry in (*Registry.schedule(), make_entry("added", "above", every=60)):
        assert entry.retries is None
        assert job_message(entry, 0).option("max_retries") is None
    message = job_message(make_entry("mine", "above", every=60, retries=4), 0)
    assert message.option("max_retries") == 4


def test_arguments_of_a_job_go_by_the_annotations_of_its_function() -> None:
    @periodic(every=60, args=(date(2026, 1, 31),), kwargs={"most": Decimal("1.5")})
    def work(day: date, most: Decimal) -> None: ...

    (entry,) = Registry.schedule()
    found = Registry.get_actor(entry.actor_name)
    args, kwargs = found.received(job_message(entry, 0))
    assert (list(args), kwargs) == ([date(2026, 1, 31)], {"most": Decimal("1.5")})


def test_below_an_actor_the_job_has_the_options_of_both() -> None:
    @actor(queue_name="slow")
    @periodic(every=60, retries=2)
    def work() -> None: ...

    (found,) = Registry.actors()
    assert found is work
    assert (found.queue_name, found.max_retries) == ("slow", 2)
    assert [entry.actor_name for entry in Registry.schedule()] == [found.actor_name]


@pytest.mark.parametrize("keys", [{}, {"args": (1, 2)}, {"kwargs": {"b": 1}}])
def test_arguments_that_do_not_fit_the_function_are_an_error_where_it_stands(
    keys: dict[str, Any],
) -> None:
    with pytest.raises(TypeError, match="cannot be called so"):

        @periodic(every=60, **keys)
        def work(a: int) -> None: ...

    assert Registry.schedule() == []


def test_values_that_cannot_work_are_an_error_before_there_is_a_function() -> None:
    with pytest.raises(ValueError, match="has 3 fields"):
        periodic(cron="* * *")
    with pytest.raises(ValueError, match="either cron or every"):
        periodic()


def test_two_jobs_of_one_name_are_refused() -> None:
    def work() -> None: ...

    periodic(every=60)(work)
    with pytest.raises(ValueError, match="there is a periodic job .* already"):
        periodic(every=90)(work)
    assert [entry.every for entry in Registry.schedule()] == [60]


def test_runs_that_queue_up_have_no_other_limit() -> None:
    with pytest.raises(ValueError, match="a call has one limit"):

        @periodic(every=60, overlap="queue")
        @actor(actor_name="above", concurrency=1)
        def above() -> None: ...

    with pytest.raises(ValueError, match="a call has one limit"):

        @actor(actor_name="below", rate_limit="1/s")
        @periodic(every=60, overlap="queue")
        def below() -> None: ...

    @periodic(every=60)
    @actor(actor_name="limited", concurrency=1)
    def limited() -> None: ...

    with pytest.raises(ValueError, match="a call has one limit"):
        add_schedule("added", limited, every=60, overlap="queue")


def test_jobs_whose_long_names_differ_at_the_end_do_not_stand_in_each_others_way() -> None:
    jobs = [job_message(make_entry("n" * 199 + end, "x", every=60), 0) for end in "ab"]
    assert jobs[0].option("unique")[0] != jobs[1].option("unique")[0]


def test_a_yes_or_no_is_no_text() -> None:
    startup: Any = "no"
    with pytest.raises(TypeError, match="startup='no' must be True or False"):
        periodic(every=60, startup=startup)
