"""Sending periodic jobs, each firing once however many schedulers there are.

The store keeps, for every job, the moment of its last firing and the schedule it was a firing of. Whoever replaces that moment
by a newer one sends the job; the store lets one scheduler do so, and the message is stored in the same step. What is decided
here, and nowhere else:

- A job that was never seen, or whose schedule is another one now, begins anew: the present is noted without a message.
- An interval is over when as much time has passed since the last firing. Firings stay on their grid while they are on time;
  a late one begins a new grid, so that two are never closer than nine tenths of the interval.
- What was missed is made up for once.
- While a job is switched off, its firings are noted without messages.
- A firing noted for a time that is further ahead than can be is taken for an accident of a clock and replaced.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from openviper.conf import settings
from openviper.tasks.actors import Registry
from openviper.tasks.broker import get_broker
from openviper.tasks.brokers.base import Broker, Slot
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.registry import ScheduleEntry
from openviper.tasks.schedule.catalog import Catalog
from openviper.tasks.schedule.cron import compute_next_cron_fire as compute_next_cron_fire
from openviper.tasks.schedule.cron import find_last_cron_fire
from openviper.tasks.schedule.firing import job_message
from openviper.tasks.units import CLOCK_ACCIDENT
from openviper.utils.clock import now as wall_clock

logger = logging.getLogger("openviper.tasks.schedule.scheduler")

TICK = 1.0
"""Longest pause between two looks at the clock, in seconds."""
STARTUP_SECONDS = 60.0
"""Workers that start within so many seconds are one group, whose startup jobs run once."""
ON_TIME = 0.1
"""Share of an interval by which a firing may be late and still stay on its grid."""


@dataclass(slots=True)
class _Known:
    """What this scheduler knows of a job.

    Attributes:
        slot: What the store holds; `None` if nothing.
        text: The schedule that the rest is of.
        next_at: When to look at it again, in seconds since the epoch.
        looked_at: When that was computed: a clock that is put back is noticed by it.
        has_begun: Whether the schedule was noted in the store by this scheduler, or found there.
        is_beaten: Whether another scheduler has another schedule for it, and began later.
    """

    slot: Slot | None
    text: str
    next_at: float = 0.0
    looked_at: float = 0.0
    has_begun: bool = False
    is_beaten: bool = False


class Scheduler:
    """Sends the periodic jobs of the registry and those that were added to the store.

    Args:
        broker: Where slots are taken and messages go; the process's own when not given.
        clock: Tells the time in seconds since the epoch.
        zone: The time zone of cron expressions; the setting `TIME_ZONE` when not given.
        is_active: Tells whether a job is to be sent at all.
        sent: Is told the name and the moment of each job that was sent.
    """

    def __init__(
        self,
        broker: Broker | None = None,
        *,
        clock: Callable[[], float] = wall_clock,
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
        self._known: dict[str, _Known] = {}
        self._startup_left: set[str] = set()
        self._catalog = Catalog(self._store, clock)

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
        """Note which jobs also run at the start; `start` does so itself."""
        self._startup_left = {entry.name for entry in Registry.schedule() if entry.startup}

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
        """Return the seconds until the next job is due, at most `TICK`."""
        now = self._clock()
        waits = [known.next_at - now for known in self._known.values()]
        return max(0.002, min([TICK, *waits]) + 0.001)

    # A look at the clock

    def tick(self) -> list[str]:
        """Send what is due, and return the names of the jobs sent."""
        return [entry.name for entry in self._catalog.entries() if self._try(entry)]

    def _try(self, entry: ScheduleEntry) -> bool:
        """Look at a job, whatever is wrong with it: the others have to be sent."""
        try:
            return self._look_at(entry)
        except BrokerError as error:
            logger.warning("cannot take a slot of %r, so it is not sent: %s", entry.name, error)
        except Exception:
            logger.exception("a look at the periodic job %r failed", entry.name)
        return False

    def _look_at(self, entry: ScheduleEntry) -> bool:
        """Send a job if it is due; return whether it was sent."""
        now = self._clock()
        if entry.name in self._startup_left:
            self._startup_left.discard(entry.name)
            if self._start_up(entry, now):
                return True
        known = self._knowledge_of(entry)
        if known.looked_at <= now < known.next_at:
            return False
        return self._decide(entry, known, now)

    def _knowledge_of(self, entry: ScheduleEntry) -> _Known:
        known = self._known.get(entry.name)
        if known is None or known.text != entry.text:
            known = _Known(self._store().slot(entry.name), entry.text)
            self._known[entry.name] = known
        return known

    def _decide(self, entry: ScheduleEntry, known: _Known, now: float) -> bool:
        known.looked_at = now
        known.next_at = now + TICK
        if known.slot is None or known.slot.schedule not in (entry.text, self._text(entry)):
            self._begin_anew(entry, known, now)
            return False
        known.has_begun = True
        last = known.slot.moment / 1000
        if last > now and last > now + min(self._next(entry, last, last) - last, CLOCK_ACCIDENT):
            logger.warning(
                "the last firing of %r is noted for %s, which is to come: the clock was wrong",
                entry.name,
                datetime.fromtimestamp(last, ZoneInfo("UTC")),
            )
            self._note(entry, known, self._present_slot(entry, now))
            return False
        moment = self._due(entry, last, now)
        if moment is None:
            known.next_at = self._next(entry, last, now)
            return False
        is_sent = self._fire(entry, known, moment)
        if known.slot is not None:
            known.next_at = self._next(entry, known.slot.moment / 1000, now)
        return is_sent

    def _begin_anew(self, entry: ScheduleEntry, known: _Known, now: float) -> None:
        if known.slot is not None and known.has_begun:
            # It was this one's already: another scheduler, of another version of the project, has replaced it.
            if not known.is_beaten:
                logger.warning(
                    "another worker has another schedule for %r; it sends it", entry.name
                )
            known.is_beaten = True
            known.slot = self._store().slot(entry.name)
            return
        self._note(entry, known, self._present_slot(entry, now))

    def _present_slot(self, entry: ScheduleEntry, now: float) -> float:
        """Return the moment to note for a job that begins at present."""
        if entry.every is not None:
            return now
        last = find_last_cron_fire(_cron(entry), self._local(entry, now))
        return now if last is None else last.timestamp()

    def _note(self, entry: ScheduleEntry, known: _Known, moment: float) -> None:
        """Note a firing without sending the job."""
        after = Slot(int(moment * 1000), self._text(entry))
        if self._store().swap_slot(entry.name, known.slot, after):
            known.slot, known.has_begun = after, True
            known.next_at = self._next(entry, moment, known.looked_at)
        else:
            known.slot = self._store().slot(entry.name)

    def _due(self, entry: ScheduleEntry, last: float, now: float) -> float | None:
        """Return the moment of the firing that is due, or `None`."""
        if entry.every is None:
            fire = find_last_cron_fire(_cron(entry), self._local(entry, now))
            # Moments are noted in milliseconds.
            is_new = fire is not None and fire.timestamp() > last + 0.002
            return fire.timestamp() if is_new and fire is not None else None
        late = now - (last + entry.every)
        if late < 0:
            return None
        return last + entry.every if late <= entry.every * ON_TIME else now

    def _next(self, entry: ScheduleEntry, last: float, now: float) -> float:
        """Return when a job is due next."""
        if entry.every is not None:
            return last + entry.every
        return compute_next_cron_fire(_cron(entry), self._local(entry, now)).timestamp()

    def _fire(self, entry: ScheduleEntry, known: _Known, moment: float) -> bool:
        """Take a firing, and with it, in one step of the store, send the job; return whether it was sent."""
        after = Slot(int(moment * 1000), self._text(entry))
        is_on = self._active(entry.name)
        message = job_message(entry, random.random()) if is_on else None
        if not self._store().swap_slot(entry.name, known.slot, after, message):
            known.slot = self._store().slot(entry.name)
            return False
        known.slot = after
        if is_on:
            self._tell(entry, after.moment)
        return is_on

    def _start_up(self, entry: ScheduleEntry, now: float) -> bool:
        """Send a job at the start of the workers: once for all that start within a minute."""
        name, store = f"{entry.name}:startup", self._store()
        before = store.slot(name)
        if before is not None and 0 <= now - before.moment / 1000 < STARTUP_SECONDS:
            return False
        after = Slot(int(now * 1000), "startup")
        if not self._active(entry.name):
            return False
        if not store.swap_slot(name, before, after, job_message(entry, 0.0)):
            return False
        if entry.every is not None:
            # The next one comes an interval later, not when the old grid says so.
            known = _Known(store.slot(entry.name), entry.text, looked_at=now)
            self._known[entry.name] = known
            self._note(entry, known, now)
        self._tell(entry, after.moment)
        return True

    def _active(self, name: str) -> bool:
        if self._catalog.is_paused(name):
            return False
        return self._is_active is None or self._is_active(name)

    def _tell(self, entry: ScheduleEntry, moment: int) -> None:
        logger.debug("sent %r", entry.name)
        if self._sent is not None:
            self._sent(entry.name, moment)

    def _text(self, entry: ScheduleEntry) -> str:
        """Return the whole schedule as it is noted, with the time zone where that is the project's: another one is another schedule."""
        if entry.cron is None or entry.timezone is not None:
            return entry.text
        return f"{entry.text} {self._zone_of(entry)}"

    def _zone_of(self, entry: ScheduleEntry) -> str:
        return entry.timezone or self._zone or settings.TIME_ZONE

    def _local(self, entry: ScheduleEntry, now: float) -> datetime:
        return datetime.fromtimestamp(now, ZoneInfo(self._zone_of(entry)))

    def _store(self) -> Broker:
        return self._broker or get_broker()


def _cron(entry: ScheduleEntry) -> str:
    assert entry.cron is not None  # It is no interval.
    return entry.cron
