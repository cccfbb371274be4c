"""Read-only handlers that show tasks as JSON; a project routes to them where only its operators can go."""

from __future__ import annotations

from typing import Any
from uuid import UUID


async def task_status(message_id: str) -> dict[str, Any] | None:
    """Return the record of a message, or `None` if there is none.

    Args:
        message_id: A UUID as text.
    """
    from openviper.tasks.models import TaskResult

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
    from openviper.tasks.models import ScheduledJob

    return [
        {
            "name": job.name,
            "app": job.app,
            "schedule": job.schedule,
            "status": job.status,
            "last_enqueued_at": None if job.last_enqueued_at is None else job.last_enqueued_at.isoformat(),
        }
        for job in await ScheduledJob.objects.all()
    ]
