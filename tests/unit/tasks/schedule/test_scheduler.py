"""The scheduler under a clock of our own: slots, starts, steps of the clock, and a store that does not answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from openviper.tasks import Registry, actor, periodic
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import Message
from openviper.tasks.periodic import parse_interval
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
        sent += sum(len(one.tick()) for one in schedulers)
    return sent


def test_an_interval_fires_once_per_slot_whoever_looks() -> None:
    periodic(every="10s")(job)
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
    assert run([scheduler], clock, 59) == 0
    assert run([scheduler], clock, 1) == 1
    assert run([scheduler], clock, 29) == 0


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
    assert run([scheduler], clock, 60) == 6
    clock.now -= 40
    assert run([scheduler], clock, 40) == 0
    assert run([scheduler], clock, 20) == 2


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
    run([made(broker, clock)], clock, 1)
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
    assert told == [(NAME, int(clock.now))]


class Moody(MemoryBroker):
    """A store that does not always answer."""

    well = True

    def claim_slot(self, name: str, slot: int, message: Message | None = None) -> bool:
        if not self.well:
            raise BrokerError("the message store does not answer: gone")
        return super().claim_slot(name, slot, message)


def test_a_store_that_does_not_answer_is_asked_again_within_the_slot(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    monkeypatch.setattr(logging.getLogger("openviper.tasks"), "propagate", True)
    periodic(every=10)(job)
    broker, clock = Moody(), Clock("2024-05-01 10:00:00")
    scheduler = made(broker, clock)
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
    with pytest.raises(ValueError, match="either cron or every"):
        periodic(cron="* * * * *", every=5)
    with pytest.raises(ValueError, match="'61' is no minute"):
        periodic(cron="61 * * * *")
    assert periodic(every=5)(job) is job
    with pytest.raises(ValueError, match=f"there is a periodic job '{NAME}' already"):
        periodic(every=6)(job)
    (entry,) = Registry.schedule()
    assert entry == {
        "name": NAME, "schedule": "5", "cron": None, "every": 5, "startup": False, "retries": 3, "app_label": "schedule",
    }  # fmt: skip
