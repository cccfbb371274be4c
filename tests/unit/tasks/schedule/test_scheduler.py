"""The scheduler under a clock of our own: slots, starts, steps of the clock, and a store that does not answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from openviper.tasks import Registry, actor, periodic
from openviper.tasks.brokers.base import Slot
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import Message
from openviper.tasks.registry import ScheduleEntry
from openviper.tasks.schedule.periodic import parse_interval
from openviper.tasks.schedule.scheduler import Scheduler

NAME = "tests.unit.tasks.schedule.test_scheduler.job"


class Clock:
    """A clock that is set."""

    def __init__(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


def job() -> None:
    """Do nothing."""


def made(broker: MemoryBroker, clock: Clock, **more: Any) -> Scheduler:
    """Return a scheduler that has begun."""
    scheduler = Scheduler(broker, clock=clock, zone=more.pop("zone", "UTC"), **more)
    scheduler.begin()
    return scheduler


def run(schedulers: list[Scheduler], clock: Clock, seconds: int) -> int:
    """Let time go by, second by second, and return how often something was sent."""
    sent = 0
    for _ in range(seconds):
        clock.now += 1
        sent += sum(len(each.tick()) for each in schedulers)
    return sent


def test_an_interval_fires_once_per_slot_whoever_looks() -> None:
    periodic(every="10s", overlap="allow")(job)
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:03")
    first = made(broker, clock)
    sent = run([first], clock, 5)
    second = made(broker, clock)  # Five seconds later.
    sent += run([first, second], clock, 55)
    assert sent in (5, 6)
    assert len(broker.messages()) == sent


def test_an_interval_waits_one_interval_after_the_start() -> None:
    periodic(every=60)(job)
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:30")
    scheduler = made(broker, clock)
    scheduler.tick()
    assert run([scheduler], clock, 59) == 0
    assert run([scheduler], clock, 1) == 1
    assert run([scheduler], clock, 59) == 0


def test_a_job_at_the_start_is_sent_by_one_of_the_group() -> None:
    periodic(every="1h", startup=True)(job)
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:58")
    assert made(broker, clock).tick() == [NAME]
    for _ in range(4):
        clock.now += 10
        assert made(broker, clock).tick() == []
    clock.now += 300
    assert made(broker, clock).tick() == [NAME]


def test_cron_fires_at_its_minute_in_the_time_zone() -> None:
    periodic(cron="30 9 * * *")(job)
    broker, clock = MemoryBroker(), Clock("2024-05-01 07:29:00")
    scheduler = made(broker, clock, zone="Europe/Berlin")
    assert run([scheduler], clock, 59) == 0
    assert run([scheduler], clock, 120) == 1


def test_what_was_missed_is_made_up_for_once() -> None:
    periodic(cron="0 * * * *")(job)
    broker, clock = MemoryBroker(), Clock("2024-05-01 09:59:00")
    assert run([made(broker, clock)], clock, 120) == 1
    clock.now += 5 * 3600
    assert run([made(broker, clock)], clock, 120) == 1  # One, not five.


def test_a_job_that_was_never_sent_has_missed_nothing() -> None:
    periodic(cron="0 * * * *")(job)
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:30:00")
    assert run([made(broker, clock)], clock, 60) == 0


def test_a_clock_that_is_put_back_sends_nothing_twice() -> None:
    periodic(every=10)(job)
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
    scheduler = made(broker, clock)
    scheduler.tick()
    assert run([scheduler], clock, 60) == 6
    clock.now -= 8
    assert run([scheduler], clock, 17) == 0
    assert run([scheduler], clock, 21) == 3


def test_a_clock_that_jumps_ahead_makes_one_run() -> None:
    periodic(every=10)(job)
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
    scheduler = made(broker, clock)
    run([scheduler], clock, 20)
    clock.now += 3600
    assert len(scheduler.tick()) == 1


def test_the_repeated_hour_fires_once_and_the_skipped_one_as_soon_as_it_can() -> None:
    periodic(cron="30 2 * * *")(job)
    for start, hours in (("2024-10-26 23:00:00", 4), ("2024-03-31 00:00:00", 3)):
        broker, clock = MemoryBroker(), Clock(start)
        assert run([made(broker, clock, zone="Europe/Berlin")], clock, hours * 3600) == 1


def test_the_message_goes_to_the_actors_queue() -> None:
    periodic(every=1)(actor(queue_name="slow", priority=3)(job))
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
    run([made(broker, clock)], clock, 2)
    (message,) = broker.messages()
    assert (message.actor_name, message.queue_name, message.priority) == (NAME, "slow", 3)


def test_a_job_that_is_switched_off_is_not_sent() -> None:
    periodic(every=1)(job)
    broker, clock, told = MemoryBroker(), Clock("2024-05-01 10:00:00"), []
    active = [False]
    scheduler = made(
        broker,
        clock,
        is_active=lambda name: active[0],
        sent=lambda name, slot: told.append((name, slot)),
    )
    assert run([scheduler], clock, 3) == 0
    active[0] = True
    assert run([scheduler], clock, 1) == 1
    assert told == [(NAME, int(clock.now * 1000))]


class Moody(MemoryBroker):
    """A store that does not always answer."""

    well = True

    def swap_slot(
        self, name: str, before: Slot | None, after: Slot, message: Message | None = None
    ) -> bool:
        if not self.well:
            raise BrokerError("the message store does not answer: gone")
        return super().swap_slot(name, before, after, message)


def test_a_store_that_does_not_answer_is_asked_again_within_the_slot(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    monkeypatch.setattr(logging.getLogger("openviper.tasks"), "propagate", True)
    periodic(every=10)(job)
    broker, clock = Moody(), Clock("2024-05-01 10:00:00")
    scheduler = made(broker, clock)
    scheduler.tick()
    broker.well = False
    assert run([scheduler], clock, 15) == 0
    assert "cannot take a slot of" in caplog.text and "not sent" in caplog.text
    broker.well = True
    assert run([scheduler], clock, 1) == 1


def test_the_thread_starts_once_and_stops() -> None:
    periodic(every=3600, startup=True)(job)
    broker = MemoryBroker()
    scheduler = Scheduler(broker, zone="UTC")
    scheduler.start()
    thread = scheduler._thread
    scheduler.start()
    assert scheduler._thread is thread
    while not broker.messages():
        pass
    scheduler.stop()
    assert thread is not None and not thread.is_alive()


def times(
    schedulers: list[Scheduler], clock: Clock, seconds: float, step: float = 1.0
) -> list[float]:
    """Let time go by, and return when something was sent, in seconds from the start."""
    began, sent = clock.now, []
    while clock.now < began + seconds:
        clock.now += step
        for scheduler in schedulers:
            sent += [clock.now - began for _ in scheduler.tick()]
    return sent


def again(broker: MemoryBroker, clock: Clock, zone: str = "UTC", **schedule: Any) -> Scheduler:
    """Return the scheduler of a worker that starts anew, with another schedule for the job."""
    Registry.forget()
    periodic(overlap="allow", **schedule)(job)
    return made(broker, clock, zone=zone)


@pytest.mark.parametrize(
    ("before", "after", "longest"),
    [
        ({"every": "5m"}, {"every": "1h"}, 3600),
        ({"cron": "*/5 * * * *"}, {"every": "1h"}, 3600),
        ({"every": "30s"}, {"cron": "*/5 * * * *"}, 300),
        ({"cron": "0 * * * *"}, {"cron": "*/10 * * * *"}, 600),
        ({"every": "1d"}, {"every": "10s"}, 10),
    ],
)
def test_a_schedule_that_was_changed_begins_anew_and_goes_on(
    before: dict[str, Any], after: dict[str, Any], longest: int
) -> None:
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
    times([again(broker, clock, **before)], clock, 7200, 5)
    sent = times([again(broker, clock, **after)], clock, 12 * 3600, 5)
    assert len(sent) >= 12 * 3600 // longest - 1
    assert (
        max(later - sooner for sooner, later in zip([0.0, *sent], sent, strict=False))
        <= longest + 5
    )


def test_an_interval_longer_than_the_time_between_restarts_runs() -> None:
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
    sent: list[float] = []
    for day in range(14):
        found = times([again(broker, clock, every="1d")], clock, 23 * 3600, 60)
        sent += [day * 23 * 3600 + moment for moment in found]
    assert len(sent) in (12, 13)
    gaps = [later - sooner for sooner, later in zip(sent, sent[1:], strict=False)]
    assert min(gaps) >= 0.9 * 86_400 and max(gaps) <= 1.1 * 86_400


@pytest.mark.parametrize("down", [3.0, 7.5, 9.9, 31.0])
def test_two_firings_are_never_closer_than_nine_tenths_also_around_restarts(down: float) -> None:
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
    sent: list[float] = []
    passed = 0.0
    for _ in range(30):
        found = times([again(broker, clock, every=10)], clock, 17.3, 0.1)
        sent += [passed + moment for moment in found]
        clock.now += down
        passed += 17.3 + down
    gaps = [later - sooner for sooner, later in zip(sent, sent[1:], strict=False)]
    assert len(sent) > 30 and min(gaps) >= 9.0 - 0.11


def test_a_job_that_was_off_does_not_make_up_for_it() -> None:
    periodic(cron="0 2 * * *")(job)
    broker, clock = MemoryBroker(), Clock("2024-03-01 00:00:00")
    active = [True]
    scheduler = made(broker, clock, is_active=lambda _name: active[0])
    assert len(times([scheduler], clock, 2 * 86_400, 60)) == 2
    active[0] = False
    times([scheduler], clock, 2.6 * 86_400, 60)
    active[0] = True
    sent = times([scheduler], clock, 86_400, 60)
    assert sent == [pytest.approx(0.4 * 86_400 + 7200, abs=120)]


def test_a_job_that_is_moved_to_a_later_hour_does_not_run_twice_that_day() -> None:
    broker, clock = MemoryBroker(), Clock("2024-03-01 08:00:00")
    assert len(times([again(broker, clock, cron="0 9 * * *")], clock, 4 * 3600, 60)) == 1
    moved = again(broker, clock, cron="0 10 * * *")
    assert times([moved], clock, 3600, 60) == []
    assert len(times([moved], clock, 86_400, 60)) == 1


@pytest.mark.parametrize("schedule", [{"cron": "*/10 * * * *"}, {"every": 600}])
@pytest.mark.parametrize("restarted", [True, False])
def test_a_clock_that_was_a_year_ahead_heals(
    schedule: dict[str, Any], restarted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
    scheduler = again(broker, clock, **schedule)
    times([scheduler], clock, 3600, 10)
    clock.now += 365 * 86_400
    times([scheduler], clock, 1300, 10)
    clock.now -= 365 * 86_400
    if restarted:
        scheduler = again(broker, clock, **schedule)
    assert len(times([scheduler], clock, 7200, 10)) in (11, 12)
    assert "which is to come: the clock was wrong" in caplog.text


@pytest.mark.parametrize(
    ("schedule", "ahead", "most"),
    [
        ({"every": "1d"}, 23 * 3600, 86_400),  # And not a day more.
        ({"cron": "*/10 * * * *"}, 50 * 60, 600),
        ({"every": "30s"}, 50 * 60, 60),
    ],
)
def test_a_clock_that_was_ahead_delays_no_job_by_more_than_its_interval(
    schedule: dict[str, Any], ahead: int, most: int
) -> None:
    broker, clock = MemoryBroker(), Clock("2026-03-02 08:00:00")
    scheduler = again(broker, clock, **schedule)
    times([scheduler], clock, 90_000, 30)
    clock.now += ahead
    assert times([scheduler], clock, 630, 30)
    clock.now -= ahead
    (first, *_) = times([scheduler], clock, 2 * 86_400, 30)
    assert first <= most + 60


def test_a_project_that_moves_to_another_time_zone_does_not_run_its_jobs_twice_that_day() -> None:
    broker, clock = MemoryBroker(), Clock("2026-03-02 07:00:00")
    scheduler = again(broker, clock, zone="Europe/Berlin", cron="0 9 * * *")
    assert times([scheduler], clock, 5 * 3600, 60) == [3600]
    # It is noon; where the project is now, nine o'clock was an hour after the job has run.
    moved = again(broker, clock, zone="Europe/London", cron="0 9 * * *")
    assert times([moved], clock, 86_400, 60) == [21 * 3600]


@pytest.mark.parametrize(
    ("cron", "count", "gap"),
    [
        ("*/10 * * * *", 30, 600),
        ("0 * * * *", 5, 3600),
        ("* 2 * * *", 120, 60),
        ("30 2 * * *", 1, 0),
    ],
)
def test_in_autumn_what_follows_time_has_no_gap(cron: str, count: int, gap: int) -> None:
    broker, clock = MemoryBroker(), Clock("2026-10-24 22:55:30")  # 00:55:30 in Berlin
    sent = times([again(broker, clock, zone="Europe/Berlin", cron=cron)], clock, 5 * 3600, 10)
    assert len(sent) == count
    assert {round((b - a) / 60) * 60 for a, b in zip(sent, sent[1:], strict=False)} <= {gap}


def test_in_spring_what_is_skipped_runs_once() -> None:
    broker, clock = MemoryBroker(), Clock("2026-03-28 23:55:30")
    sent = times([again(broker, clock, zone="Europe/Berlin", cron="30 2 * * *")], clock, 7200, 10)
    assert len(sent) == 1


def test_overlapping_runs_are_left_out_queued_or_allowed() -> None:
    for overlap, count in (("skip", 1), ("queue", 5), ("allow", 5)):
        Registry.forget()
        periodic(every=10, overlap=overlap)(job)  # type: ignore[arg-type]  # one of the three
        broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
        times([made(broker, clock)], clock, 52)
        messages = [entry.message for entry in broker.entries.values()]
        assert len(messages) == count
        limited = [message for message in messages if message.option("limit")]
        assert len(limited) == (5 if overlap == "queue" else 0)


def test_a_job_has_arguments_a_time_zone_and_a_jitter() -> None:
    Registry.forget()

    @periodic(cron="0 9 * * *", timezone="Asia/Tokyo", args=(1,), kwargs={"b": 2}, jitter=5000)
    def morning(a: int, b: int) -> None:
        """Do nothing."""

    broker, clock = MemoryBroker(), Clock("2024-05-01 23:59:00")
    (moment,) = times([made(broker, clock, zone="America/Lima")], clock, 600)
    assert moment in (60.0, 61.0)
    (entry,) = broker.entries.values()
    assert entry.message.arguments() == ([1], {"b": 2})
    assert 0 <= entry.message.due - entry.message.sent_at <= 5.0


def test_of_two_versions_of_a_project_the_one_that_began_later_sends() -> None:
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
    old = again(broker, clock, every=10)
    old_entry = Registry.schedule()
    times([old], clock, 25)
    new = again(broker, clock, every=60)
    new_entry = Registry.schedule()
    sent = {"old": 0, "new": 0}
    for _ in range(600):
        clock.now += 1
        for name, scheduler, entries in (("new", new, new_entry), ("old", old, old_entry)):
            Registry._schedule = {entry.name: entry for entry in entries}
            sent[name] += len(scheduler.tick())
    assert sent["old"] == 0 and sent["new"] in (9, 10)


def test_one_job_that_cannot_be_looked_at_does_not_stop_the_others() -> None:
    Registry.add_schedule(ScheduleEntry("bad", "bad", "x", cron="not cron"))
    periodic(every=5)(job)
    broker, clock = MemoryBroker(), Clock("2024-05-01 10:00:00")
    assert len(times([made(broker, clock)], clock, 12)) == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(7, 7), ("30s", 30), ("5m", 300), ("1 H", 3600), (" 2d ", 172_800), ("1M", 60)],
)
def test_intervals(text: str | int, seconds: int) -> None:
    assert parse_interval(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "m", "5 weeks", "1.5h", "5  m", "-5m", 0, -1, "0s", True, None, 1.5, "\u0665s"],
)
def test_intervals_that_cannot_be(text: Any) -> None:
    with pytest.raises(ValueError, match="interval"):
        parse_interval(text)


def test_decorating_says_at_once_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="either cron or every"):
        periodic()
    with pytest.raises(ValueError, match="timezone='Mars/Base' is not known"):
        periodic(cron="@daily", timezone="Mars/Base")
    with pytest.raises(ValueError, match="an interval has no time zone"):
        periodic(every=5, timezone="UTC")
    with pytest.raises(ValueError, match="overlap='maybe' must be one of skip, queue, allow"):
        periodic(every=5, overlap="maybe")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(TypeError, match="cannot be called so"):
        periodic(every=5, args=(1,))(job)
    with pytest.raises(ValueError, match="either cron or every"):
        periodic(cron="* * * * *", every=5)
    with pytest.raises(ValueError, match="'61' is not a value for minute"):
        periodic(cron="61 * * * *")
    assert periodic(every=5)(job) is job
    with pytest.raises(ValueError, match=f"there is a periodic job '{NAME}' already"):
        periodic(every=6)(job)
    (entry,) = Registry.schedule()
    assert entry == ScheduleEntry(NAME, NAME, "5", every=5, app_label="schedule")
