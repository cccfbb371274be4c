"""Deleting old records of tasks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from openviper.db.permissions import bypass_permissions


async def cleanup_stale_results(max_age_hours: float = 168) -> int:
    """Delete the records of tasks that have not changed for a while, and return their number.

    Args:
        max_age_hours: Their least age.

    Raises:
        ValueError: If it is negative.
    """
    if max_age_hours < 0:
        raise ValueError(f"max_age_hours={max_age_hours!r} is negative")
    from openviper.tasks.models import TaskResult

    before = datetime.now(UTC) - timedelta(hours=max_age_hours)
    with bypass_permissions(reason="old records of tasks"):
        return await TaskResult.objects.filter(updated_at__lt=before).delete()
