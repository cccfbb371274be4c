"""Periodic jobs that are added, paused and changed at run time."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from openviper.tasks import (
    add_schedule,
    list_schedules,
    pause_schedule,
    periodic,
    remove_schedule,
    resume_schedule,
    run_schedule_now,
)
from openviper.tasks.actors import actor
from openviper.tasks.brokers.base import StoredSchedule
from openviper.tasks.brokers.memory import MemoryBroker
from tests.unit.tasks.schedule.test_scheduler import NAME, Clock, job, made, times


def test_a_job_that_is_added_changed_paused_and_removed_is_sent_accordingly(
    memory: MemoryBroker,
) -> None:
    clock = Clock("2024-05-01 10:00:00")
    scheduler = made(memory, clock)
    assert times([scheduler], clock, 10) == []
    add_schedule("mine", "shop.tasks.work", every=10, args=(1,), queue="slow", overlap="allow")
    assert len(times([scheduler], clock, 41)) in (3, 4)
    message = next(iter(memory.entries.values())).message
    assert (message.actor_name, message.queue_name) == ("shop.tasks.work", "slow")
    assert message.arguments() == ([1], {})
    add_schedule("mine", "shop.tasks.work", every="2s", overlap="allow")
    assert len(times([scheduler], clock, 20)) in (8, 9)
    pause_schedule("mine")
    times([scheduler], clock, 2)
    assert times([scheduler], clock, 20) == []
    resume_schedule("mine")
    assert len(times([scheduler], clock, 20)) in (9, 10)
    assert remove_schedule("mine") and not remove_schedule("mine")
    times([scheduler], clock, 2)
    assert times([scheduler], clock, 20) == []


def test_a_job_in_the_code_can_be_paused_and_run_but_not_replaced(memory: MemoryBroker) -> None:
    periodic(every=10)(job)
    clock = Clock("2024-05-01 10:00:00")
    scheduler = made(memory, clock)
    pause_schedule(NAME)
    assert [(entry.name, is_paused) for entry, is_paused in list_schedules()] == [(NAME, True)]
    assert times([scheduler], clock, 30) == []
    first, second = run_schedule_now(NAME), run_schedule_now(NAME)
    assert {info.message_id for info in memory.messages()} == {first, second}
    for work in (lambda: add_schedule(NAME, "x", every=5), lambda: remove_schedule(NAME)):
        with pytest.raises(ValueError, match="is in the code"):
            work()
    for name in (pause_schedule, resume_schedule, run_schedule_now):
        with pytest.raises(LookupError, match="there is no periodic job 'nope'"):
            name("nope")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, "either cron or every"),
        ({"cron": "61 * * * *"}, "not a value for minute"),
        ({"cron": 5}, "is not a text"),
        ({"every": 0}, "is not positive"),
        ({"every": "9999999d"}, "ten years"),
        ({"cron": "@daily", "timezone": "../etc/passwd"}, "is not known"),
        ({"every": 5, "overlap": "x"}, "overlap='x' must be one of"),
        ({"every": 5, "retries": -1}, "retries=-1"),
        ({"every": 5, "jitter": -1}, "jitter=-1 is negative"),
        ({"every": 5, "queue": "a\nb"}, "cannot be printed"),
        ({"every": 5, "args": (object(),)}, "cannot be written as JSON"),
    ],
)
def test_a_job_that_cannot_be_is_refused(
    memory: MemoryBroker, options: dict[str, Any], error: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        add_schedule("mine", "x", **options)
    assert memory.schedules() == []


def test_the_call_of_a_known_actor_is_checked(memory: MemoryBroker) -> None:
    @actor
    def work(number: int) -> None:
        """Do nothing."""

    add_schedule("mine", work, every=5, kwargs={"number": 1})
    with pytest.raises(TypeError, match="cannot be called so"):
        add_schedule("other", work, every=5)


@pytest.mark.parametrize("by_name", [True, False])
def test_the_arguments_of_an_added_job_go_by_the_annotations_of_its_actor(
    memory: MemoryBroker, by_name: bool
) -> None:
    @actor(actor_name="count")
    def count(day: date) -> None: ...

    chosen = "count" if by_name else count
    with pytest.raises(TypeError, match="day: must be a date"):
        add_schedule("mine", chosen, every=5, args=("tomorrow",))
    assert memory.schedules() == []
    add_schedule("mine", chosen, every=5, args=(date(2026, 1, 31),))
    run_schedule_now("mine")
    (entry,) = memory.entries.values()
    assert list(count.received(entry.message)[0]) == [date(2026, 1, 31)]


@pytest.mark.parametrize(
    "definition",
    [
        "{nope",
        "[]",
        "{}",
        '{"actor_name":"x","every":"x"}',
        '{"actor_name":"x","every":5,"odd":1}',
        "5",
    ],
)
def test_a_stored_job_that_cannot_be_read_does_not_stop_the_others(
    memory: MemoryBroker, definition: str
) -> None:
    memory.save_schedule(StoredSchedule("bad", definition, False))
    add_schedule("good", "x", every=5, overlap="allow")
    clock = Clock("2024-05-01 10:00:00")
    assert len(times([made(memory, clock)], clock, 12)) == 2
