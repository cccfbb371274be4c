"""What happened to tasks and when periodic jobs were sent, as rows; made by ``migrate`` when ``openviper.tasks`` is installed."""

from __future__ import annotations

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
