"""The periodic jobs: those in the code, and those that were added, paused or changed at run time."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from openviper.tasks.actors import Actor, Registry
from openviper.tasks.broker import get_broker
from openviper.tasks.brokers.base import Broker, StoredSchedule
from openviper.tasks.exceptions import BrokerError, OpenViperTasksError
from openviper.tasks.limits import check_key
from openviper.tasks.message import to_json
from openviper.tasks.registry import Overlap, ScheduleEntry
from openviper.tasks.schedule.firing import job_message
from openviper.tasks.schedule.periodic import make_entry
from openviper.tasks.sending import (
    as_arguments,
    as_named_arguments,
    check_queue,
    is_disabled,
    send_messages,
)
from openviper.tasks.units import Duration
from openviper.utils.clock import now

logger = logging.getLogger("openviper.tasks.schedule.scheduler")
LOOK_AGAIN = 1.0
"""Seconds for which what the store says of the jobs is remembered."""
_STORED = (
    "actor_name",
    "cron",
    "every",
    "retries",
    "timezone",
    "args",
    "kwargs",
    "jitter",
    "overlap",
    "queue_name",
)
"""What is stored of a job that was added."""


class Catalog:
    """All periodic jobs, as a scheduler sees them.

    Args:
        store: Returns the broker.
        clock: Tells the time in seconds.
    """

    def __init__(self, store: Callable[[], Broker], clock: Callable[[], float] = now) -> None:
        self._store = store
        self._clock = clock
        self._read_at = float("-inf")
        self._added: list[ScheduleEntry] = []
        self._paused: frozenset[str] = frozenset()
        self._stored: list[StoredSchedule] = []

    def entries(self) -> list[ScheduleEntry]:
        """Return the jobs; one in the code hides one of its name that was added."""
        if not 0 <= self._clock() - self._read_at < LOOK_AGAIN:
            self._read_at = self._clock()
            self._read()
        coded = Registry.schedule()
        names = {entry.name for entry in coded}
        return [*coded, *(entry for entry in self._added if entry.name not in names)]

    def is_paused(self, name: str) -> bool:
        """Return whether a job was paused."""
        return name in self._paused

    def _read(self) -> None:
        try:
            stored = self._store().schedules()
        except BrokerError as error:
            logger.warning("cannot read which periodic jobs were added or paused: %s", error)
            return
        if stored != self._stored:
            self._remember(stored)

    def _remember(self, stored: list[StoredSchedule]) -> None:
        self._stored = stored
        self._paused = frozenset(item.name for item in stored if item.is_paused)
        entries = map(read_entry, stored)
        self._added = [entry for entry in entries if entry is not None]


def read_entry(stored: StoredSchedule) -> ScheduleEntry | None:
    """Return a job that was added; `None` for one in the code, and, with a line in the log, for one that cannot be read."""
    if stored.definition is None:
        return None
    try:
        values = json.loads(stored.definition)
        values["args"] = tuple(values.get("args", ()))
        return make_entry(stored.name, **values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        logger.error("the stored periodic job %r cannot be read: %s", stored.name, error)
        return None


# What people do at run time


def _is_coded(name: str) -> bool:
    return any(entry.name == name for entry in Registry.schedule())


def _find_stored(name: str) -> StoredSchedule | None:
    return next((item for item in get_broker().schedules() if item.name == name), None)


def _definition(entry: ScheduleEntry) -> str:
    values = {key: getattr(entry, "jitter_ms" if key == "jitter" else key) for key in _STORED}
    return to_json({key: value for key, value in values.items() if value is not None})


def add_schedule(
    name: str,
    actor: Actor[Any, Any] | str,
    *,
    cron: str | None = None,
    every: str | int | None = None,
    retries: int | None = None,
    timezone: str | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    jitter: Duration = 0,
    overlap: Overlap = "skip",
    queue: str | None = None,
) -> None:
    """Add a periodic job to the store, or change the one of this name; running schedulers see it within a second.

    Args:
        name: The job.
        actor: What it runs, or the name of that.
        cron: As for `periodic`, like all the others.
        every: An interval.
        retries: Runs after the first failure; those of the actor when not given.
        timezone: The time zone of `cron`.
        args: Positional arguments.
        kwargs: Keyword arguments.
        jitter: Milliseconds or a `timedelta`.
        overlap: ``"skip"``, ``"queue"`` or ``"allow"``.
        queue: The queue; the actor's own when not given.

    Raises:
        ValueError: If a value cannot be used, or the job is in the code.
        TypeError: If the arguments cannot be written as JSON, or the actor cannot be called so.
        BrokerError: If the store does not answer.
    """
    check_key("name", name)
    if _is_coded(name):
        raise ValueError(f"the periodic job {name!r} is in the code; change it there, or pause it")
    known = actor if isinstance(actor, Actor) else Registry.find_actor(check_key("actor", actor))
    if known is not None:
        known.check_overlap(overlap)
        args, kwargs = known.sent(as_arguments(args), as_named_arguments(kwargs))
    entry = make_entry(
        name,
        actor if isinstance(actor, str) else actor.actor_name,
        cron=cron,
        every=every,
        retries=retries,
        timezone=timezone,
        args=args,
        kwargs=kwargs,
        jitter=jitter,
        overlap=overlap,
        queue_name=None if queue is None else check_queue(queue),
    )
    before = _find_stored(name)
    is_paused = before is not None and before.is_paused
    get_broker().save_schedule(StoredSchedule(name, _definition(entry), is_paused))


def remove_schedule(name: str) -> bool:
    """Remove a periodic job that was added; return whether it was there.

    Raises:
        ValueError: If the job is in the code.
        BrokerError: If the store does not answer.
    """
    if _is_coded(name):
        raise ValueError(f"the periodic job {name!r} is in the code; pause it instead")
    return get_broker().remove_schedule(name)


def pause_schedule(name: str) -> None:
    """Have a periodic job, in the code or added, not sent until `resume_schedule`.

    Raises:
        LookupError: If there is no such job.
        BrokerError: If the store does not answer.
    """
    _set_paused(name, is_paused=True)


def resume_schedule(name: str) -> None:
    """Have a paused job sent again, from its next time on.

    Raises:
        LookupError: If there is no such job.
        BrokerError: If the store does not answer.
    """
    _set_paused(name, is_paused=False)


def _set_paused(name: str, *, is_paused: bool) -> None:
    stored = _find_stored(name)
    if stored is None:
        if not _is_coded(name):
            raise LookupError(f"there is no periodic job {name!r}")
        stored = StoredSchedule(name, None, False)
    get_broker().save_schedule(stored._replace(is_paused=is_paused))


def list_schedules() -> list[tuple[ScheduleEntry, bool]]:
    """Return every periodic job, and whether it is paused.

    Raises:
        BrokerError: If the store does not answer.
    """
    catalog = Catalog(get_broker)
    return [(entry, catalog.is_paused(entry.name)) for entry in catalog.entries()]


def run_schedule_now(name: str) -> str:
    """Send a periodic job at once, paused or not, beside its schedule; return the message's id.

    Raises:
        LookupError: If there is no such job.
        OpenViperTasksError: If tasks are disabled.
        BrokerError: If the store does not answer.
    """
    if is_disabled():
        raise OpenViperTasksError("a periodic job needs a worker, and tasks are disabled")
    for entry, _ in list_schedules():
        if entry.name == name:
            message = job_message(entry, 0.0, guards_overlap=False)
            send_messages([message])
            return message.message_id
    raise LookupError(f"there is no periodic job {name!r}")
