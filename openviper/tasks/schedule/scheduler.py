"""Sending periodic jobs, each firing once however many schedulers there are.

Every firing has a *slot*: the minute of a cron job, or the number of the interval since the epoch. Whoever takes the slot
at the broker sends the job; the broker gives each to one only, and none before the last one. A broker that does not answer
gives nothing, and is asked again as long as the slot lasts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from openviper.tasks.actors import Registry
from openviper.tasks.broker import get_broker
from openviper.tasks.brokers.base import Broker
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import Message
from openviper.tasks.registry import ScheduleEntry
from openviper.tasks.schedule.cron import compute_next_cron_fire as compute_next_cron_fire
from openviper.tasks.schedule.cron import find_last_cron_fire

logger = logging.getLogger("openviper.tasks.schedule.scheduler")

TICK = 1.0
"""Longest pause between two looks at the clock, in seconds."""
STARTUP_GRID = 120
"""Seconds; see `Scheduler._claims_startup`."""


class Scheduler:
    """Sends the periodic jobs of the registry.

    Args:
        broker: Where slots are taken and messages go; the process's own when not given.
        clock: Tells the time in seconds since the epoch.
        zone: The time zone of cron expressions; the setting `TIME_ZONE` when not given.
        is_active: Tells whether a job is to be sent at all.
        sent: Is told the name and the slot of each job that was sent.
    """

    def __init__(
        self,
        broker: Broker | None = None,
        *,
        clock: Callable[[], float] = time.time,
        zone: str | None = None,
        is_active: Callable[[str], bool] | None = None,
        sent: Callable[[str, int], None] | None = None,
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._zone = zone
        self._is_active = is_active
        self._sent = sent
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._started_at = 0.0
        self._taken: dict[str, int] = {}
        self._startup_left: set[str] = set()

    # Life

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self._thread is not None:
            return
        self.begin()
        self._thread = threading.Thread(
            target=self._run, name="openviper-tasks-scheduler", daemon=True
        )
        self._thread.start()

    def begin(self) -> None:
        """Take note of the time; `start` does so itself."""
        self._started_at = self._clock()
        self._startup_left = {entry["name"] for entry in Registry.schedule() if entry["startup"]}

    def stop(self) -> None:
        """Stop the thread and wait for it, for 5 s at most."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
            self._thread = None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.tick()
            except Exception:
                logger.exception("a look at the periodic jobs failed")
            self._stop.wait(self._pause())

    def _pause(self) -> float:
        """Return the seconds until the next slot begins, at most `TICK`."""
        now = self._clock()
        pause = TICK
        for entry in Registry.schedule():
            interval = entry["every"] or 60
            pause = min(pause, interval - now % interval)
        return max(0.001, pause + 0.001)

    # A look at the clock

    def tick(self) -> list[str]:
        """Send what is due, and return the names of the jobs sent."""
        now = self._clock()
        sent = []
        for entry in Registry.schedule():
            name = entry["name"]
            if name in self._startup_left:
                self._startup_left.discard(name)
                if self._active(name) and self._claims_startup(entry, now):
                    self._note(entry, int(now))
                    sent.append(name)
            slot = self._due_slot(entry, now)
            if slot is None or slot <= self._taken.get(name, -1):
                continue
            if self._active(name) and self._claims(entry, slot):
                self._note(entry, slot)
                sent.append(name)
        return sent

    def _active(self, name: str) -> bool:
        return self._is_active is None or self._is_active(name)

    def _due_slot(self, entry: ScheduleEntry, now: float) -> int | None:
        interval = entry["every"]
        if interval is not None:
            # The first one comes an interval after the start, then one with each slot.
            return int(now // interval) if now >= self._started_at + interval else None
        assert entry["cron"] is not None
        fire = find_last_cron_fire(entry["cron"], datetime.fromtimestamp(now, self._time_zone()))
        if fire is None:
            return None
        slot = int(fire.timestamp() // 60)
        if fire.timestamp() < self._started_at and entry["name"] not in self._taken:
            # From before the start: missed, if it was ever sent and this one was not.
            last = self._ask_last(entry["name"])
            if last is None or last >= slot:
                self._taken[entry["name"]] = slot
                return None
        return slot

    def _time_zone(self) -> ZoneInfo:
        if self._zone is None:
            from openviper.conf import settings

            self._zone = settings.TIME_ZONE
        return ZoneInfo(self._zone)

    def _ask_last(self, name: str) -> int | None:
        try:
            return self._store().last_slot(name)
        except BrokerError as error:
            logger.warning("cannot tell when %r was sent last: %s", name, error)
            return None

    def _store(self) -> Broker:
        return self._broker or get_broker()

    def _claims(self, entry: ScheduleEntry, slot: int) -> bool:
        """Take a slot, and with it, in one step of the store, send the job."""
        try:
            taken = self._store().claim_slot(entry["name"], slot, _message(entry))
        except BrokerError as error:
            logger.warning("cannot take a slot of %r, so it is not sent: %s", entry["name"], error)
            return False
        self._taken[entry["name"]] = slot
        return taken

    def _claims_startup(self, entry: ScheduleEntry, now: float) -> bool:
        """Take the start of this group of workers, and send the job: true for one of all that start within a minute.

        Two grids, half a field apart: whoever is close to another one shares a field with it in at least one of them.
        """
        name, store, half = entry["name"], self._store(), STARTUP_GRID // 2
        try:
            if not store.claim_slot(f"{name}:startup:0", int(now // STARTUP_GRID)):
                return False
            return store.claim_slot(
                f"{name}:startup:{half}", int((now + half) // STARTUP_GRID), _message(entry)
            )
        except BrokerError as error:
            logger.warning("cannot take the start of %r, so it is not sent: %s", name, error)
            return False

    def _note(self, entry: ScheduleEntry, slot: int) -> None:
        logger.info("sent the periodic job %r", entry["name"])
        if self._sent is not None:
            self._sent(entry["name"], slot)


def _message(entry: ScheduleEntry) -> Message:
    actor = Registry.get_actor(entry["name"])
    return Message(
        actor.actor_name, actor.queue_name, '{"args":[],"kwargs":{}}', priority=actor.priority
    )
