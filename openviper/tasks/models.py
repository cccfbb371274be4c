"""What happened to tasks and when periodic jobs were sent, as rows; made by ``migrate`` when ``openviper.tasks`` is installed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from openviper.db.fields import (
    BigIntegerField,
    CharField,
    DateTimeField,
    IntegerField,
    JSONField,
    TextField,
    UUIDField,
)
from openviper.db.models import Model
from openviper.db.sql.permissions import bypass_permissions

TASK_STATUS_CHOICES = [
    ("pending", "Pending"),
    ("running", "Running"),
    ("success", "Success"),
    ("failure", "Failure"),
    ("skipped", "Skipped"),
    ("dead", "Dead"),
]
TRIGGER_SOURCE_CHOICES = [("cron", "Cron"), ("interval", "Interval")]


class TaskResult(Model):
    """The last thing known of one message; written when ``TASKS["logging"]["database"]["task"]`` is on."""

    message_id = UUIDField(unique=True)
    actor_name = CharField(max_length=255)
    queue = CharField(max_length=64, default="default")
    arguments = JSONField(null=True)
    return_value = JSONField(null=True)
    error_traceback = TextField(null=True)
    status = CharField(max_length=16, default="pending", choices=TASK_STATUS_CHOICES)
    retries = IntegerField(default=0)
    duration_ms = BigIntegerField(null=True)
    created_at = DateTimeField(auto_now_add=True)
    updated_at = DateTimeField(auto_now=True)

    class Meta:
        table_name = "openviper_task_result"
        ordering = ["-created_at"]


class ScheduledJob(Model):
    """A periodic job; one whose status is not ``active`` is not sent."""

    app = CharField(max_length=128)
    name = CharField(max_length=255, unique=True)
    schedule = CharField(max_length=64)
    cron_description = CharField(max_length=255, null=True)
    status = CharField(max_length=32, default="active")
    last_enqueued_at = DateTimeField(null=True)
    trigger_source = CharField(max_length=32, choices=TRIGGER_SOURCE_CHOICES)
    last_slot = BigIntegerField(null=True)

    class Meta:
        table_name = "openviper_scheduled_job"
        ordering = ["name"]


async def cleanup_stale_results(max_age_hours: float = 168) -> int:
    """Delete the records of tasks that have not changed for a while, and return their number.

    Args:
        max_age_hours: Their least age.

    Raises:
        ValueError: If it is negative.
    """
    if max_age_hours < 0:
        raise ValueError(f"max_age_hours={max_age_hours!r} is negative")
    before = datetime.now(UTC) - timedelta(hours=max_age_hours)
    with bypass_permissions(reason="old records of tasks"):
        return await TaskResult.objects.filter(updated_at__lt=before).delete()


async def task_status(message_id: str) -> dict[str, Any] | None:
    """Return the record of a message, or `None` if there is none.

    Args:
        message_id: A UUID as text.
    """
    try:
        key = UUID(message_id)
    except ValueError:
        return None
    found = await TaskResult.objects.get_or_none(message_id=key)
    if found is None:
        return None
    return {
        "message_id": str(found.message_id),
        "actor_name": found.actor_name,
        "queue": found.queue,
        "status": found.status,
        "retries": found.retries,
        "duration_ms": found.duration_ms,
        "updated_at": found.updated_at.isoformat(),
    }


async def scheduled_jobs() -> list[dict[str, Any]]:
    """Return every periodic job."""
    return [
        {
            "name": job.name,
            "app": job.app,
            "schedule": job.schedule,
            "status": job.status,
            "last_enqueued_at": None
            if job.last_enqueued_at is None
            else job.last_enqueued_at.isoformat(),
        }
        for job in await ScheduledJob.objects.all()
    ]
