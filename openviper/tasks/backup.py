"""The periodic jobs of OpenViper itself: so far the backup that ``TASKS["backup"]`` asks for.

A worker imports this module; where the setting has no such key, there is no such job.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from openviper.tasks.actors import actor
from openviper.tasks.broker import tasks_config

if TYPE_CHECKING:
    from openviper.backup.scheduled import BackupSchedule

logger = logging.getLogger("openviper.tasks.backup")

BACKUP_NAME = "openviper.backup"
BACKUP_LIMIT = timedelta(hours=6)
"""What a backup of all databases may take."""


def backup_schedule() -> BackupSchedule | None:
    """Return what ``TASKS["backup"]`` asks for, or `None` if it is not set."""
    return tasks_config().backup


async def back_up() -> None:
    """Back up the databases that ``TASKS["backup"]`` names.

    Raises:
        SomeBackupsFailedError: If at least one backup failed; the others are kept.
    """
    # Late: a worker loads what makes backups with the first one.
    from openviper.backup.scheduled import run_scheduled_backup

    schedule = backup_schedule()
    if schedule is None:  # It was sent by a process with other settings.
        logger.warning("a backup was asked for, and TASKS['backup'] is not set")
        return
    results = await run_scheduled_backup(
        schedule.path, keep=schedule.retention, databases=schedule.databases, level=schedule.level
    )
    for alias, result in results.items():
        logger.info("backed up %r to %s", alias, result.path)


def register() -> None:
    """Register the jobs that the settings ask for."""
    schedule = backup_schedule()
    if schedule is not None:
        # Late: a worker without periodic jobs does not load what they need.
        from openviper.tasks.schedule.periodic import periodic

        # What fails is tried again a minute later, and twice as long each time: a full disk may have been cleared.
        options = actor(
            actor_name=BACKUP_NAME,
            time_limit=BACKUP_LIMIT,
            min_backoff=timedelta(minutes=1),
            max_backoff=timedelta(hours=1),
        )
        periodic(cron=schedule.cron, retries=3)(options(back_up))


register()
