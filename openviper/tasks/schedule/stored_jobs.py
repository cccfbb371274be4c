"""Periodic jobs as rows of `ScheduledJob`, where people see them and can switch them off."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from openviper.conf import settings
from openviper.db.connection import close_db
from openviper.db.sql.permissions import bypass_permissions
from openviper.tasks.actors import Registry
from openviper.tasks.registry import ScheduleEntry
from openviper.tasks.schedule.cron import CronExpression, parse_cron

logger = logging.getLogger("openviper.tasks.schedule.scheduler")

LOOK_AGAIN = 10.0
"""Seconds for which the status of the jobs is remembered."""
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def is_installed() -> bool:
    """Return whether the rows exist at all: the app ``openviper.tasks`` is installed."""
    return "openviper.tasks" in settings.INSTALLED_APPS


async def sync_scheduled_jobs() -> int:
    """Write one row per registered job, and mark the rows of unknown ones ``orphaned``; nothing is deleted.

    Returns:
        The number of registered jobs.
    """
    # Late: models are made once the project's database is configured.
    from openviper.tasks.models import ScheduledJob

    entries = Registry.schedule()
    with bypass_permissions(reason="periodic jobs"):
        rows = {row.name: row for row in await ScheduledJob.objects.all()}
        for entry in entries:
            await _write(ScheduledJob, rows.pop(entry.name, None), entry)
        await _orphan(rows.values())
    return len(entries)


async def _orphan(rows: Iterable[Any]) -> None:
    for row in rows:
        if row.status == "active":
            row.status = "orphaned"
            await row.save()


def _values(entry: ScheduleEntry) -> dict[str, str | None]:
    return {
        "app": entry.app_label,
        "schedule": entry.schedule,
        "cron_description": describe_cron(entry.cron) if entry.cron else None,
        "trigger_source": "cron" if entry.cron else "interval",
    }


async def _write(model: Any, row: Any, entry: ScheduleEntry) -> None:
    values = _values(entry)
    if row is None:
        await model.objects.get_or_create(values, name=entry.name)
        return
    for name, value in values.items():
        setattr(row, name, value)
    if row.status == "orphaned":  # It is known again; any other status is somebody's decision.
        row.status = "active"
    await row.save()


def sync_now() -> None:
    """Do `sync_scheduled_jobs` on an event loop of its own; a failure is logged and stops nothing."""
    if not is_installed():
        return

    async def work() -> None:
        try:
            await sync_scheduled_jobs()
        finally:
            await close_db()

    try:
        asyncio.run(work())
    except Exception as error:
        logger.warning("the rows of the periodic jobs could not be written: %s", error)


class JobStatus:
    """What the rows say about jobs, looked up by a scheduler's thread; without the rows every job is active."""

    def __init__(self) -> None:
        self._inactive: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    def is_active(self, name: str) -> bool:
        """Return whether a job is to be sent."""
        now = time.monotonic()
        if now - self._read_at > LOOK_AGAIN:
            self._read_at = now
            self._read()
        return name not in self._inactive

    def _read(self) -> None:
        try:
            self._inactive = frozenset(asyncio.run(_inactive_jobs()))
        except Exception as error:
            logger.warning("cannot read which periodic jobs are switched off: %s", error)

    def note(self, name: str, slot: int) -> None:
        """Write down when a job was sent."""
        try:
            asyncio.run(_note(name, slot))
        except Exception as error:
            logger.warning("cannot write when %r was sent: %s", name, error)


async def _inactive_jobs() -> list[str]:
    # Late: models are made once the project's database is configured.
    from openviper.tasks.models import ScheduledJob

    try:
        with bypass_permissions(reason="periodic jobs"):
            return list(
                await ScheduledJob.objects.exclude(status__in=["active", "orphaned"]).values_list(
                    "name", flat=True
                )
            )
    finally:
        await close_db()


async def _note(name: str, slot: int) -> None:
    # Late: models are made once the project's database is configured.
    from openviper.tasks.models import ScheduledJob

    try:
        with bypass_permissions(reason="periodic jobs"):
            await ScheduledJob.objects.filter(name=name).update(
                last_enqueued_at=datetime.now(UTC), last_slot=slot
            )
    finally:
        await close_db()


def describe_cron(expr: str) -> str:
    """Return a cron expression in words, as far as that is shorter than the expression itself.

    Raises:
        ValueError: If it cannot be understood.
    """
    parsed = parse_cron(expr)
    words = _within_an_hour(parsed) or _once_a_day(parsed)
    return words or f"cron {parsed.text}"


def _within_an_hour(parsed: CronExpression) -> str | None:
    minute, *others = parsed.text.split()
    if others != ["*"] * 4:
        return None
    if minute == "*":
        return "every minute"
    if minute.startswith("*/"):
        return f"every {minute[2:]} minutes"
    return f"every hour at minute {parsed.minutes[0]}" if len(parsed.minutes) == 1 else None


def _is_once(parsed: CronExpression) -> bool:
    """Return whether an expression fires at one time of a day, and its days need no words of their own."""
    if parsed.day_rules or parsed.week_rules:
        return False
    return len(parsed.minutes) == 1 and len(parsed.hours) == 1


def _once_a_day(parsed: CronExpression) -> str | None:
    _, _, day, month, weekday = parsed.text.split()
    if not _is_once(parsed) or month != "*":
        return None
    days = _days_in_words(parsed, day, weekday)
    return None if days is None else days.format(f"at {parsed.hours[0]:02}:{parsed.minutes[0]:02}")


def _days_in_words(parsed: CronExpression, day: str, weekday: str) -> str | None:
    """Return on which days, with a place for the time; `None` if there are no short words for it."""
    if (day, weekday) == ("*", "*"):
        return "every day {}"
    if day == "*":
        names = ", ".join(_WEEKDAYS[number] for number in sorted(parsed.weekdays))
        return f"every {names} {{}}"
    if weekday == "*" and len(parsed.days) == 1:
        return f"on day {next(iter(parsed.days))} of every month {{}}"
    return None
